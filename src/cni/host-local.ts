// Addresses out of ranges, with the rules of the host-local plugin.
import { type Cidr, contains, type IpAddress } from '../base/cidr.ts';
import type { AddressChoice } from '../core/requests.ts';
import type { AddressChoices, SubnetPool } from './address-plan.ts';
import { decodeRoutes } from './convert.ts';
import { CniError, cniCode } from './errors.ts';
import type { NetworkConfig } from './network-config.ts';
import { describeRanges, isInRange, parseRangeSets, type Range, type RangeSet } from './range-sets.ts';

/** A set of ranges, with the address asked for out of it. */
interface Choice {
  readonly ranges: RangeSet;
  readonly wanted?: { readonly address: IpAddress; readonly range: Range };
}

/** Errors: 6, 7. */
export function planHostLocal(config: NetworkConfig): AddressChoices {
  const sets = parseRangeSets(config);
  const choices = chooseWanted(sets, config);
  const pools = poolsOf(sets.flat(), config);
  return {
    pools,
    endpoint: { leases: choices.map(leaseOf) },
    gateways: sets.flat().map(({ subnet, gateway }) => ({ subnet, gateway })),
    families: choices.map(({ ranges, wanted }) => {
      const possible = wanted === undefined ? ranges : [wanted.range];
      return {
        family: ranges[0].family,
        gateways: distinct(possible.map(({ gateway }) => gateway)),
        own: possible.every(({ gateway }) => pools.some((pool) => pool.gateway === gateway)),
      };
    }),
    routes: decodeRoutes(config.ipam, 'routes'),
    dns: {},
  };
}

/** Each address asked for must be of a set of its own. */
function chooseWanted(sets: readonly RangeSet[], { ips }: NetworkConfig): readonly Choice[] {
  const choices: Choice[] = sets.map((ranges) => ({ ranges }));
  for (const { address } of ips) {
    const index = sets.findIndex((ranges) => ranges.some((range) => isInRange(range, address)));
    const ranges = sets[index];
    const range = ranges?.find((one) => isInRange(one, address));
    if (ranges === undefined || range === undefined) {
      throw bad(`address ${address} is in none of the ranges: ${describeRanges(sets)}`);
    }
    if (range.gateway === address) throw bad(`address ${address} is the gateway of ${range.subnet}`);
    const other = choices[index]?.wanted;
    if (other !== undefined) {
      throw bad(
        `addresses ${other.address} and ${address} are of one set of ranges, which gives one address`,
      );
    }
    choices[index] = { ranges, wanted: { address, range } };
  }
  return choices;
}

function leaseOf({ ranges, wanted }: Choice): AddressChoice {
  return wanted?.address ?? ranges.map(({ first, last }) => ({ first, last }));
}

function poolsOf(ranges: readonly Range[], config: NetworkConfig): readonly SubnetPool[] {
  return distinct(ranges.map(({ subnet }) => subnet)).map((subnet) => {
    const gateways = distinct(
      ranges.filter((range) => range.subnet === subnet).map(({ gateway }) => gateway),
    );
    return poolOf(subnet, gateways, config);
  });
}

/** On a bridge the gateway is ours or just an address kept free; on a parent's wire it is somebody else's. */
function poolOf(subnet: Cidr, gateways: readonly IpAddress[], { driver, bridge }: NetworkConfig): SubnetPool {
  const inside = gateways.filter((gateway) => contains(subnet, gateway));
  const [gateway, ...more] = inside;
  const isOurs = driver === 'bridge' && bridge.isGateway;
  if (isOurs && (gateway === undefined || gateways.length > 1)) {
    throw bad(
      gateways.length > 1
        ? `ipam: subnet ${subnet} has several gateways (${gateways.join(', ')}), and a bridge can be one of them`
        : `ipam: gateway ${gateways[0]} is outside subnet ${subnet}, so the bridge cannot have it`,
    );
  }
  const hasGateway = isOurs || driver === 'macvlan';
  if (hasGateway && gateway !== undefined && more.length === 0) return { subnet, gateway, reserved: {} };
  const names = inside.map((address, i) => [i === 0 ? 'gateway' : `gateway${i + 1}`, address] as const);
  return { subnet, withoutGateway: true, reserved: Object.fromEntries(names) };
}

function distinct<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}

function bad(problem: string): CniError {
  return new CniError(cniCode.badConfiguration, problem);
}
