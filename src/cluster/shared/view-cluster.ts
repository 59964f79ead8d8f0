// The cluster as the doors show it.
import type { ClusterMemberView, ClusterState, ClusterView } from '../../model/cluster-view.ts';
import type { Follower } from './follower.ts';
import type { KnownHosts } from './known-hosts.ts';
import type { Membership } from './membership.ts';
import type { Site } from './site.ts';
import type { Standing } from './standing.ts';
import type { Unusable } from './teller.ts';

export interface Seen {
  readonly site: Site;
  readonly prefix: string;
  readonly standing: Standing;
  readonly membership: Membership;
  readonly hosts: KnownHosts;
  readonly followers: readonly Follower[];
  readonly isFenced: boolean;
  readonly unpublished: number;
  readonly unusable: readonly Unusable[];
}

export function viewCluster(seen: Seen): ClusterView {
  const { site, membership } = seen;
  const { schema } = membership;
  const { lastError } = site.store;
  const lease = viewLease(seen);
  const revision = viewRevision(seen);
  return {
    state: stateOf(seen),
    hostId: site.host.id,
    hostName: site.host.name,
    address: site.host.address,
    endpoints: site.store.endpoints,
    prefix: seen.prefix,
    members: viewMembers(seen),
    ...(lease && { lease }),
    ...(schema && { graceSeconds: schema.graceSeconds }),
    ...(revision && { revision }),
    unpublished: seen.unpublished,
    unusable: seen.unusable,
    ...(lastError && { lastError }),
  };
}

function stateOf({ membership, isFenced, followers }: Seen): ClusterState {
  if (membership.refused !== undefined) return 'refused';
  if (isFenced) return 'fenced';
  return membership.isJoined && followers.every(({ isLive }) => isLive) ? 'joined' : 'away';
}

function viewLease({ standing, site }: Seen) {
  const { liveness } = standing;
  if (liveness === undefined) return undefined;
  const renewedSecondsAgo = Math.floor((site.clock.nowMs() - liveness.renewedAtMs) / 1000);
  return { id: liveness.lease, ttlSeconds: liveness.ttlSeconds, renewedSecondsAgo };
}

/** What has not been followed for longest counts. Less than a second is not told, but that it is not followed is. */
function viewRevision({ followers, site }: Seen) {
  const { newest } = site.store;
  if (newest === 0) return undefined;
  const since = followers.flatMap(({ behindSinceMs }) => behindSinceMs ?? []);
  if (since.length === 0) return { newest, behindSeconds: 0 };
  return { newest, behindSeconds: Math.ceil((site.clock.nowMs() - Math.min(...since)) / 1000) };
}

/** By name, those that live first. */
function viewMembers({ hosts, site }: Seen): readonly ClusterMemberView[] {
  const { living } = hosts;
  const away = hosts.claimants().filter(({ id }) => !living.has(id));
  return [...living.values(), ...away]
    .map(({ id, name, address }) => ({
      id,
      name,
      address,
      alive: hosts.isAlive(id),
      self: id === site.host.id,
    }))
    .sort((a, b) => Number(b.alive) - Number(a.alive) || (a.name < b.name ? -1 : 1));
}
