// Checks what a user asked of a pool, and which of its addresses may be used. Pure.
import {
  type Cidr,
  contains,
  type IpAddress,
  overlaps,
  rangeOf,
  toInteger,
  toIpAddress,
} from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Pool } from '../model/network.ts';
import { type Interval, intersection } from './interval-set.ts';
import type { LeaseRange, PoolRequest } from './ipam-driver.ts';

/** RFC 6890, RFC 4291: no interface of a network can have an address of these. */
const unusable: ReadonlyMap<Cidr, string> = new Map([
  ['0.0.0.0/8' as Cidr, 'this host'],
  ['127.0.0.0/8' as Cidr, 'loopback'],
  ['224.0.0.0/4' as Cidr, 'multicast'],
  ['::/127' as Cidr, 'unspecified and loopback'],
  ['::ffff:0:0/96' as Cidr, 'IPv4-mapped'],
  ['ff00::/8' as Cidr, 'multicast'],
]);

/** The pool of a network on that subnet. Errors: `invalid_parameter` naming the value that does not fit. */
export function planPool(request: PoolRequest, subnet: Cidr): Pool {
  const { networkName, range, reserved } = request;
  checkSubnet(request, subnet);
  checkRange(request, subnet);
  if (request.gateway !== undefined) checkAddress(subnet, request.gateway, `network ${networkName}: gateway`);
  const owners = new Map<IpAddress, string>();
  if (request.gateway !== undefined) owners.set(request.gateway, 'the gateway');
  for (const [name, address] of Object.entries(reserved)) {
    const what = `network ${networkName}: reserved address ${name}`;
    checkAddress(subnet, address, what);
    const owner = owners.get(address);
    if (owner !== undefined) throw new NetError('invalid_parameter', `${what}: ${address} is also ${owner}`);
    owners.set(address, `reserved as ${name}`);
  }
  const gateway = request.gateway ?? (request.wantsGateway ? chooseGateway(request, subnet) : undefined);
  return { subnet, reserved, ...(range && { range }), ...(gateway && { gateway }) };
}

/** The addresses a pool chooses from. */
export function usableRange({ subnet, range }: Pick<Pool, 'subnet' | 'range'>): Interval {
  const hosts = hostRange(subnet);
  return range === undefined ? hosts : intersection(hosts, rangeOf(range));
}

/** The addresses of a range that may be leased. Errors: `invalid_parameter` when the subnet does not hold it, or nothing is left of it. */
export function leasableRange(subnet: Cidr, { first, last }: LeaseRange, what: string): Interval {
  const range = `${what}: range ${first}-${last}`;
  if (!contains(subnet, first) || !contains(subnet, last)) {
    throw new NetError('invalid_parameter', `${range} is outside subnet ${subnet}`);
  }
  const wanted = { first: toInteger(first), last: toInteger(last) };
  if (wanted.first > wanted.last) {
    throw new NetError('invalid_parameter', `${range} ends before it begins`);
  }
  const usable = intersection(hostRange(subnet), wanted);
  if (usable.first > usable.last) {
    throw new NetError('invalid_parameter', `${range} has no usable address of subnet ${subnet}`);
  }
  return usable;
}

/** Errors: `invalid_parameter` when the subnet does not hold the address, or keeps it back. */
export function checkAddress(subnet: Cidr, address: IpAddress, what: string): void {
  const { family, first } = rangeOf(subnet);
  const value = toInteger(address);
  if (!contains(subnet, address))
    throw new NetError('invalid_parameter', `${what}: ${address} is outside subnet ${subnet}`);
  const hosts = hostRange(subnet);
  if (value >= hosts.first && value <= hosts.last) return;
  const lowest = family === 4 ? 'network' : 'subnet-router anycast';
  const role = value === first ? lowest : 'broadcast';
  throw new NetError('invalid_parameter', `${what}: ${address} is the ${role} address of ${subnet}`);
}

/** Without network and broadcast address (RFC 3021: a /31 has none) and without the subnet-router anycast address (RFC 6164: none in a /127). */
function hostRange(subnet: Cidr): Interval {
  const { family, first, last } = rangeOf(subnet);
  if (last - first <= 1n) return { first, last };
  return { first: first + 1n, last: family === 4 ? last - 1n : last };
}

function checkSubnet({ networkName, family }: PoolRequest, subnet: Cidr): void {
  const range = rangeOf(subnet);
  if (range.family !== family) {
    throw new NetError(
      'invalid_parameter',
      `network ${networkName}: ${subnet} is not an IPv${family} subnet`,
    );
  }
  for (const [other, use] of unusable) {
    if (!overlaps(subnet, other)) continue;
    throw new NetError(
      'invalid_parameter',
      `network ${networkName}: subnet ${subnet} overlaps ${other} (${use}), which no network can use`,
    );
  }
}

function checkRange({ networkName, range }: PoolRequest, subnet: Cidr): void {
  if (range === undefined) return;
  const outer = rangeOf(subnet);
  const inner = rangeOf(range);
  if (inner.family !== outer.family || inner.first < outer.first || inner.last > outer.last) {
    throw new NetError(
      'invalid_parameter',
      `network ${networkName}: range ${range} is outside subnet ${subnet}`,
    );
  }
  const usable = usableRange({ subnet, range });
  if (usable.first > usable.last) {
    throw new NetError(
      'invalid_parameter',
      `network ${networkName}: range ${range} has no usable address of subnet ${subnet}`,
    );
  }
}

/** The first address of the subnet that is not reserved. */
function chooseGateway({ networkName, reserved, family }: PoolRequest, subnet: Cidr): IpAddress {
  const { first, last } = hostRange(subnet);
  const used = new Set(Object.values(reserved));
  for (let value = first; value <= last; value++) {
    const address = toIpAddress(value, family);
    if (!used.has(address)) return address;
  }
  throw new NetError(
    'invalid_parameter',
    `network ${networkName}: the reserved addresses leave none of subnet ${subnet} for the gateway`,
  );
}
