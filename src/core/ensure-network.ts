// A network by what it should be: made where it is not there, extended by the subnets it lacks, made anew where nobody is on it.
import { type Cidr, familyOf } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { randomId } from '../base/random-id.ts';
import { withUndo } from '../base/undo.ts';
import type { NetworkId } from '../model/ids.ts';
import type { Network, Pool } from '../model/network.ts';
import { createNetwork, draftNetwork } from './create-network.ts';
import { deleteNetwork } from './delete-network.ts';
import { networkPolicy } from './desired.ts';
import { engineNetworksOf } from './engine-records.ts';
import { followHostNeeds } from './host-needs.ts';
import { driverOf, endpointsOfNetwork, ipamOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { requestPools } from './request-pools.ts';
import type { EnsureNetworkRequest } from './runtime-requests.ts';

type WantedPool = EnsureNetworkRequest['pools'][number];

/** What is recorded under that name fits as it is: nothing has to be locked for that. */
export function fittingNetwork(parts: Parts, request: EnsureNetworkRequest): Network | undefined {
  const network = networkNamed(parts, request.name);
  if (network === undefined || network.pending === true) return undefined;
  if (differences(parts, network, request).length > 0) return undefined;
  return missingPools(network, request).length > 0 ? undefined : network;
}

/**
 * The caller holds the locks of all networks and of the one recorded under that name. Errors: `conflict` naming what differs;
 * as `createNetwork`.
 */
export async function ensureNetwork(parts: Parts, request: EnsureNetworkRequest): Promise<Network> {
  const network = networkNamed(parts, request.name);
  if (network === undefined) return make(parts, request);
  if (fittingNetwork(parts, request) !== undefined) return network;
  if (canBeMadeAnew(parts, network)) {
    await deleteNetwork(parts, network);
    return make(parts, request);
  }
  checkFit(parts, network, request);
  return extend(parts, network, missingPools(network, request));
}

/** Errors: `conflict` naming what differs and cannot be changed now. */
export function checkFit(parts: Parts, network: Network, request: EnsureNetworkRequest): void {
  if (canBeMadeAnew(parts, network)) return;
  const different = differences(parts, network, request);
  // What others know of it cannot be changed.
  if (network.requested === undefined || network.shared === true) {
    different.push(...missingPools(network, request).map(({ subnet }) => `it lacks subnet ${subnet}`));
  }
  if (different.length === 0) return;
  throw new NetError(
    'conflict',
    `network ${network.name} is not what the configuration says, and cannot be changed while it is in use or was not made for it: ${different.join('; ')}`,
  );
}

/** Whether a network could be made by that request, as far as can be told without making it. Errors: as `createNetwork`. */
export async function rehearseCreation(parts: Parts, request: EnsureNetworkRequest): Promise<void> {
  const rehearsed = new Error('the rehearsal is over');
  try {
    await withUndo(async (undo) => {
      const identity = { id: randomId() as NetworkId, builtin: false };
      const draft = await draftNetwork(parts, withFamilies(request), identity, undo);
      await driverOf(parts, draft).resolve(draft, [...parts.store.state.networks.values()]);
      throw rehearsed;
    });
  } catch (error) {
    if (error !== rehearsed) throw error;
  }
}

/** Nobody is on it, no engine is about to be, and it was made for whoever asks now. */
function canBeMadeAnew({ store: { state } }: Parts, network: Network): boolean {
  if (network.requested === undefined || engineNetworksOf(state, network).length > 0) return false;
  return endpointsOfNetwork(state, network.id).length === 0;
}

export function networkNamed({ store }: Parts, name: string): Network | undefined {
  for (const network of store.state.networks.values()) if (network.name === name) return network;
  return undefined;
}

function make(parts: Parts, request: EnsureNetworkRequest): Promise<Network> {
  const identity = { id: randomId() as NetworkId, builtin: false, onDemand: true } as const;
  return createNetwork(parts, withFamilies(request), identity);
}

/** Without a family of their own the pools tell; without pools it is IPv4. */
function withFamilies(request: EnsureNetworkRequest): EnsureNetworkRequest {
  const { pools } = request;
  const has4 = pools.length === 0 || pools.some(({ subnet }) => familyOf(subnet) === 4);
  return { ...request, ipv4: request.ipv4 ?? has4 };
}

/** What a network made by hand was not asked for is left to whoever made it. */
function differences(parts: Parts, network: Network, request: EnsureNetworkRequest): string[] {
  const found: string[] = [];
  const compare = (what: string, is: unknown, wanted: unknown) => {
    if (is !== wanted) found.push(`${what} is ${is ?? 'not set'}, not ${wanted ?? 'unset'}`);
  };
  const driver = request.driver ?? 'bridge';
  compare('driver', network.driver, driver);
  if (network.driver !== driver) return found;
  compare('internal', network.internal, request.internal ?? false);
  if (request.ipamDriver !== undefined) compare('IPAM driver', network.ipam.driver, request.ipamDriver);
  const wanted = driverOf(parts, network).normalizeOptions(request.options ?? {});
  const { requested } = network;
  const keys = Object.keys(requested === undefined ? wanted : { ...requested, ...wanted });
  for (const key of keys) compare(`option ${key}`, (requested ?? network.options)[key], wanted[key]);
  for (const pool of request.pools) {
    const held = poolOn(network, pool.subnet);
    if (held !== undefined) compareGateway(compare, held, pool);
  }
  return found;
}

function compareGateway(
  compare: (what: string, is: unknown, wanted: unknown) => void,
  held: Pool,
  wanted: WantedPool,
): void {
  if (wanted.gateway === undefined && wanted.withoutGateway !== true) return;
  compare(`gateway of ${held.subnet}`, held.gateway, wanted.gateway);
}

function missingPools(network: Network, { pools }: EnsureNetworkRequest): readonly WantedPool[] {
  return pools.filter(({ subnet }) => poolOn(network, subnet) === undefined);
}

function poolOn(network: Network, subnet: Cidr): Pool | undefined {
  return network.ipam.pools.find((pool) => pool.subnet === subnet);
}

/** Whoever is on it notices nothing. Errors: as `IpamDriver.requestPool`. */
function extend(parts: Parts, network: Network, missing: readonly WantedPool[]): Promise<Network> {
  return withUndo(async (undo) => {
    const driver = driverOf(parts, network);
    const owner = { ...network, driver, ipam: ipamOf(parts, network.ipam.driver) };
    const configs = missing.map((config) => ({ ...config, family: familyOf(config.subnet) }));
    const pools = [...network.ipam.pools, ...(await requestPools(parts, owner, configs, undo))];
    const families = pools.map(({ subnet }) => familyOf(subnet));
    const ipam = { ...network.ipam, pools };
    const wider = { ...network, ipam, ipv4: families.includes(4), ipv6: families.includes(6) };
    undo(() => parts.store.commit([{ put: 'network', value: network }], { durable: true }));
    await parts.store.commit([{ put: 'network', value: wider }], { durable: true });
    const policy = networkPolicy(parts, wider);
    if (policy !== undefined) {
      const before = networkPolicy(parts, network);
      undo(async () => {
        if (before !== undefined) await parts.firewall.apply([{ network: before }]);
      });
      await parts.firewall.apply([{ network: policy }]);
    }
    await driver.ensureNetwork(wider);
    await followHostNeeds(parts);
    return wider;
  });
}
