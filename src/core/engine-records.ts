// What container engines hold: finding it, and when an address of theirs is free again.
import { addressOf, type Cidr, contains, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { EngineEndpoint, EngineLease, EngineNetwork } from '../model/engine.ts';
import { shortId } from '../model/ids.ts';
import type { Network, Pool } from '../model/network.ts';
import type { Change, State } from '../store/store.ts';
import { endpointsOfNetwork, hasAddress, ipamOf } from './lookup.ts';
import type { Parts } from './parts.ts';

const poolPrefix = 'fairlead-';

/** Follows from the subnet, so that whoever knows the pool of a network knows its id. */
export function poolIdOf(subnet: Cidr): string {
  return `${poolPrefix}${subnet}`;
}

export function leaseIdOf(subnet: Cidr, address: IpAddress): string {
  return `${poolIdOf(subnet)}/${address}`;
}

/** What an engine's pool is now: held for a network to be, or a network's own. */
export type HeldPool =
  | { readonly subnet: Cidr; readonly pool: Pool }
  | { readonly subnet: Cidr; readonly pool: Pool; readonly network: Network };

/** Errors: `not_found`. */
export function findPool(state: State, id: string): HeldPool {
  const held = state.enginePools.get(id);
  if (held !== undefined) {
    const { subnet, range } = held;
    return { subnet, pool: { subnet, reserved: {}, ...(range !== undefined && { range }) } };
  }
  for (const network of state.networks.values()) {
    const pool = network.ipam.pools.find(({ subnet }) => poolIdOf(subnet) === id);
    if (pool !== undefined) return { subnet: pool.subnet, pool, network };
  }
  throw new NetError('not_found', `no pool ${id}: it was given back, or another netd gave it out`);
}

/** Errors: `not_found`, saying what to do. */
export function findEngineNetwork(
  state: State,
  id: string,
): { readonly held: EngineNetwork; readonly network: Network } {
  const held = state.engineNetworks.get(id);
  const network = held && state.networks.get(held.networkId);
  if (held !== undefined && network !== undefined) return { held, network };
  throw new NetError(
    'not_found',
    `network ${shortId(id)} is not known to netd: delete it in the container engine and create it again`,
  );
}

/** Those on one network. */
export function engineEndpointsOf(state: State, { id }: Pick<Network, 'id'>): readonly EngineEndpoint[] {
  return [...state.engineEndpoints.values()].filter(({ networkId }) => networkId === id);
}

/** What the container is called that an endpoint's addresses were taken for, where the engine said so. */
export function leaseNameOf(
  state: State,
  network: Network,
  { addresses }: Pick<EngineEndpoint, 'addresses'>,
): string | undefined {
  const leases = addresses.map(addressOf).flatMap((address) => {
    const pool = network.ipam.pools.find(({ subnet }) => contains(subnet, address));
    return pool === undefined ? [] : [state.engineLeases.get(leaseIdOf(pool.subnet, address))];
  });
  return leases.find((lease) => lease?.containerName !== undefined)?.containerName;
}

/** Those of one subnet. */
export function leasesOf(state: State, subnet: Cidr): readonly EngineLease[] {
  return [...state.engineLeases.values()].filter((lease) => lease.subnet === subnet);
}

/** What engines call a network; more than one when they joined it. */
export function engineNetworksOf(state: State, { id }: Pick<Network, 'id'>): readonly EngineNetwork[] {
  return [...state.engineNetworks.values()].filter(({ networkId }) => networkId === id);
}

/** Drops everything an engine holds of a network that is being deleted; a pool it has not made over to it stays its. */
export function dropsWith(state: State, network: Network): readonly Change[] {
  const networks = engineNetworksOf(state, network);
  const leases = network.ipam.pools
    .filter(({ subnet }) => !state.enginePools.has(poolIdOf(subnet)))
    .flatMap(({ subnet }) => leasesOf(state, subnet));
  return [
    ...networks.map(({ id }) => ({ drop: 'engineNetwork' as const, id })),
    ...engineEndpointsOf(state, network).map(({ id }) => ({ drop: 'engineEndpoint' as const, id })),
    ...leases.map(({ id }) => ({ drop: 'engineLease' as const, id })),
  ];
}

/** Gives addresses back that neither a lease of an engine nor an endpoint has any more. */
export function releaseUnused(parts: Parts, network: Network, addresses: readonly IpAddress[]): void {
  const { state } = parts.store;
  const ipam = ipamOf(parts, network.ipam.driver);
  for (const address of addresses) {
    const pool = network.ipam.pools.find(({ subnet }) => contains(subnet, address));
    if (pool === undefined || state.engineLeases.has(leaseIdOf(pool.subnet, address))) continue;
    if (!isUsed(state, network, address)) ipam.releaseAddress(pool, address);
  }
}

/** Whether an endpoint has the address, one that waits for its container included. */
export function isUsed(state: State, network: Network, address: IpAddress): boolean {
  const has = hasAddress(address);
  return endpointsOfNetwork(state, network.id).some(has) || engineEndpointsOf(state, network).some(has);
}
