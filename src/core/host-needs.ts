// What networks need of the host beyond what is theirs: that it forwards packets, and that others' firewalls let them through.
import type { ForwardingNeed } from '../drivers/host-forwarding.ts';
import type { Difference } from '../model/difference.ts';
import type { Network } from '../model/network.ts';
import { isInUse, isOnDemand, networkPolicy } from './desired.ts';
import { driverOf } from './lookup.ts';
import type { Parts } from './parts.ts';

interface HostNeeds {
  readonly forwarding: ForwardingNeed;
  /** Bridges of networks in use. */
  readonly bridges: readonly string[];
}

/** As the records are now. A built-in network, which nobody asked for, needs nothing until somebody is on it, and soon after. */
function hostNeeds(parts: Parts): HostNeeds {
  const used = [...parts.store.state.networks.values()].filter((network) => !isIdle(parts, network));
  const routed = used.flatMap((network) => driverOf(parts, network).needsForwarding?.(network) ?? []);
  return {
    forwarding: { ipv4: routed.some(({ ipv4 }) => ipv4), ipv6: routed.some(({ ipv6 }) => ipv6) },
    bridges: used.flatMap((network) => networkPolicy(parts, network)?.ifname ?? []),
  };
}

/** After a network came or went, or the first endpoint of a built-in one. Errors: as `HostForwarding.bringAbout`. */
export async function followHostNeeds(parts: Parts): Promise<void> {
  const { forwarding, bridges } = hostNeeds(parts);
  await Promise.all([parts.forwarding.bringAbout(forwarding), parts.passage.follow(bridges)]);
}

/** After an endpoint went. What a built-in network needs with its last one, it needs a while longer. */
export function leaveNetwork(parts: Parts, network: Network): void {
  if (!network.builtin || endpointCount(parts, network) > 0) return;
  parts.lingering.begin(network.id, () => void takeBack(parts));
}

/** How long a firewall of others may hold up the end of the daemon. */
const lastPatienceMs = 1000;

/** Before the end: with nobody on it a built-in network needs nothing now. */
export async function endLingering(parts: Parts): Promise<void> {
  if (!parts.lingering.close()) return;
  const late = new Promise<void>((resolve) => void setTimeout(resolve, lastPatienceMs).unref());
  await Promise.race([takeBack(parts), late]);
}

async function takeBack(parts: Parts): Promise<void> {
  try {
    await followHostNeeds(parts);
  } catch (error) {
    parts.log.warn({ reason: String(error) }, 'what no network needs any more could not be taken back');
  }
}

/** Whatever was known of the host before. Errors: as `HostForwarding.bringAbout`. */
export async function meetHostNeeds(parts: Parts): Promise<void> {
  const { forwarding, bridges } = hostNeeds(parts);
  await Promise.all([parts.forwarding.bringAbout(forwarding), parts.passage.bringAbout(bridges)]);
}

export async function inspectHost(parts: Parts): Promise<readonly Difference[]> {
  const { forwarding, bridges } = hostNeeds(parts);
  return [...(await parts.forwarding.inspect(forwarding)), ...(await parts.passage.inspect(bridges))];
}

/** What concerns networks and is not for us to change, or was changed for their sake. */
export async function hostNotes(parts: Parts): Promise<readonly Difference[]> {
  return [...parts.forwarding.notes(), ...(await parts.passage.notes(hostNeeds(parts).bridges))];
}

/** Whether what the host is asked for hangs on an endpoint of this network that comes, or cannot: on the first. */
export function changesNeeds(parts: Parts, network: Network): boolean {
  return network.builtin && endpointCount(parts, network) <= 1;
}

function isIdle(parts: Parts, network: Network): boolean {
  if (isOnDemand(parts, network)) return !isInUse(parts.store.state, network);
  return network.builtin && endpointCount(parts, network) === 0 && !parts.lingering.has(network.id);
}

function endpointCount({ store }: Parts, { id }: Network): number {
  return store.state.endpointsByNetwork.get(id)?.size ?? 0;
}
