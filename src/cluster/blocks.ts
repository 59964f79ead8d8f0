// How a subnet is divided into blocks, parts that one host each gives addresses of. Pure.
import { type Cidr, familyBits, type IpAddress, prefixOf, rangeOf, toCidr, toInteger } from '../base/cidr.ts';
import type { Pool } from '../model/network.ts';

/** A block is this part of what addresses are chosen from, so that many hosts find one: 2 to the power of it. */
const shareBits = 5;
/** And at most so many addresses, by family: 2 to the power of it. */
const mostBits = { 4: 8, 6: 16 } as const;

/** The block of a subnet that an address of it is in. */
export function blockAt(pool: Pool, address: IpAddress): Cidr {
  return toCidr(toInteger(address), blockPrefix(pool), rangeOf(pool.subnet).family);
}

/** The lowest block of those addresses are chosen from that is not taken and has an address to give; undefined when there is none. */
export function lowestFreeBlock(pool: Pool, taken: ReadonlySet<Cidr>): Cidr | undefined {
  return firstFreeFrom(pool, taken, 0n);
}

/** Any such block: where to begin is a number from 0 to less than 1. */
export function someFreeBlock(pool: Pool, taken: ReadonlySet<Cidr>, where: number): Cidr | undefined {
  const steps = 1 << 30;
  const start = (blockCount(pool) * BigInt(Math.floor(where * steps))) / BigInt(steps);
  return firstFreeFrom(pool, taken, start);
}

/** How many blocks addresses are chosen from. */
export function blockCount(pool: Pool): bigint {
  return 1n << BigInt(blockPrefix(pool) - prefixOf(pool.range ?? pool.subnet));
}

function blockPrefix({ subnet, range }: Pool): number {
  const { family } = rangeOf(subnet);
  const choiceBits = familyBits(family) - prefixOf(range ?? subnet);
  return familyBits(family) - Math.max(0, Math.min(choiceBits - shareBits, mostBits[family]));
}

/** Looks at no more blocks than are taken or useless, and one. */
function firstFreeFrom(pool: Pool, taken: ReadonlySet<Cidr>, start: bigint): Cidr | undefined {
  const { family, first } = rangeOf(pool.range ?? pool.subnet);
  const prefix = blockPrefix(pool);
  const size = 1n << BigInt(familyBits(family) - prefix);
  const count = blockCount(pool);
  const kept = keptAddresses(pool);
  for (let step = 0n; step < count; step++) {
    const at = first + ((start + step) % count) * size;
    const block = toCidr(at, prefix, family);
    if (taken.has(block)) continue;
    const useless = kept.filter((value) => value >= at && value < at + size).length;
    if (BigInt(useless) < size) return block;
  }
  return undefined;
}

/** Those that nobody is given. A subnet of two addresses or one gives all (RFC 3021, RFC 6164). */
function keptAddresses({ subnet, gateway, reserved }: Pool): readonly bigint[] {
  const { family, first, last } = rangeOf(subnet);
  const named = [gateway, ...Object.values(reserved)].flatMap((address) =>
    address === undefined ? [] : [toInteger(address)],
  );
  const ends = last - first <= 1n ? [] : family === 4 ? [first, last] : [first];
  return [...new Set([...ends, ...named])];
}
