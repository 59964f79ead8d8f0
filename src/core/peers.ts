// Endpoints of other hosts: telling the cluster of ours, and the kernel and the resolver of theirs.
import { addressOf } from '../base/cidr.ts';
import type { Difference } from '../model/difference.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EndpointId, NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Peer, PeerChange, SharedEndpoint } from '../model/peer.ts';
import { attachmentOf, nameEntry } from './desired.ts';
import { driverOf, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';

/** What other hosts are told of an endpoint; undefined when there is nothing they could do with it. */
export function sharedEndpoint(parts: Parts, endpoint: Endpoint): SharedEndpoint | undefined {
  const { state } = parts.store;
  const network = networkOf(state, endpoint);
  if (network.shared !== true) return undefined;
  const entry = nameEntry(state, endpoint);
  const attachment = attachmentOf(parts, endpoint);
  if (entry === undefined || attachment === undefined) return undefined;
  const { id, networkId, sandboxId, addresses } = endpoint;
  const { names, services } = entry;
  return { id, networkId, sandboxId, names, mac: attachment.mac, addresses, services };
}

/** Tells others of an endpoint as it is now. Nothing to do on networks that end at this host. */
export async function publish(parts: Parts, endpoint: Endpoint): Promise<void> {
  const shared = sharedEndpoint(parts, endpoint);
  if (shared !== undefined) await orLog(parts, endpoint, parts.cluster.publish(shared));
}

/** The opposite. */
export async function withdraw(parts: Parts, endpoint: Endpoint): Promise<void> {
  if (networkOf(parts.store.state, endpoint).shared !== true) return;
  await orLog(parts, endpoint, parts.cluster.withdraw(endpoint.id));
}

/**
 * Brings kernel and names up to what changed on a network. The way to a peer is there before its name is, and goes after it. With
 * `all` the peers are exactly those that are put.
 */
export async function followPeers(
  parts: Parts,
  network: Network,
  { put, gone, all }: PeerChange & { readonly all: boolean },
): Promise<void> {
  const { tunnels } = driverOf(parts, network);
  if (all) forgetPeers(parts, network.id, new Set(put.map(({ id }) => id)));
  for (const { id } of gone) forget(parts, network.id, id);
  if (all) await tunnels?.replacePeers(network, put);
  else await tunnels?.changePeers(network, { put, gone });
  const told = parts.present.toldPeers(network.id);
  for (const peer of put) {
    told.add(peer.id);
    parts.names.put(peerEntry(network, peer));
  }
}

/** The names of a network's peers, but for those that stay. */
export function forgetPeers(parts: Parts, id: NetworkId, staying: ReadonlySet<EndpointId> = new Set()): void {
  for (const peer of parts.present.toldPeers(id)) if (!staying.has(peer)) forget(parts, id, peer);
  if (staying.size === 0) parts.present.forgetPeers(id);
}

/** What differs in the kernel from what is known of other hosts; nothing as long as that is not known. */
export async function inspectPeers(parts: Parts, network: Network): Promise<readonly Difference[]> {
  const peers = parts.cluster.peersOf(network.id);
  const { tunnels } = driverOf(parts, network);
  if (peers === undefined || tunnels === undefined) return [];
  return tunnels.inspectPeers(network, peers.values());
}

/** Brings the kernel back to it. */
export async function restorePeers(parts: Parts, network: Network): Promise<void> {
  const peers = parts.cluster.peersOf(network.id);
  if (peers !== undefined) await driverOf(parts, network).tunnels?.replacePeers(network, peers.values());
}

/** The cluster goes on with what it could not do at once. */
async function orLog({ log }: Parts, { id }: Endpoint, telling: Promise<void>): Promise<void> {
  try {
    await telling;
  } catch (error) {
    log.warn({ endpoint: id, reason: String(error) }, 'other hosts could not be told of an endpoint');
  }
}

/** An endpoint of this host under that id has its names from its own record. */
function forget(parts: Parts, networkId: NetworkId, id: EndpointId): void {
  parts.present.toldPeers(networkId).delete(id);
  if (!parts.store.state.endpoints.has(id)) parts.names.remove(id);
}

function peerEntry(network: Network, peer: Peer) {
  return {
    endpointId: peer.id,
    networkId: network.id,
    networkName: network.name,
    sandboxId: peer.sandboxId,
    names: peer.names,
    addresses: peer.addresses.map(addressOf),
    services: peer.services,
  };
}
