// IPAM driver `default`: subnets of this host that overlap nothing, and the addresses leased from them.
import {
  type Cidr,
  type InterfaceAddress,
  type IpAddress,
  type IpFamily,
  overlaps,
  prefixOf,
  rangeOf,
  toInteger,
  toInterfaceAddress,
  toIpAddress,
} from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Pool } from '../model/network.ts';
import { AddressSet } from './address-set.ts';
import type { Interval } from './interval-set.ts';
import type { IpamDriver, LeaseRange, PoolRequest, PoolStatus } from './ipam-driver.ts';
import { checkAddress, leasableRange, planPool, usableRange } from './plan-pool.ts';
import { chooseSubnet, type PoolSpace, spacesOf } from './pool-allocator.ts';
import { refuseOptions } from './refuse-options.ts';

export interface DefaultIpamOptions {
  /** Where subnets are chosen from; a family without one gets the built-in ones. */
  readonly pools: readonly PoolSpace[];
  /** Every subnet that a route, an address or a nameserver of the host uses. */
  readonly hostSubnets: () => Promise<readonly Cidr[]>;
  /** The /48 that IPv6 subnets are chosen from. */
  readonly ulaPrefix: Cidr;
}

/** A pool in use. */
interface Holding {
  readonly networkName: string;
  readonly pool: Pool;
  readonly family: IpFamily;
  readonly addresses: AddressSet;
  /** Gateway and reserved addresses with what they are: taken for as long as the pool is. */
  readonly kept: ReadonlyMap<bigint, string>;
}

const namesShown = 10;

export class DefaultIpam implements IpamDriver {
  readonly name = 'default';
  readonly #options: DefaultIpamOptions;
  readonly #holdings = new Map<Cidr, Holding>();

  constructor(options: DefaultIpamOptions) {
    this.#options = options;
  }

  parseOptions(raw: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return refuseOptions(this.name, raw);
  }

  async requestPool(request: PoolRequest): Promise<Pool> {
    if (request.subnet === undefined) checkNothingDependsOnSubnet(request);
    const inUseByHost = request.subnet === undefined ? await this.#options.hostSubnets() : [];
    const pool = planPool(request, request.subnet ?? this.#choose(request, inUseByHost));
    this.#refuseOverlap(request.networkName, pool.subnet);
    this.#holdings.set(pool.subnet, hold(request.networkName, pool));
    return pool;
  }

  releasePool(pool: Pool): void {
    this.#holdings.delete(pool.subnet);
  }

  requestAddress(pool: Pool, wanted?: IpAddress | LeaseRange): InterfaceAddress {
    const holding = this.#holding(pool);
    const address =
      typeof wanted === 'string' ? takeWanted(holding, wanted) : this.#takeNext(holding, wanted);
    return toInterfaceAddress(address, prefixOf(pool.subnet));
  }

  holds(pool: Pool, address: IpAddress): boolean {
    const holding = this.#holdings.get(pool.subnet);
    const value = toInteger(address);
    return holding?.addresses.has(value) === true && !holding.kept.has(value);
  }

  releaseAddress(pool: Pool, address: IpAddress): void {
    this.#holdings.get(pool.subnet)?.addresses.release(toInteger(address));
  }

  restore(networkName: string, pool: Pool, leased: readonly IpAddress[]): void {
    const holding = { ...(this.#holdings.get(pool.subnet) ?? hold(networkName, pool)), networkName };
    holding.addresses.restore(leased.map(toInteger));
    this.#holdings.set(pool.subnet, holding);
  }

  status(pool: Pool, range?: LeaseRange): PoolStatus {
    const holding = this.#holding(pool);
    const { used, capacity } = holding.addresses.usage(intervalOf(holding, range));
    return { leased: Number(used), capacity };
  }

  #choose({ family, networkName, fromEnd = false }: PoolRequest, inUseByHost: readonly Cidr[]): Cidr {
    const spaces = spacesOf(family, this.#options.pools, this.#options.ulaPrefix);
    const host = inUseByHost.filter((subnet) => !isDefaultRoute(subnet));
    const subnet = chooseSubnet(spaces, [...host, ...this.#holdings.keys()], { fromEnd });
    if (subnet !== undefined) return subnet;
    const bases = spaces.map((space) => space.base);
    const inside = (used: Cidr) => bases.some((base) => overlaps(base, used));
    const holders = [...this.#holdings.values()].filter((holding) => inside(holding.pool.subnet));
    const by = [
      list(
        'held by networks',
        holders.map((holding) => holding.networkName),
      ),
      list('used by the host', host.filter(inside)),
    ].filter((part) => part !== '');
    throw new NetError(
      'exhausted',
      `network ${networkName}: no subnet is left in the default pools ${bases.join(', ')} (${by.join('; ')})`,
    );
  }

  #refuseOverlap(networkName: string, subnet: Cidr): void {
    for (const holding of this.#holdings.values()) {
      if (!overlaps(subnet, holding.pool.subnet)) continue;
      throw new NetError(
        'conflict',
        `network ${networkName}: subnet ${subnet} overlaps ${holding.pool.subnet} of network ${holding.networkName}`,
      );
    }
  }

  #takeNext(holding: Holding, range?: LeaseRange): IpAddress {
    const interval = intervalOf(holding, range);
    const next = holding.addresses.takeNext(interval);
    if (next !== undefined) return toIpAddress(next, holding.family);
    const { used, capacity } = holding.addresses.usage(interval);
    const details = [`${used} of ${capacity} leased`, range === undefined ? this.#unused(holding) : ''];
    const from = range === undefined ? holding.pool.range : `${range.first}-${range.last}`;
    const pool = `pool ${holding.pool.subnet}`;
    const what = from === undefined ? pool : `range ${from} of ${pool}`;
    throw new NetError('exhausted', `${what} is full (${details.filter((part) => part !== '').join('; ')})`);
  }

  /** What could be given up to have more addresses. */
  #unused(full: Holding): string {
    const unused = [...this.#holdings.values()]
      .filter((other) => other !== full && other.family === full.family && other.addresses.leased === 0)
      .map(({ networkName }) => networkName);
    return list('unused networks that hold pools:', [...new Set(unused)]);
  }

  #holding(pool: Pool): Holding {
    const holding = this.#holdings.get(pool.subnet);
    if (holding === undefined)
      throw new NetError('not_found', `pool ${pool.subnet} is not held by any network`);
    return holding;
  }
}

function hold(networkName: string, pool: Pool): Holding {
  const kept = new Map<bigint, string>();
  if (pool.gateway !== undefined) kept.set(toInteger(pool.gateway), 'the gateway');
  for (const [name, address] of Object.entries(pool.reserved))
    kept.set(toInteger(address), `reserved as ${name}`);
  const addresses = new AddressSet(usableRange(pool), { kept: kept.keys() });
  return { networkName, pool, family: rangeOf(pool.subnet).family, addresses, kept };
}

/** Undefined is the pool's own range. */
function intervalOf({ networkName, pool }: Holding, range: LeaseRange | undefined): Interval | undefined {
  return range && leasableRange(pool.subnet, range, `network ${networkName}`);
}

function takeWanted({ networkName, pool, addresses, kept }: Holding, wanted: IpAddress): IpAddress {
  checkAddress(pool.subnet, wanted, `network ${networkName}`);
  const value = toInteger(wanted);
  if (addresses.take(value)) return wanted;
  const where = `pool ${pool.subnet} of network ${networkName}`;
  const role = kept.get(value);
  if (role === undefined) throw new NetError('conflict', `${wanted} is already leased from ${where}`);
  const code = wanted === pool.gateway ? 'invalid_parameter' : 'conflict';
  throw new NetError(code, `${wanted} is ${role} in ${where}`);
}

/** What only makes sense inside a subnet the user knows. */
function checkNothingDependsOnSubnet({ networkName, range, gateway, reserved }: PoolRequest): void {
  const given = range ?? gateway ?? Object.values(reserved)[0];
  if (given === undefined) return;
  throw new NetError(
    'invalid_parameter',
    `network ${networkName}: ${given} is given without the subnet it is in`,
  );
}

/** Also in halves: VPN clients put 0.0.0.0/1 and 128.0.0.0/1 before the default route, which says nothing of use. */
function isDefaultRoute(subnet: Cidr): boolean {
  return prefixOf(subnet) <= 1;
}

function list(title: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : '';
  return `${title} ${names.slice(0, namesShown).join(', ')}${more}`;
}
