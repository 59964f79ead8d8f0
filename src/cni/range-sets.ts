// Ranges of addresses as the host-local plugin has them: of each set of ranges a container gets one address.
import {
  type Cidr,
  contains,
  familyBits,
  familyOf,
  type IpAddress,
  type IpFamily,
  parseCidr,
  parseIp,
  prefixOf,
  rangeOf,
  toInteger,
  toIpAddress,
} from '../base/cidr.ts';
import { CniError, cniCode } from './errors.ts';
import type { Fields } from './fields.ts';
import { type NetworkConfig, readRangeSet } from './network-config.ts';
import { isAtLeast } from './versions.ts';

export interface Range {
  readonly family: IpFamily;
  readonly subnet: Cidr;
  /** Inclusive, as is `last`. */
  readonly first: IpAddress;
  readonly last: IpAddress;
  /** Never given to a container. */
  readonly gateway: IpAddress;
}

export type RangeSet = readonly [Range, ...Range[]];

/** The runtime's sets come first, then the one range of old configurations, then the rest. Errors: 6, 7. */
export function parseRangeSets({ ipam, ipRanges, version }: NetworkConfig): readonly RangeSet[] {
  const configured = ipam.list('ranges', readRangeSet) ?? [];
  const sets = [...ipRanges, ...singleRange(ipam), ...configured].map(parseSet);
  if (sets.length === 0) throw bad('ipam: neither subnet nor ranges are given');
  checkOverlaps(sets.flat());
  if (!isAtLeast(version, '0.3.0')) checkOnePerFamily(sets);
  return sets;
}

/** `10.0.0.2-10.0.0.254` of each range. */
export function describeRanges(sets: readonly RangeSet[]): string {
  return sets
    .flat()
    .map(({ first, last }) => `${first}-${last}`)
    .join(', ');
}

export function isInRange({ first, last, family }: Range, address: IpAddress): boolean {
  if (familyOf(address) !== family) return false;
  const value = toInteger(address);
  return value >= toInteger(first) && value <= toInteger(last);
}

function singleRange(ipam: Fields): readonly (readonly Fields[])[] {
  if (ipam.text('subnet') !== undefined) return [[ipam]];
  const stray = ['rangeStart', 'rangeEnd'].find((key) => ipam.text(key) !== undefined);
  if (stray !== undefined) throw bad(`${ipam.at(stray)} has no meaning without ${ipam.at('subnet')}`);
  return [];
}

function parseSet(ranges: readonly Fields[]): RangeSet {
  const [first, ...rest] = ranges.map(parseRange);
  if (first === undefined) throw bad('ipam: a set of ranges is empty');
  const other = rest.find(({ family }) => family !== first.family);
  if (other !== undefined) {
    throw bad(`ipam: ${first.subnet} and ${other.subnet} are of two families, but in one set of ranges`);
  }
  return [first, ...rest];
}

function parseRange(fields: Fields): Range {
  const text = fields.text('subnet');
  if (text === undefined) throw bad(`${fields.at('subnet')} is missing`);
  const subnet = parseCidr(text, fields.at('subnet'));
  const { family, first, last } = rangeOf(subnet);
  const longest = familyBits(family) - 2;
  if (prefixOf(subnet) > longest) {
    throw bad(`${fields.at('subnet')}: ${subnet} is too small: a prefix of at most ${longest} leaves room`);
  }
  const next = toIpAddress(first + 1n, family);
  const beforeBroadcast = toIpAddress(family === 4 ? last - 1n : last, family);
  const range = {
    family,
    subnet,
    first: addressIn(fields, 'rangeStart', subnet) ?? next,
    last: addressIn(fields, 'rangeEnd', subnet) ?? beforeBroadcast,
    gateway: gatewayOf(fields, family) ?? next,
  };
  if (toInteger(range.first) > toInteger(range.last)) {
    throw bad(`${fields.at('rangeStart')}: ${range.first} is behind the end of the range, ${range.last}`);
  }
  return range;
}

function addressIn(fields: Fields, key: string, subnet: Cidr): IpAddress | undefined {
  const text = fields.text(key);
  if (text === undefined) return undefined;
  const address = parseIp(text, fields.at(key));
  if (!contains(subnet, address)) throw fields.bad(key, `in subnet ${subnet}`);
  return address;
}

function gatewayOf(fields: Fields, family: IpFamily): IpAddress | undefined {
  const text = fields.text('gateway');
  if (text === undefined) return undefined;
  const gateway = parseIp(text, fields.at('gateway'));
  if (familyOf(gateway) !== family) throw fields.bad('gateway', `an IPv${family} address`);
  return gateway;
}

function checkOverlaps(ranges: readonly Range[]): void {
  ranges.forEach((range, i) => {
    const other = ranges
      .slice(i + 1)
      .find(
        ({ first, last }) =>
          isInRange(range, first) || isInRange(range, last) || isAround(first, last, range),
      );
    if (other === undefined) return;
    throw bad(
      `ipam: range ${range.first}-${range.last} of ${range.subnet} overlaps ${other.first}-${other.last} of ${other.subnet}`,
    );
  });
}

function isAround(first: IpAddress, last: IpAddress, range: Range): boolean {
  return (
    familyOf(first) === range.family &&
    toInteger(first) <= toInteger(range.first) &&
    toInteger(last) >= toInteger(range.last)
  );
}

function checkOnePerFamily(sets: readonly RangeSet[]): void {
  for (const family of [4, 6] as const) {
    const count = sets.filter(([range]) => range.family === family).length;
    if (count > 1) throw bad(`ipam: before CNI 0.3.0 there is one IPv${family} address, not ${count}`);
  }
}

function bad(problem: string): CniError {
  return new CniError(cniCode.badConfiguration, problem);
}
