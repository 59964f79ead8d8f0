// Deleting a network nobody is on. It is marked pending first, so that a start after a crash finishes the work.
import { NetError } from '../base/errors.ts';
import { runAll } from '../base/undo.ts';
import type { Network } from '../model/network.ts';
import { allowanceChanges, allowanceDrops, allowancesOf } from './allowance-policy.ts';
import { dropsWith, poolIdOf } from './engine-records.ts';
import { allowanceEvent, networkEvent } from './events.ts';
import { followHostNeeds } from './host-needs.ts';
import { viewAllowance } from './inspect.ts';
import { driverOf, endpointsOfNetwork, ipamOf, sandboxOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { endPresence } from './presence.ts';

/** Errors: `conflict` (built in, or in use: names the holders). */
export async function deleteNetwork(parts: Parts, network: Network): Promise<void> {
  if (network.builtin)
    throw new NetError('conflict', `network ${network.name} is built in and cannot be deleted`);
  checkUnused(parts, network);
  // Who else is on it is for all hosts together to say, before anything of it is gone here.
  if (mayBeShared(parts, network)) await parts.cluster.releaseNetwork(network);
  await removeRecordedNetwork(parts, network);
}

/**
 * Before anything here is given up for a network's sake: whether it could be deleted, as far as other hosts go.
 * Errors: `conflict`, naming who is on it there; `unavailable`.
 */
export async function checkOthers({ cluster }: Parts, network: Network): Promise<void> {
  if (network.shared !== true) return;
  const { state } = cluster.view();
  if (state !== 'joined' && state !== 'alone') {
    const problem = `is shared with other hosts, and this one is ${state}: they cannot be asked`;
    throw new NetError('unavailable', `network ${network.name} ${problem}`);
  }
  const holders = (await cluster.readPeers(network)).map(({ names, host }) => `${names[0]} on ${host.name}`);
  if (holders.length > 0) {
    throw new NetError('conflict', `network ${network.name} is in use by ${holders.sort().join(', ')}`);
  }
}

/** One that was never finished may be the others' as well; it is not known yet. */
function mayBeShared(parts: Parts, network: Network): boolean {
  if (driverOf(parts, network).scope === 'local') return false;
  return network.shared === true || network.pending === true;
}

/** Errors: `conflict`, naming the holders. */
function checkUnused(parts: Parts, network: Network): void {
  const { state } = parts.store;
  const holders = endpointsOfNetwork(state, network.id).map((endpoint) => sandboxOf(state, endpoint).name);
  if (holders.length > 0) {
    throw new NetError('conflict', `network ${network.name} is in use by ${holders.sort().join(', ')}`);
  }
}

/** Removes what this host has of a network that no other has any more, and on which nobody here is. */
export async function removeRecordedNetwork(parts: Parts, network: Network): Promise<void> {
  const { state } = parts.store;
  const allowances = allowancesOf(state, { network: network.id });
  const toldAllowances = allowances.map((allowance) => viewAllowance(parts, allowance));
  if (network.pending !== true)
    await parts.store.commit([{ put: 'network', value: { ...network, pending: true } }]);
  const failures = await runAll([
    () => endPresence(parts, network),
    () => parts.names.closeGateway(network.id),
    () =>
      parts.firewall.apply([
        ...allowanceChanges(parts, { network: network.id }),
        { removedNetwork: network.id },
      ]),
    () => driverOf(parts, network).removeNetwork(network),
    () =>
      parts.store.commit(
        [...allowanceDrops(allowances), ...dropsWith(state, network), { drop: 'network', id: network.id }],
        { durable: true },
      ),
    () => releasePools(parts, network),
    () => followHostNeeds(parts),
  ]);
  for (const view of toldAllowances) parts.events.emit(allowanceEvent('delete', view));
  parts.events.emit(networkEvent('delete', network));
  if (failures.length > 0) {
    throw new AggregateError(
      failures,
      `network ${network.name} is deleted, but not everything of it could be removed`,
    );
  }
}

/**
 * While the network is recorded nothing is done: it will be deleted once more, when its pools could be another's. One that was
 * never finished leaves an engine's pools with the engine.
 */
function releasePools(parts: Parts, network: Network): void {
  const { networks, enginePools } = parts.store.state;
  if (networks.has(network.id)) return;
  const ipam = ipamOf(parts, network.ipam.driver);
  const own = network.ipam.pools.filter(({ subnet }) => !enginePools.has(poolIdOf(subnet)));
  for (const pool of own) ipam.releasePool(pool);
}
