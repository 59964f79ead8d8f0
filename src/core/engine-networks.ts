// Networks of a container engine: made on pools it holds, or joined where they are there already.
import { addressOf, type Cidr, familyBits, familyOf, prefixOf, rangeOf, toCidr } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { type Undo, withUndo } from '../base/undo.ts';
import type { EngineNetwork } from '../model/engine.ts';
import { type NetworkId, shortId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Change, State } from '../store/store.ts';
import { isName } from './check-name.ts';
import { createNetwork } from './create-network.ts';
import { deleteNetwork } from './delete-network.ts';
import { restoreHeldPool } from './engine-pools.ts';
import {
  dropsWith,
  engineEndpointsOf,
  engineNetworksOf,
  leasesOf,
  poolIdOf,
  releaseUnused,
} from './engine-records.ts';
import type { EngineNetworkRequest } from './engine-requests.ts';
import { networkEvent } from './events.ts';
import { driverOf, endpointsOfNetwork, findNetwork, ipamOf, lookUp, sandboxOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { settle } from './presence.ts';
import { spreadNames } from './sandbox-names.ts';

type WantedPool = EngineNetworkRequest['pools'][number];

/** The caller holds the locks of all networks and of the one to be. Errors: as `EngineController.createNetwork`. */
export async function createEngineNetwork(parts: Parts, request: EngineNetworkRequest): Promise<Network> {
  const { state } = parts.store;
  const known = state.engineNetworks.get(request.id);
  const network = known && state.networks.get(known.networkId);
  if (network !== undefined) return network;
  const { network: name } = request;
  if (name === undefined || isToBeMade(parts, request)) return make(parts, request);
  return join(parts, { ...request, network: name });
}

/** A network of the cluster that is named and not there is made by that name: what an engine calls its own is not known yet. */
function isToBeMade(parts: Parts, { network, driver }: EngineNetworkRequest): boolean {
  if (network === undefined || !isGlobal(parts, driver)) return false;
  return lookUp('network', parts.store.state.networks, network) === undefined;
}

function isGlobal({ drivers }: Parts, driver = 'bridge'): boolean {
  return drivers.get(driver)?.scope === 'global';
}

/**
 * The caller holds the locks of all networks and of this one, and has taken the engine's own endpoints off it. Absent is
 * fine. Errors: as `EngineController.deleteNetwork`.
 */
export async function deleteEngineNetwork(parts: Parts, id: string): Promise<void> {
  const { state } = parts.store;
  const held = state.engineNetworks.get(id);
  const network = held && state.networks.get(held.networkId);
  if (held === undefined || network === undefined) return;
  const others = endpointsOfNetwork(state, network.id).map((endpoint) => sandboxOf(state, endpoint).name);
  const isShared = engineNetworksOf(state, network).length > 1;
  if (held.made && others.length === 0 && !isShared) return deleteOrLetGo(parts, network);
  if (isShared) await parts.store.commit([{ drop: 'engineNetwork', id }], { durable: true });
  else await letGoOf(parts, network);
  if (!held.made) return;
  const users = isShared ? 'another network of the engine' : others.sort().join(', ');
  throw new NetError(
    'conflict',
    `network ${network.name} stays, as it is used by ${users}; "net rm -f ${network.name}" deletes it`,
  );
}

/** Endpoints of other hosts keep a network of the cluster, not the engine's hold on it. */
async function deleteOrLetGo(parts: Parts, network: Network): Promise<void> {
  try {
    await deleteNetwork(parts, network);
  } catch (error) {
    const isKept = network.shared === true && error instanceof NetError && error.code === 'conflict';
    if (isKept) await letGoOf(parts, network);
    throw error;
  }
}

/** The network stays, and nothing on it is the engine's any more. */
async function letGoOf(parts: Parts, network: Network): Promise<void> {
  const { state } = parts.store;
  const leases = network.ipam.pools.flatMap(({ subnet }) => leasesOf(state, subnet));
  const described = engineEndpointsOf(state, network).flatMap(({ addresses }) => addresses.map(addressOf));
  await parts.store.commit(dropsWith(state, network), { durable: true });
  releaseUnused(parts, network, [...leases.map(({ address }) => address), ...described]);
  await settle(parts, network);
}

/**
 * What the engine calls a network it made. One whose name is another's, or none a network can have, or is known to other hosts,
 * keeps the one it has: false then. The caller holds the locks of all networks and of this one.
 */
export async function nameEngineNetwork(parts: Parts, id: string, name: string): Promise<boolean> {
  const { state } = parts.store;
  const held = state.engineNetworks.get(id);
  const network = held?.made === true ? state.networks.get(held.networkId) : undefined;
  if (network === undefined || network.name === name) return true;
  if (
    network.shared === true ||
    !isName(name) ||
    [...state.networks.values()].some((other) => other.name === name)
  )
    return false;
  await parts.store.commit([{ put: 'network', value: { ...network, name } }], { durable: true });
  const ipam = ipamOf(parts, network.ipam.driver);
  for (const pool of network.ipam.pools) ipam.restore(name, pool, []);
  spreadNames(parts, endpointsOfNetwork(state, network.id));
  parts.events.emit(networkEvent('rename', { ...network, name }, { oldName: network.name }));
  return true;
}

/** The network takes over the pools the engine holds for it. */
function make(parts: Parts, request: EngineNetworkRequest): Promise<Network> {
  return withUndo(async (undo) => {
    const { state } = parts.store;
    const id = request.id as NetworkId;
    const { driver, options, internal, ipv4, ipv6 } = request;
    const pools = request.pools.filter(({ subnet }) => prefixOf(subnet) > 0);
    if (isGlobal(parts, driver)) refuseOwnIpam(pools);
    for (const pool of pools.filter(({ leasedHere }) => leasedHere)) {
      letGo(parts, pool, undo);
    }
    const network = await createNetwork(
      parts,
      {
        name: request.network ?? shortId(id),
        ...(driver !== undefined && { driver }),
        options,
        internal,
        ipv4,
        ipv6,
        // The subnet 0.0.0.0/0 is how engines say that there are no addresses.
        ipamDriver: pools.length === 0 && request.pools.length > 0 ? 'null' : 'default',
        pools: pools.map((pool) => asPoolConfig(parts, pool)),
      },
      { id, builtin: false, along: makingOver(state, id, pools) },
    );
    const ipam = ipamOf(parts, network.ipam.driver);
    for (const pool of network.ipam.pools) {
      ipam.restore(
        network.name,
        pool,
        leasesOf(state, pool.subnet).map(({ address }) => address),
      );
    }
    return network;
  });
}

/** Errors: `invalid_parameter`. */
function refuseOwnIpam(pools: readonly WantedPool[]): void {
  const given = pools.find(({ leasedHere }) => !leasedHere);
  if (given === undefined) return;
  throw new NetError(
    'invalid_parameter',
    `subnet ${given.subnet}: a network over several hosts takes --ipam-driver fairlead, as engines that choose by themselves give one address on two hosts`,
  );
}

/** What the network keeps for itself from now on is no more a lease. */
function makingOver(state: State, id: NetworkId, pools: readonly WantedPool[]): readonly Change[] {
  const kept = new Set(pools.flatMap(({ gateway, reserved }) => [gateway, ...Object.values(reserved)]));
  const leases = pools.flatMap(({ subnet }) => leasesOf(state, subnet));
  return [
    { put: 'engineNetwork', value: engineNetwork(id, { id }, true) },
    ...pools.map(({ subnet }) => ({ drop: 'enginePool' as const, id: poolIdOf(subnet) })),
    ...leases
      .filter(({ address }) => kept.has(address))
      .map((lease) => ({ drop: 'engineLease' as const, id: lease.id })),
  ];
}

/** Lets go of a pool that is held, so that a network can have it. One that is not held is like any subnet somebody names. */
function letGo(parts: Parts, { subnet }: WantedPool, undo: Undo): void {
  const id = poolIdOf(subnet);
  if (!parts.store.state.enginePools.has(id)) return;
  undo(() => restoreHeldPool(parts, id));
  ipamOf(parts, 'default').releasePool({ subnet, reserved: {} });
}

function asPoolConfig(parts: Parts, { subnet, gateway, reserved, leasedHere }: WantedPool) {
  const held = parts.store.state.enginePools.get(poolIdOf(subnet));
  const range = leasedHere ? held?.range : lastQuarter(subnet);
  return {
    subnet,
    reserved,
    ...(range !== undefined && { range }),
    ...(gateway === undefined ? { withoutGateway: true } : { gateway }),
  };
}

/**
 * Where the engine gives out the addresses of a network, from the lowest up, others get theirs from its last quarter. An
 * engine that comes as far as that is told that the address is in use, and takes the next.
 */
function lastQuarter(subnet: Cidr): Cidr | undefined {
  const family = familyOf(subnet);
  const prefix = prefixOf(subnet) + 2;
  if (prefix > familyBits(family) - 2) return undefined;
  const { first, last } = rangeOf(subnet);
  return toCidr(first + ((last - first + 1n) / 4n) * 3n, prefix, family);
}

/** Errors: `conflict` naming what differs. */
async function join(
  parts: Parts,
  request: EngineNetworkRequest & { readonly network: string },
): Promise<Network> {
  const network = findNetwork(parts.store.state, request.network);
  const problem = misfit(parts, network, request);
  if (problem !== undefined) {
    throw new NetError('conflict', `network ${network.name} cannot be joined: ${problem}`);
  }
  const value = engineNetwork(request.id, network, false);
  await parts.store.commit([{ put: 'engineNetwork', value }], { durable: true });
  return network;
}

function misfit(parts: Parts, network: Network, request: EngineNetworkRequest): string | undefined {
  const { driver = network.driver, internal, options, pools } = request;
  if (network.builtin || !driverOf(parts, network).hasInterfaces) return 'it is built in';
  if (driver !== network.driver) return `its driver is ${network.driver}, not ${driver}`;
  if (internal && !network.internal) return 'it is not internal';
  const [option] = Object.keys(options);
  if (option !== undefined) return `it has its options, so option ${option} has no meaning`;
  return pools.map((pool) => misfitOfPool(network, pool)).find((problem) => problem !== undefined);
}

function misfitOfPool({ name, ipam }: Network, wanted: WantedPool): string | undefined {
  const pool = ipam.pools.find(({ subnet }) => subnet === wanted.subnet);
  if (!wanted.leasedHere || pool === undefined) {
    const subnets = ipam.pools.map(({ subnet }) => `--subnet ${subnet}`).join(' ');
    return `netd gives out its addresses; use --ipam-driver fairlead --ipam-opt network=${name} ${subnets}`;
  }
  if (pool.gateway === undefined || pool.gateway === wanted.gateway) return undefined;
  return `the gateway of ${pool.subnet} is ${pool.gateway}, not ${wanted.gateway ?? 'none'}`;
}

function engineNetwork(id: string, network: Pick<Network, 'id'>, made: boolean): EngineNetwork {
  return { id, networkId: network.id, made, createdAt: new Date().toISOString() };
}
