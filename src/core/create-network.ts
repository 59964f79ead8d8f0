// Creating a network: pools, record, kernel objects, rules.
import { type Cidr, familyOf, type IpFamily } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { type Undo, withUndo } from '../base/undo.ts';
import type { Driver, NetworkDraft } from '../drivers/driver.ts';
import type { NetworkId } from '../model/ids.ts';
import type { DriverName, Network } from '../model/network.ts';
import type { Change } from '../store/store.ts';
import { checkName } from './check-name.ts';
import { isOnDemand, networkPolicy } from './desired.ts';
import { networkEvent } from './events.ts';
import { followHostNeeds } from './host-needs.ts';
import { driverOf, ipamOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { requestPools } from './request-pools.ts';
import type { CreateNetworkRequest, PoolConfig } from './requests.ts';

export interface NetworkIdentity {
  readonly id: NetworkId;
  readonly builtin: boolean;
  /** Made for somebody who named it by what it should be: what was asked for is recorded, to be compared later. */
  readonly onDemand?: true;
  /** Recorded with the finished network, or not at all. */
  readonly along?: readonly Change[];
}

/** The caller holds the lock of the network-to-be. Errors: `invalid_parameter`, `already_exists`, `conflict` (overlap, host objects), `exhausted`, `not_found` (parent), `not_implemented`. */
export function createNetwork(
  parts: Parts,
  request: CreateNetworkRequest,
  identity: NetworkIdentity,
): Promise<Network> {
  return withUndo(async (undo) => {
    const draft = await draftNetwork(parts, request, identity, undo);
    const others = [...parts.store.state.networks.values()];
    const driver = driverOf(parts, draft);
    const resolved: Network = {
      ...draft,
      options: await driver.resolve(draft, others),
      ...(identity.onDemand && { requested: draft.options }),
      createdAt: new Date().toISOString(),
    };
    if (!resolved.builtin) undo(() => followHostNeeds(parts));
    undo(() => parts.store.commit([{ drop: 'network', id: resolved.id }]));
    await parts.store.commit([{ put: 'network', value: { ...resolved, pending: true } }]);
    const network = await claim(parts, resolved, undo);
    if (!isOnDemand(parts, network)) {
      undo(() => driver.removeNetwork(network));
      await driver.ensureNetwork(network);
    }
    const policy = networkPolicy(parts, network);
    if (policy !== undefined) {
      undo(() => parts.firewall.apply([{ removedNetwork: network.id }]));
      await parts.firewall.apply([{ network: policy }]);
    }
    // Nothing is forwarded before the rules for it are there.
    if (!network.builtin) await followHostNeeds(parts);
    const { along = [] } = identity;
    await parts.store.commit([{ put: 'network', value: network }, ...along], { durable: true });
    parts.events.emit(networkEvent('create', network));
    return network;
  });
}

/** A network that may reach over several hosts is one on all of them, or none. */
async function claim(parts: Parts, network: Network, undo: Undo): Promise<Network> {
  if (driverOf(parts, network).scope === 'local') return network;
  const others = [...parts.store.state.networks.values()].filter(({ id }) => id !== network.id);
  // One that was made although nobody heard of it, and cannot be taken back now, is found later like one that another host made.
  undo(() =>
    parts.cluster.releaseNetwork(network).catch((error: unknown) => {
      parts.log.warn({ network: network.name, reason: String(error) }, 'network could not be taken back');
    }),
  );
  return parts.cluster.claimNetwork(network, others);
}

/** Reserves pools and works out the record, but for what only the host knows. Errors: as `createNetwork`. */
export async function draftNetwork(
  parts: Parts,
  request: CreateNetworkRequest,
  { id, builtin }: NetworkIdentity,
  undo: Undo,
): Promise<NetworkDraft> {
  const name = checkName('network', request.name);
  const { networks } = parts.store.state;
  for (const other of networks.values()) {
    if (other.name === name) throw new NetError('already_exists', `network ${name} exists already`);
  }
  const driverName = (request.driver ?? 'bridge') as DriverName;
  const driver = knownDriver(parts, driverName);
  if (!driver.hasInterfaces && !builtin) {
    throw new NetError(
      'conflict',
      `network ${name}: there is only one network of driver ${driverName}, and it exists already`,
    );
  }
  const families = chooseFamilies(request);
  const ipam = ipamOf(parts, request.ipamDriver ?? usualIpam(driver));
  const draft = {
    id,
    name,
    driver: driverName,
    internal: request.internal ?? false,
    ipv4: families.includes(4),
    ipv6: families.includes(6),
    options: driver.normalizeOptions(request.options ?? {}),
    givenOptions: request.options ?? {},
    labels: request.labels ?? {},
    builtin,
  };
  if (draft.internal && draft.options['forward_dns'] === 'host') {
    throw new NetError('invalid_parameter', `network ${name} is internal: forward_dns cannot be host`);
  }
  const ipamOptions = ipam.parseOptions(request.ipamOptions ?? {});
  const configs = driver.hasInterfaces ? families.flatMap((family) => poolConfigs(request, family)) : [];
  const pools = await requestPools(parts, { ...draft, driver, ipam }, configs, undo);
  return { ...draft, ipam: { driver: ipam.name, options: ipamOptions, pools } };
}

function usualIpam({ name, hasInterfaces }: Driver): string {
  if (name === 'foreign') return 'foreign';
  return hasInterfaces ? 'default' : 'null';
}

function knownDriver(parts: Parts, name: DriverName) {
  const planned: readonly string[] = ['ipvlan'];
  if (!parts.drivers.has(name) && !planned.includes(name)) {
    const known = [...parts.drivers.keys()].join(', ');
    throw new NetError('invalid_parameter', `unknown driver ${name}; known are ${known}`);
  }
  return driverOf(parts, { driver: name });
}

/** Families asked for by flag or by giving a subnet, IPv4 first. */
function chooseFamilies(request: CreateNetworkRequest): readonly IpFamily[] {
  const given = (request.pools ?? []).map(poolFamily);
  const ipv4 = request.ipv4 ?? true;
  const ipv6 = request.ipv6 ?? given.includes(6);
  if (!ipv4 && !ipv6) {
    throw new NetError('invalid_parameter', `network ${request.name}: IPv4 and IPv6 are both switched off`);
  }
  const off = given.find((family) => (family === 4 && !ipv4) || (family === 6 && !ipv6));
  if (off !== undefined) {
    throw new NetError(
      'invalid_parameter',
      `network ${request.name}: an IPv${off} subnet is given, but IPv${off} is switched off`,
    );
  }
  return [...(ipv4 ? ([4] as const) : []), ...(ipv6 ? ([6] as const) : [])];
}

/** A family nobody gave a pool for gets one of IPAM's choice. */
function poolConfigs(
  request: CreateNetworkRequest,
  family: IpFamily,
): readonly (PoolConfig & { readonly family: IpFamily })[] {
  const given = (request.pools ?? []).filter((pool) => poolFamily(pool) === family);
  return (given.length > 0 ? given : [{ reserved: {} }]).map((config) => ({ ...config, family }));
}

/** A pool without a subnet takes its family from its gateway or range; IPv4 when nothing tells. */
function poolFamily(pool: PoolConfig): IpFamily {
  const text: Cidr | string | undefined = pool.subnet ?? pool.range ?? pool.gateway;
  return text === undefined ? 4 : familyOf(text);
}
