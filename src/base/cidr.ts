// Addresses and subnets: text at the edges and in records, integers in between.
import IPCIDR from 'ip-cidr';
import { NetError } from './errors.ts';

declare const brand: unique symbol;

/** A bare address in canonical text (`10.0.0.1`, `fd00::1`). */
export type IpAddress = string & { readonly [brand]: 'IpAddress' };
/** A subnet in canonical text, host bits zero (`10.0.0.0/24`). */
export type Cidr = string & { readonly [brand]: 'Cidr' };
/** An address with its subnet's prefix length (`10.0.0.5/24`). */
export type InterfaceAddress = string & { readonly [brand]: 'InterfaceAddress' };

export type IpFamily = 4 | 6;

/** A subnet as integers; `first` and `last` are its lowest and highest address, inclusive. */
export interface AddressRange {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * Parses an address given by a user. An IPv4-mapped one (`::ffff:10.0.0.1`) is the IPv4 address: no packet carries it
 * in any other form.
 * @param what names the value in the error, e.g. `--ip`.
 * Errors: `invalid_parameter`.
 */
export function parseIp(text: string, what: string): IpAddress {
  if (!isAddress(text)) throw new NetError('invalid_parameter', `${what}: ${text} is not an IP address`);
  const value = toInteger(text);
  return isMapped(text) ? toIpAddress(value & 0xffffffffn, 4) : toIpAddress(value, familyOf(text));
}

/** Parses a subnet given by a user; host bits must be zero. Errors: `invalid_parameter`, also for IPv4-mapped ones. */
export function parseCidr(text: string, what: string): Cidr {
  const address = parseInterfaceAddress(text, what);
  const subnet = subnetOf(address);
  if (!subnet.startsWith(`${addressOf(address)}/`)) {
    throw new NetError('invalid_parameter', `${what}: ${text} has host bits set; the subnet is ${subnet}`);
  }
  return subnet;
}

/** Parses an address with prefix length given by a user, host bits kept. Errors as for `parseCidr`. */
export function parseInterfaceAddress(text: string, what: string): InterfaceAddress {
  const [address = '', length = '', ...more] = text.split('/');
  const valid = more.length === 0 && /^(0|[1-9]\d{0,2})$/.test(length) && isAddress(address);
  if (!valid || Number(length) > familyBits(familyOf(address))) {
    throw new NetError('invalid_parameter', `${what}: ${text} is not in CIDR notation`);
  }
  if (isMapped(address)) {
    throw new NetError('invalid_parameter', `${what}: ${text} is IPv4-mapped; give it in IPv4 notation`);
  }
  return toInterfaceAddress(parseIp(address, what), Number(length));
}

/** The family of an address or subnet in text. */
export function familyOf(text: string): IpFamily {
  return text.includes(':') ? 6 : 4;
}

/** 32 or 128. */
export function familyBits(family: IpFamily): number {
  return family === 4 ? 32 : 128;
}

export function prefixOf(text: Cidr | InterfaceAddress): number {
  return Number(text.slice(text.indexOf('/') + 1));
}

/** The bare address of `10.0.0.5/24`. */
export function addressOf(text: InterfaceAddress): IpAddress {
  return text.slice(0, text.indexOf('/')) as IpAddress;
}

/** The subnet an interface address is in. */
export function subnetOf(text: InterfaceAddress): Cidr {
  return toCidr(toInteger(addressOf(text)), prefixOf(text), familyOf(text));
}

export function rangeOf(subnet: Cidr): AddressRange {
  const family = familyOf(subnet);
  const first = toInteger(subnet.slice(0, subnet.indexOf('/')));
  const size = 1n << BigInt(familyBits(family) - prefixOf(subnet));
  return { family, first, last: first + size - 1n };
}

export function contains(subnet: Cidr, address: IpAddress): boolean {
  const range = rangeOf(subnet);
  if (range.family !== familyOf(address)) return false;
  const value = toInteger(address);
  return value >= range.first && value <= range.last;
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  const left = rangeOf(a);
  const right = rangeOf(b);
  return left.family === right.family && left.first <= right.last && right.first <= left.last;
}

export function toInterfaceAddress(address: IpAddress, prefix: number): InterfaceAddress {
  return `${address}/${prefix}` as InterfaceAddress;
}

/** The subnet of that prefix length which an address value lies in. */
export function toCidr(value: bigint, prefix: number, family: IpFamily): Cidr {
  return `${toIpAddress(networkOf(value, prefix, family), family)}/${prefix}` as Cidr;
}

/** The integer value of an address in text. */
export function toInteger(address: string): bigint {
  if (familyOf(address) === 4)
    return BigInt(address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0));
  let value = 0n;
  for (const byte of toBytes(address as IpAddress)) value = (value << 8n) | BigInt(byte);
  return value;
}

/** Canonical text of an address value (RFC 5952 for IPv6). */
export function toIpAddress(value: bigint, family: IpFamily): IpAddress {
  if (family === 4) {
    const number = Number(value);
    return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}` as IpAddress;
  }
  const bytes = new Uint8Array(familyBits(family) / 8);
  let rest = value;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return fromBytes(bytes);
}

/** The 4 or 16 bytes of a valid address, in network order. */
export function toBytes(address: IpAddress): Uint8Array {
  if (familyOf(address) === 4) {
    const [a, b, c, d] = address.split('.');
    return Uint8Array.of(Number(a), Number(b), Number(c), Number(d));
  }
  const bytes = new Uint8Array(16);
  ipv6Groups(address).forEach((group, i) => {
    const value = Number.parseInt(group, 16);
    bytes[i * 2] = value >> 8;
    bytes[i * 2 + 1] = value & 0xff;
  });
  return bytes;
}

/** Canonical text of 4 or 16 bytes in network order. */
export function fromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4) return bytes.join('.') as IpAddress;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  return compress(groups) as IpAddress;
}

/** Beside an IPv4 tail ip-cidr takes dotted groups anywhere, `::` twice and nine groups, hence the look at each. */
function isAddress(text: string): boolean {
  if (text.includes('/') || text.includes('%') || !IPCIDR.isValidAddress(text)) return false;
  if (familyOf(text) === 4) return true;
  const groups = ipv6Groups(text);
  return groups.length === 8 && groups.every((group) => /^[\da-f]{1,4}$/i.test(group));
}

/** RFC 4291 section 2.5.5.2: ::ffff:0:0/96. */
function isMapped(text: string): boolean {
  return familyOf(text) === 6 && toInteger(text) >> 32n === 0xffffn;
}

function networkOf(value: bigint, prefix: number, family: IpFamily): bigint {
  const hostBits = BigInt(familyBits(family) - prefix);
  return (value >> hostBits) << hostBits;
}

/** The hexadecimal groups of an address, with `::` and an IPv4 tail written out; none when `::` is there twice. */
function ipv6Groups(address: string): string[] {
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((n) => n.toString(16)).join(':'),
  );
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return [];
  const before = head === '' ? [] : head.split(':');
  if (tail === undefined) return before;
  const after = tail === '' ? [] : tail.split(':');
  const zeros = Math.max(1, 8 - before.length - after.length);
  return [...before, ...Array<string>(zeros).fill('0'), ...after];
}

/** RFC 5952: the longest run of at least two zero groups becomes `::`, the first of equals. */
function compress(groups: readonly number[]): string {
  let best = { start: -1, length: 1 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}
