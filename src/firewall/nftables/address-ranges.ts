// Subnets as ranges of addresses that do not overlap.
import {
  type AddressRange,
  type Cidr,
  type IpFamily,
  rangeOf,
  toBytes,
  toIpAddress,
} from '../../base/cidr.ts';

/** The lowest and the highest address, in bytes as packets have them. */
export interface ByteRange {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

/** Every address of a family. */
export const wholeFamily: Readonly<Record<IpFamily, Cidr>> = { 4: '0.0.0.0/0' as Cidr, 6: '::/0' as Cidr };

/** The same addresses, all of one family, in as few ranges as can be, in ascending order. */
export function joinedRanges(subnets: readonly Cidr[]): readonly AddressRange[] {
  const ranges: AddressRange[] = [];
  for (const range of subnets.map(rangeOf).sort(byFirst)) {
    const before = ranges.at(-1);
    if (before === undefined || range.first > before.last + 1n) ranges.push(range);
    else if (range.last > before.last) ranges[ranges.length - 1] = { ...before, last: range.last };
  }
  return ranges;
}

export function toByteRange({ family, first, last }: AddressRange): ByteRange {
  return { first: toBytes(toIpAddress(first, family)), last: toBytes(toIpAddress(last, family)) };
}

/** Works joined ranges out once for each list of subnets: thousands of ports may have the same. */
export class RangeCache {
  readonly #known = new Map<string, readonly ByteRange[]>();

  rangesOf(subnets: readonly Cidr[]): readonly ByteRange[] {
    const text = subnets.join();
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const ranges = joinedRanges(subnets).map(toByteRange);
    this.#known.set(text, ranges);
    return ranges;
  }
}

function byFirst(a: AddressRange, b: AddressRange): number {
  return a.first < b.first ? -1 : Number(a.first > b.first);
}
