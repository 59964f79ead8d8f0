// Subnets as ranges of addresses that do not overlap.
import { type AddressRange, type Cidr, type IpFamily, rangeOf } from '../../base/cidr.ts';

/** Every address of a family. */
export const wholeFamily: Readonly<Record<IpFamily, AddressRange>> = {
  4: rangeOf('0.0.0.0/0' as Cidr),
  6: rangeOf('::/0' as Cidr),
};

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

function byFirst(a: AddressRange, b: AddressRange): number {
  return a.first < b.first ? -1 : Number(a.first > b.first);
}
