// Pools and addresses a container engine takes by themselves, before there is a network or an endpoint to have them.
import {
  addressOf,
  type Cidr,
  familyOf,
  type InterfaceAddress,
  type IpAddress,
  prefixOf,
  rangeOf,
  toInterfaceAddress,
  toIpAddress,
} from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { withUndo } from '../base/undo.ts';
import type { EngineLease, EnginePool } from '../model/engine.ts';
import type { Network } from '../model/network.ts';
import {
  findPool,
  type HeldPool,
  isUsed,
  leaseIdOf,
  leasesOf,
  poolIdOf,
  releaseUnused,
} from './engine-records.ts';
import type { EngineAddressRequest, EnginePoolRequest } from './engine-requests.ts';
import { findNetwork, ipamOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { joining, settle } from './presence.ts';

/** What error messages call the network a pool is for: engines do not say its name. */
const nameless = 'to be made';
const optionNames = ['network'];

/** The caller holds the lock of all networks. Errors: as `EngineController.requestPool`. */
export function requestPool(parts: Parts, request: EnginePoolRequest): Promise<EnginePool> {
  checkOptions(request.options);
  const named = request.options['network'];
  if (named !== undefined) return Promise.resolve(poolOfNetwork(parts, named, request));
  const known = request.subnet && parts.store.state.enginePools.get(poolIdOf(request.subnet));
  if (known !== undefined && known.range === request.range) return Promise.resolve(known);
  return withUndo(async (undo) => {
    const ipam = ipamOf(parts, 'default');
    const { family, subnet, range } = request;
    const pool = await ipam.requestPool({
      family,
      ...(subnet !== undefined && { subnet }),
      ...(range !== undefined && { range }),
      wantsGateway: false,
      reserved: {},
      networkName: nameless,
    });
    if (pool === undefined) throw new NetError('internal', 'IPAM driver default gave no pool');
    undo(() => ipam.releasePool(pool));
    const value = asEnginePool(pool.subnet, range);
    await parts.store.commit([{ put: 'enginePool', value }], { durable: true });
    return value;
  });
}

/** The caller holds the lock of all networks. The pool of a network goes with that. */
export async function releasePool(parts: Parts, id: string): Promise<void> {
  const { state } = parts.store;
  const held = state.enginePools.get(id);
  if (held === undefined) return;
  const { pool } = findPool(state, id);
  const leases = leasesOf(state, held.subnet).map((lease) => ({
    drop: 'engineLease' as const,
    id: lease.id,
  }));
  await parts.store.commit([{ drop: 'enginePool', id }, ...leases], { durable: true });
  ipamOf(parts, 'default').releasePool(pool);
}

/**
 * The caller holds the lock of the pool.
 * @param told the leases whose takers were told of them in this run of the daemon.
 * Errors: as `EngineController.requestAddress`.
 */
export async function requestAddress(
  parts: Parts,
  request: EngineAddressRequest,
  told: Set<string>,
): Promise<InterfaceAddress> {
  const { state } = parts.store;
  const held = findPool(state, request.poolId);
  const prefix = prefixOf(held.subnet);
  const kept = request.gateway ? gatewayOf(held, request.address) : undefined;
  if (kept !== undefined) return toInterfaceAddress(kept, prefix);
  const before = request.gateway
    ? leasesOf(state, held.subnet).find(({ gateway }) => gateway === true)
    : untold(parts, held, request.address, told);
  if (before !== undefined && (request.address ?? before.address) === before.address) {
    return toInterfaceAddress(before.address, prefix);
  }
  const take = () => lease(parts, held, request);
  const leased = 'network' in held ? await joining(parts, held.network, take) : await take();
  told.add(leaseIdOf(held.subnet, addressOf(leased)));
  return leased;
}

/** The caller holds the lock of the pool. Absent is fine; what an endpoint has stays its. */
export async function releaseAddress(
  parts: Parts,
  { poolId, address }: { readonly poolId: string; readonly address: IpAddress },
  told: Set<string>,
): Promise<void> {
  const { state } = parts.store;
  const id = `${poolId}/${address}`;
  if (!state.engineLeases.has(id)) return;
  await parts.store.commit([{ drop: 'engineLease', id }]);
  told.delete(id);
  const held = findPool(state, poolId);
  if (!('network' in held)) return ipamOf(parts, 'default').releaseAddress(held.pool, address);
  releaseUnused(parts, held.network, [address]);
  await settle(parts, held.network);
}

/** Puts a recorded pool back, as it was before a network that came to nothing. */
export function restoreHeldPool(parts: Parts, id: string): void {
  const { state } = parts.store;
  const { pool, subnet } = findPool(state, id);
  const leased = leasesOf(state, subnet).map(({ address }) => address);
  const ipam = ipamOf(parts, 'default');
  ipam.releasePool(pool);
  ipam.restore(nameless, pool, leased);
}

function lease(
  parts: Parts,
  held: HeldPool,
  { address, gateway, containerName }: EngineAddressRequest,
): Promise<InterfaceAddress> {
  return withUndo(async (undo) => {
    const { subnet, pool } = held;
    const ipam = ipamOf(parts, 'network' in held ? held.network.ipam.driver : 'default');
    // A gateway is the first of the whole subnet, whatever part of it endpoints have theirs from.
    const leased = await ipam.requestAddress(pool, address ?? (gateway ? wholeOf(subnet) : undefined));
    const given = addressOf(leased);
    undo(() => ipam.releaseAddress(pool, given));
    const value: EngineLease = {
      id: leaseIdOf(subnet, given),
      subnet,
      address: given,
      ...(gateway && { gateway }),
      ...(containerName !== undefined && { containerName }),
      createdAt: new Date().toISOString(),
      bootId: parts.bootId,
    };
    await parts.store.commit([{ put: 'engineLease', value }]);
    return leased;
  });
}

/** The address a network keeps for its gateway. Errors: `conflict` when another one is wanted. */
function gatewayOf(held: HeldPool, wanted: IpAddress | undefined): IpAddress | undefined {
  const { gateway } = held.pool;
  if (gateway === undefined || wanted === undefined || wanted === gateway) return gateway;
  const of = 'network' in held ? ` of network ${held.network.name}` : '';
  throw new NetError('conflict', `gateway ${wanted}: the gateway of ${held.subnet}${of} is ${gateway}`);
}

/** The lease of an address whose taker was never told, because the daemon died before it could. */
function untold(
  { store: { state } }: Parts,
  held: HeldPool,
  address: IpAddress | undefined,
  told: ReadonlySet<string>,
): EngineLease | undefined {
  const known = address && state.engineLeases.get(leaseIdOf(held.subnet, address));
  if (known === undefined || told.has(known.id)) return undefined;
  return 'network' in held && isUsed(state, held.network, known.address) ? undefined : known;
}

/** Errors: `not_found` (network), `invalid_parameter` (no subnet), `conflict` when it has no such pool, or others give its addresses. */
function poolOfNetwork(parts: Parts, ref: string, { family, subnet, range }: EnginePoolRequest): EnginePool {
  const network = findNetwork(parts.store.state, ref);
  const pools = network.ipam.driver === 'default' && !network.builtin ? network.ipam.pools : [];
  if (subnet === undefined && pools.length > 0) {
    // Dockerd would ask for ever: it takes no subnet it did not name that the host has a route to.
    const named = pools.map((one) => `--subnet ${one.subnet}`).join(' ');
    throw new NetError('invalid_parameter', `name the subnets of network ${network.name} as well: ${named}`);
  }
  const pool = pools.find((one) => one.subnet === subnet && familyOf(one.subnet) === family);
  if (pool !== undefined && range === undefined) return asEnginePool(pool.subnet, pool.range, network);
  const what = range ?? subnet ?? `IPv${family} subnet`;
  throw new NetError('conflict', `network ${network.name} gives out no addresses of ${what}`);
}

function asEnginePool(subnet: Cidr, range: Cidr | undefined, network?: Network): EnginePool {
  const createdAt = network?.createdAt ?? new Date().toISOString();
  return { id: poolIdOf(subnet), subnet, ...(range !== undefined && { range }), createdAt };
}

function checkOptions(options: EnginePoolRequest['options']): void {
  const unknown = Object.keys(options).find((key) => !optionNames.includes(key));
  if (unknown === undefined) return;
  throw new NetError(
    'invalid_parameter',
    `unknown IPAM option ${unknown}; known are ${optionNames.join(', ')}`,
  );
}

function wholeOf(subnet: Cidr) {
  const { family, first, last } = rangeOf(subnet);
  return { first: toIpAddress(first, family), last: toIpAddress(last, family) };
}
