// Deleting a network nobody is on. It is marked pending first, so that a start after a crash finishes the work.
import { NetError } from '../base/errors.ts';
import { runAll } from '../base/undo.ts';
import type { Network } from '../model/network.ts';
import { dropsWith, poolIdOf } from './engine-records.ts';
import { networkEvent } from './events.ts';
import { followHostNeeds } from './host-needs.ts';
import { driverOf, endpointsOfNetwork, ipamOf, sandboxOf } from './lookup.ts';
import type { Parts } from './parts.ts';

/** Errors: `conflict` (built in, or in use: names the holders). */
export async function deleteNetwork(parts: Parts, network: Network): Promise<void> {
  if (network.builtin)
    throw new NetError('conflict', `network ${network.name} is built in and cannot be deleted`);
  const { state } = parts.store;
  const holders = endpointsOfNetwork(state, network.id).map((endpoint) => sandboxOf(state, endpoint).name);
  if (holders.length > 0) {
    throw new NetError('conflict', `network ${network.name} is in use by ${holders.sort().join(', ')}`);
  }
  if (network.pending !== true)
    await parts.store.commit([{ put: 'network', value: { ...network, pending: true } }]);
  const failures = await runAll([
    () => parts.names.closeGateway(network.id),
    () => parts.firewall.apply([{ removedNetwork: network.id }]),
    () => driverOf(parts, network).removeNetwork(network),
    () =>
      parts.store.commit([...dropsWith(state, network), { drop: 'network', id: network.id }], {
        durable: true,
      }),
    () => releasePools(parts, network),
    () => followHostNeeds(parts),
  ]);
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
