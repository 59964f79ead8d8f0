// The endpoints of other hosts on a network that is not followed.
import type { HostId, NetworkId } from '../../model/ids.ts';
import type { ClusterHost, Peer } from '../../model/peer.ts';
import { decodeEndpoint, decodeHost } from './records.ts';
import type { Site } from './site.ts';

/** Of hosts that live. Errors: `unavailable`. */
export async function readPeers(
  { store, layout, host: self }: Site,
  networkId: NetworkId,
): Promise<readonly Peer[]> {
  const [hosts, parts] = await Promise.all([store.read(layout.hosts), store.read(layout.partsOf(networkId))]);
  const living = new Map<HostId, ClusterHost>();
  for (const { key, value } of hosts.keys) {
    const host = decodeHost(key.slice(layout.hosts.length) as HostId, value);
    if (host !== undefined && host.id !== self.id) living.set(host.id, host);
  }
  return parts.keys.flatMap(({ key, value }) => {
    const id = layout.parsePart(key)?.endpoint;
    const owned = id && decodeEndpoint({ networkId, id }, value);
    const host = owned && living.get(owned.host);
    return owned === undefined || host === undefined ? [] : [{ ...owned.endpoint, host }];
  });
}
