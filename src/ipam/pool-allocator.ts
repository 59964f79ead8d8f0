// Chooses subnets for networks whose user named none. Pure.
import {
  type Cidr,
  familyBits,
  familyOf,
  type IpFamily,
  parseCidr,
  prefixOf,
  rangeOf,
  toCidr,
} from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';

/** Address space that subnets of prefix length `size` are cut from. */
export interface PoolSpace {
  readonly base: Cidr;
  readonly size: number;
}

export const defaultPoolSpaces: readonly PoolSpace[] = [
  { base: '10.209.0.0/16' as Cidr, size: 24 },
  { base: '172.30.0.0/16' as Cidr, size: 24 },
  { base: '192.168.192.0/18' as Cidr, size: 24 },
];

/** Parses `CIDR,SIZE` as `--pool` has it. Errors: `invalid_parameter`. */
export function parsePoolSpace(text: string, what: string): PoolSpace {
  const [subnet = '', length = '', ...more] = text.split(',');
  const base = parseCidr(subnet, what);
  const size = /^\d{1,3}$/.test(length) && more.length === 0 ? Number(length) : -1;
  const longest = familyBits(familyOf(base)) - 2;
  if (size < prefixOf(base) || size > longest) {
    throw new NetError(
      'invalid_parameter',
      `${what}: ${text} is not CIDR,SIZE with a size from ${prefixOf(base)} to ${longest}`,
    );
  }
  return { base, size };
}

/** Where subnets of a family come from: the user's spaces, else the built-in ones or this installation's ULA prefix. */
export function spacesOf(
  family: IpFamily,
  given: readonly PoolSpace[],
  ulaPrefix: Cidr,
): readonly PoolSpace[] {
  const own = given.filter((space) => familyOf(space.base) === family);
  if (own.length > 0) return own;
  return family === 4 ? defaultPoolSpaces : [{ base: ulaPrefix, size: 64 }];
}

/** The first subnet, or the last of a space, that overlaps nothing in use; undefined when there is none. */
export function chooseSubnet(
  spaces: readonly PoolSpace[],
  inUse: readonly Cidr[],
  { fromEnd = false } = {},
): Cidr | undefined {
  const choose = fromEnd ? lastFree : firstFree;
  for (const space of spaces) {
    const subnet = choose(space, inUse);
    if (subnet !== undefined) return subnet;
  }
  return undefined;
}

function firstFree(space: PoolSpace, inUse: readonly Cidr[]): Cidr | undefined {
  const { family, first, last, step, obstacles } = divide(space, inUse);
  let candidate = first;
  for (const obstacle of obstacles.sort((a, b) => (a.first < b.first ? -1 : 1))) {
    if (obstacle.first >= candidate + step) break;
    if (obstacle.last >= candidate) candidate = (obstacle.last / step + 1n) * step;
  }
  return candidate <= last ? toCidr(candidate, space.size, family) : undefined;
}

function lastFree(space: PoolSpace, inUse: readonly Cidr[]): Cidr | undefined {
  const { family, first, last, step, obstacles } = divide(space, inUse);
  let candidate = last + 1n - step;
  for (const obstacle of obstacles.sort((a, b) => (a.last > b.last ? -1 : 1))) {
    if (obstacle.last < candidate) break;
    if (obstacle.first < candidate + step) candidate = (obstacle.first / step - 1n) * step;
  }
  return candidate >= first ? toCidr(candidate, space.size, family) : undefined;
}

function divide({ base, size }: PoolSpace, inUse: readonly Cidr[]) {
  const { family, first, last } = rangeOf(base);
  const step = 1n << BigInt(familyBits(family) - size);
  const obstacles = inUse
    .map(rangeOf)
    .filter((range) => range.family === family && range.first <= last && range.last >= first);
  return { family, first, last, step, obstacles };
}
