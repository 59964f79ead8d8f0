// Networks whose kernel objects are there only while this host has something on them: made before the first endpoint, removed
// after the last. Connects and disconnects of one network run side by side, and this is where they meet.
import { runAll, withUndo } from '../base/undo.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import { isInUse, isOnDemand, networkPolicy } from './desired.ts';
import { followHostNeeds } from './host-needs.ts';
import { driverOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { forgetPeers } from './peers.ts';

/** Runs work that puts something on the network; what it needed goes with it when it came to nothing. */
export async function joining<T>(parts: Parts, network: Network, work: () => Promise<T>): Promise<T> {
  if (!isOnDemand(parts, network)) return work();
  parts.present.intend(network.id, 1);
  return withUndo(async (undo) => {
    undo(() => settle(parts, network));
    try {
      return await work();
    } finally {
      parts.present.intend(network.id, -1);
    }
  });
}

/** Before the first interface on the network is made, whose endpoint is recorded. May be repeated. */
export async function bringAbout(parts: Parts, network: Network): Promise<void> {
  if (!isOnDemand(parts, network)) return;
  await parts.present.alone(network.id, async () => {
    if (!parts.present.has(network.id)) await make(parts, network);
  });
}

/** After something left the network: what was the last takes the rest along. May be repeated. */
export async function settle(parts: Parts, network: Network): Promise<void> {
  if (!isOnDemand(parts, network) || isNeeded(parts, network)) return;
  await parts.present.alone(network.id, async () => {
    if (isNeeded(parts, network)) return;
    parts.cluster.leave(network.id);
    if (parts.present.isBegun(network.id)) await remove(parts, network);
  });
}

/** With the network itself, whatever an engine may still hold of it. */
export async function endPresence(parts: Parts, network: Network): Promise<void> {
  if (!isOnDemand(parts, network)) return;
  await parts.present.alone(network.id, async () => {
    parts.cluster.leave(network.id);
    forgetPeers(parts, network.id);
    parts.present.set(network.id, false);
  });
}

/**
 * After an endpoint's interface went: a peer with its hardware address, which may have been given its address meanwhile, is found at
 * the tunnel from now on. What an endpoint of this host has is not another's before.
 */
export async function uncoverPeers(parts: Parts, { networkId, mac }: Endpoint): Promise<void> {
  const peers = parts.cluster.peersOf(networkId)?.values() ?? [];
  const put = [...peers].filter((peer) => peer.mac === mac);
  const network = parts.store.state.networks.get(networkId);
  if (network === undefined || put.length === 0) return;
  await whilePresent(parts, networkId, async () => {
    await driverOf(parts, network).tunnels?.changePeers(network, { put, gone: [] });
  });
}

/** Runs work on the kernel objects of a network while they are there; not at all when they are not. */
export async function whilePresent(
  { present }: Parts,
  id: NetworkId,
  work: () => Promise<void>,
): Promise<void> {
  await present.alone(id, async () => {
    if (present.has(id)) await work();
  });
}

/** When it fails, what there is of it goes when nobody needs the network any more. */
async function make(parts: Parts, network: Network): Promise<void> {
  parts.present.begin(network.id);
  const policy = networkPolicy(parts, network);
  // Nothing is forwarded before the rules for it are there.
  if (policy !== undefined) await parts.firewall.apply([{ network: policy }]);
  await driverOf(parts, network).ensureNetwork(network);
  await followHostNeeds(parts);
  parts.present.set(network.id, true);
  if (network.shared === true) parts.cluster.join(network);
}

async function remove(parts: Parts, network: Network): Promise<void> {
  parts.present.set(network.id, false);
  const failures = await runAll([
    () => forgetPeers(parts, network.id),
    () => parts.names.closeGateway(network.id),
    () => driverOf(parts, network).removeNetwork(network),
    () => parts.firewall.apply([{ removedNetwork: network.id }]),
    () => followHostNeeds(parts),
  ]);
  if (failures.length > 0) {
    throw new AggregateError(failures, `not everything of network ${network.name} could be removed`);
  }
}

function isNeeded({ present, store }: Parts, network: Network): boolean {
  return present.isIntended(network.id) || isInUse(store.state, network);
}
