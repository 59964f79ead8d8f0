// Addresses of subnets that several hosts give addresses of: each gives those of the blocks it alone holds. All other subnets are
// left to the driver underneath.
import {
  type Cidr,
  contains,
  type InterfaceAddress,
  type IpAddress,
  rangeOf,
  toInteger,
  toIpAddress,
} from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Pool } from '../model/network.ts';
import { type Interval, intersection } from './interval-set.ts';
import type { IpamDriver, LeaseRange, PoolRequest, PoolStatus } from './ipam-driver.ts';
import { leasableRange, usableRange } from './plan-pool.ts';

/** Where blocks come from. */
export interface BlockSource {
  /** Undefined when the subnet is not shared. */
  blocksOf(subnet: Cidr): readonly Cidr[] | undefined;
  /** One more, or the one an address is in. Errors: `unavailable`, `exhausted`, `conflict`. */
  claimBlock(subnet: Cidr, wanted?: IpAddress): Promise<Cidr>;
}

export class SharedIpam implements IpamDriver {
  readonly name: string;
  readonly #inner: IpamDriver;
  readonly #source: BlockSource;

  constructor(inner: IpamDriver, source: BlockSource) {
    this.name = inner.name;
    this.#inner = inner;
    this.#source = source;
  }

  parseOptions(raw: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return this.#inner.parseOptions(raw);
  }

  requestPool(request: PoolRequest): Promise<Pool | undefined> {
    return this.#inner.requestPool(request);
  }

  releasePool(pool: Pool): void {
    this.#inner.releasePool(pool);
  }

  requestAddress(pool: Pool, wanted?: IpAddress | LeaseRange): InterfaceAddress | Promise<InterfaceAddress> {
    const blocks = this.#source.blocksOf(pool.subnet);
    if (blocks === undefined) return this.#inner.requestAddress(pool, wanted);
    return typeof wanted === 'string' ? this.#requestThis(pool, wanted) : this.#requestNext(pool, wanted);
  }

  holds(pool: Pool, address: IpAddress): boolean {
    return this.#inner.holds(pool, address);
  }

  releaseAddress(pool: Pool, address: IpAddress): void {
    this.#inner.releaseAddress(pool, address);
  }

  restore(networkName: string, pool: Pool, leased: readonly IpAddress[]): void {
    this.#inner.restore(networkName, pool, leased);
  }

  /** Of the whole cluster's capacity, what this host knows of. */
  status(pool: Pool, range?: LeaseRange): PoolStatus {
    return this.#inner.status(pool, range);
  }

  async #requestThis(pool: Pool, wanted: IpAddress): Promise<InterfaceAddress> {
    const isOurs = this.#blocks(pool).some((block) => contains(block, wanted));
    // What the driver underneath refuses in any case is refused before a block is taken for it.
    const leased = await this.#inner.requestAddress(pool, wanted);
    if (isOurs) return leased;
    try {
      await this.#source.claimBlock(pool.subnet, wanted);
      return leased;
    } catch (error) {
      this.#inner.releaseAddress(pool, wanted);
      throw error;
    }
  }

  /** Whoever comes at the same moment may take the last one of a block before us. */
  async #requestNext(pool: Pool, range: LeaseRange | undefined): Promise<InterfaceAddress> {
    if (range !== undefined) leasableRange(pool.subnet, range, `pool ${pool.subnet}`);
    for (;;) {
      const blocks = this.#blocks(pool);
      const found = await this.#fromBlocks(pool, blocks, range);
      if (found !== undefined) return found;
      await this.#source.claimBlock(pool.subnet, range && firstBeside(blocks, pool, range));
    }
  }

  async #fromBlocks(
    pool: Pool,
    blocks: readonly Cidr[],
    range: LeaseRange | undefined,
  ): Promise<InterfaceAddress | undefined> {
    for (const block of blocks) {
      const part = common(pool, block, range);
      if (part === undefined) continue;
      try {
        return await this.#inner.requestAddress(pool, part);
      } catch (error) {
        if (!(error instanceof NetError) || error.code !== 'exhausted') throw error;
      }
    }
    return undefined;
  }

  #blocks({ subnet }: Pool): readonly Cidr[] {
    return this.#source.blocksOf(subnet) ?? [];
  }
}

/** What a block and a range have in common, of the addresses that can be used at all. */
function common(pool: Pool, block: Cidr, range: LeaseRange | undefined): LeaseRange | undefined {
  const { family, ...whole } = rangeOf(block);
  const usable = intersection(usableRange(pool), whole);
  const { first, last } = range === undefined ? usable : intersection(usable, intervalOf(range));
  return first > last ? undefined : { first: toIpAddress(first, family), last: toIpAddress(last, family) };
}

function intervalOf({ first, last }: LeaseRange): Interval {
  return { first: toInteger(first), last: toInteger(last) };
}

/** The first address of a range that lies in none of the blocks. Errors: `exhausted`. */
function firstBeside(blocks: readonly Cidr[], { subnet }: Pool, range: LeaseRange): IpAddress {
  let address = toInteger(range.first);
  for (const { first, last } of blocks.map(rangeOf).sort((a, b) => (a.first < b.first ? -1 : 1))) {
    if (address >= first && address <= last) address = last + 1n;
  }
  if (address <= toInteger(range.last)) return toIpAddress(address, rangeOf(subnet).family);
  throw new NetError('exhausted', `range ${range.first}-${range.last} of pool ${subnet} is full`);
}
