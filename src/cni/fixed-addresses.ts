// Addresses somebody else chose: with the keys of the static plugin, or by another IPAM plugin.
import {
  addressOf,
  type Cidr,
  contains,
  familyBits,
  familyOf,
  type InterfaceAddress,
  type IpAddress,
  parseInterfaceAddress,
  prefixOf,
  rangeOf,
  subnetOf,
  toInterfaceAddress,
  toIpAddress,
} from '../base/cidr.ts';
import type { AddressChoices, SubnetPool } from './address-plan.ts';
import type { RequestedIp } from './cni-args.ts';
import { decodeAddress, decodeDns, decodeResult, decodeRoutes } from './convert.ts';
import { CniError, cniCode } from './errors.ts';
import { type Fields, parseFields } from './fields.ts';
import type { NetworkConfig } from './network-config.ts';
import type { CniResult } from './result.ts';
import { isAtLeast } from './versions.ts';

interface Fixed {
  readonly address: InterfaceAddress;
  readonly gateway?: IpAddress;
}

/** One that lies in a subnet of the network, which has its gateway there. */
interface Pooled extends Fixed {
  readonly gateway: IpAddress;
}

/** Addresses asked for stand in place of the configured ones. Errors: 6, 7. */
export function planStatic(config: NetworkConfig): AddressChoices {
  const { ipam, ips } = config;
  const configured = ipam.objects('addresses', readAddress) ?? [];
  const fixed = ips.length === 0 ? configured : ips.map((ip) => requested(ip, configured));
  return planFixed(config, {
    ips: fixed.map((one) => withGateway(one, config.ipGateways)),
    routes: decodeRoutes(ipam, 'routes'),
    dns: decodeDns(ipam.object('dns')),
  });
}

/** Errors: 1, 6, 7. */
export function planDelegated(config: NetworkConfig, text: string | undefined): AddressChoices {
  const what = `the result of ipam.type ${config.ipam.text('type')}`;
  if (text === undefined) throw bad(`${what} is missing: the plugin executable has to ask for it`);
  return planFixed(config, decodeResult(parseFields(text, what), config.version));
}

/** Where the bridge is the gateway, addresses beside it are leased from its subnet like any other. */
function planFixed(
  config: NetworkConfig,
  { ips, routes, dns }: Pick<CniResult, 'ips' | 'routes' | 'dns'>,
): AddressChoices {
  if (ips.length === 0) throw bad(`ipam.type ${config.ipam.text('type')} gives no address`);
  if (!isAtLeast(config.version, '0.3.0')) checkOnePerFamily(ips);
  const isOurs = config.driver === 'bridge' && config.bridge.isGateway;
  const fixed = ips.map((ip) => (isOurs ? besideGateway(ip) : ip));
  const pooled = isOurs ? fixed.filter(isPooled) : [];
  const given = fixed.filter((one) => !pooled.some((other) => other === one));
  return {
    pools: poolsOf(pooled),
    endpoint: {
      leases: pooled.map(({ address }) => addressOf(address)),
      ...(given.length > 0 && { given: given.map(({ address }) => address) }),
    },
    gateways: fixed.flatMap(({ address, gateway }) =>
      gateway === undefined ? [] : [{ subnet: subnetOf(address), gateway }],
    ),
    families: fixed.map((one) => ({
      family: familyOf(one.address),
      gateways: one.gateway === undefined ? [] : [one.gateway],
      own: pooled.some((other) => other === one),
    })),
    routes,
    dns,
  };
}

function readAddress(fields: Fields): Fixed {
  const text = fields.text('address');
  if (text === undefined) throw bad(`${fields.at('address')} is missing`);
  const gateway = decodeAddress(fields, 'gateway');
  return {
    address: parseInterfaceAddress(text, fields.at('address')),
    ...(gateway !== undefined && { gateway }),
  };
}

/** Without a prefix length it is an address of the subnet of a configured one. */
function requested({ address, prefix }: RequestedIp, configured: readonly Fixed[]): Fixed {
  const like = configured.find((one) => contains(subnetOf(one.address), address));
  const length = prefix ?? (like === undefined ? undefined : prefixOf(like.address));
  if (length === undefined) {
    throw bad(`address ${address} has no prefix length and is in no subnet of ipam.addresses`);
  }
  return { ...like, address: toInterfaceAddress(address, length) };
}

function withGateway(fixed: Fixed, gateways: readonly IpAddress[]): Fixed {
  const subnet = subnetOf(fixed.address);
  const gateway = gateways.find((one) => contains(subnet, one));
  return gateway === undefined ? fixed : { ...fixed, gateway };
}

/** As the reference has it: where none is named, the gateway has the first address of the subnet. */
function besideGateway(fixed: Fixed): Fixed {
  const { address, gateway } = fixed;
  const family = familyOf(address);
  if (gateway !== undefined || prefixOf(address) === familyBits(family)) return fixed;
  return { ...fixed, gateway: toIpAddress(rangeOf(subnetOf(address)).first + 1n, family) };
}

function isPooled(fixed: Fixed): fixed is Pooled {
  const { address, gateway } = fixed;
  const isWhole = prefixOf(address) === familyBits(familyOf(address));
  return gateway !== undefined && !isWhole && contains(subnetOf(address), gateway);
}

function poolsOf(pooled: readonly Pooled[]): readonly SubnetPool[] {
  const gateways = new Map<Cidr, IpAddress>();
  for (const { address, gateway } of pooled) {
    const subnet = subnetOf(address);
    const other = gateways.get(subnet) ?? gateway;
    if (addressOf(address) === gateway)
      throw bad(`address ${address} is that of the gateway, which the bridge has`);
    if (other !== gateway) {
      throw bad(
        `ipam: subnet ${subnet} has several gateways (${other}, ${gateway}), and a bridge can be one of them`,
      );
    }
    gateways.set(subnet, gateway);
  }
  return [...gateways].map(([subnet, gateway]) => ({ subnet, gateway, reserved: {} }));
}

function checkOnePerFamily(ips: readonly Fixed[]): void {
  for (const family of [4, 6] as const) {
    const count = ips.filter(({ address }) => familyOf(address) === family).length;
    if (count > 1) throw bad(`ipam: before CNI 0.3.0 there is one IPv${family} address, not ${count}`);
  }
}

function bad(problem: string): CniError {
  return new CniError(cniCode.badConfiguration, problem);
}
