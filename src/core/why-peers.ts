// Endpoints of other hosts, as `net why` asks for them: by name or address, and with what the tracer needs to know.
import { addressOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Network } from '../model/network.ts';
import type { Peer } from '../model/peer.ts';
import type { TracedPeer } from '../tracer/tracer.ts';
import { networkPolicy } from './desired.ts';
import type { Parts } from './parts.ts';

/** On any network of the cluster. Errors: `unavailable` when nobody known goes by that name and not all networks could be looked at. */
export async function peersCalled(parts: Parts, name: string): Promise<readonly Peer[]> {
  const unread: unknown[] = [];
  const found: Peer[] = [];
  for (const network of sharedNetworks(parts)) {
    try {
      const peers = knownPeers(parts, network) ?? (await parts.cluster.readPeers(network));
      found.push(...peers.filter(({ names }) => names.includes(name)));
    } catch (error) {
      unread.push(error);
    }
  }
  if (found.length === 0 && unread.length > 0) {
    const [cause] = unread;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NetError('unavailable', `no sandbox ${name} here, and other hosts cannot be asked: ${reason}`, {
      cause,
    });
  }
  return found;
}

/** With an address, on networks that sandboxes here are on. */
export function peersAt(parts: Parts, address: IpAddress): readonly Peer[] {
  return sharedNetworks(parts)
    .flatMap((network) => knownPeers(parts, network) ?? [])
    .filter(({ addresses }) => addresses.some((one) => addressOf(one) === address));
}

/** Undefined when nobody here is on its network, so that there is no way to it. */
export function tracedPeer(
  parts: Parts,
  { networkId, names, addresses, mac, host }: Peer,
): TracedPeer | undefined {
  const network = parts.store.state.networks.get(networkId);
  const bridge = network && networkPolicy(parts, network)?.ifname;
  if (bridge === undefined) return undefined;
  return { name: names[0] ?? '', addresses: addresses.map(addressOf), mac, bridge, host };
}

function sharedNetworks(parts: Parts): readonly Network[] {
  return [...parts.store.state.networks.values()].filter(({ shared }) => shared === true);
}

function knownPeers(parts: Parts, { id }: Network): readonly Peer[] | undefined {
  const peers = parts.cluster.peersOf(id);
  return peers && [...peers.values()];
}
