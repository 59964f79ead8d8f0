// From a configuration to the plan of a container's addresses and routes, and from what came of it to the result.
import { type Cidr, familyOf, type InterfaceAddress, type IpAddress, subnetOf } from '../base/cidr.ts';
import type { AddressChoices, AddressPlan, AddressSource } from './address-plan.ts';
import { decodeRoutes, withoutAddresses } from './convert.ts';
import { CniError, cniCode } from './errors.ts';
import { planDelegated, planStatic } from './fixed-addresses.ts';
import { planHostLocal } from './host-local.ts';
import type { NetworkConfig } from './network-config.ts';
import { defaultOf, planRoutes } from './plan-routes.ts';
import { type CniIp, type CniRoute, isEmptyDns } from './result.ts';
import { isAtLeast } from './versions.ts';

export interface PlanInput {
  /** What the IPAM plugin printed. */
  readonly delegated?: string;
  /** The pools of the network, where its addresses are the daemon's to choose: without them routes are left out. */
  readonly pools?: readonly { readonly subnet: Cidr; readonly gateway?: IpAddress }[];
}

/** Errors: 1, 6, 7; `not_implemented` for routes that depend on which of several subnets the address will be from. */
export function planAddresses(config: NetworkConfig, input: PlanInput = {}): AddressPlan {
  const source = addressSource(config);
  const choices = planChoices(source, config, input);
  if (config.tuning.down && choices.families.length > 0) {
    throw new CniError(cniCode.badConfiguration, 'disableContainerInterface and ipam exclude each other');
  }
  const isKnown = source !== 'fairlead' || input.pools !== undefined;
  if (isKnown && choices.families.length === 0 && !isAtLeast(config.version, '0.3.0')) {
    throw withoutAddresses(config.version);
  }
  const resolvConf = config.ipam.text('resolvConf');
  return {
    source,
    pools: choices.pools,
    gateways: choices.gateways,
    ...planRoutes(choices, {
      addDefaults: config.bridge.isDefaultGateway,
      networksOwn: source === 'fairlead',
    }),
    dns: isEmptyDns(config.dns) ? choices.dns : config.dns,
    ...(resolvConf !== undefined && { resolvConf }),
  };
}

/** Errors: 7. */
export function addressSource({ ipam, network }: NetworkConfig): AddressSource {
  const type = ipam.text('type');
  if (network !== undefined) {
    if (type === undefined || type === 'fairlead') return 'fairlead';
    throw new CniError(
      cniCode.badConfiguration,
      `ipam.type: ${type} cannot be had on network ${network}, which has its own addresses`,
    );
  }
  if (type === undefined) return 'none';
  return type === 'host-local' || type === 'static' || type === 'fairlead' ? type : 'delegated';
}

/** The addresses an endpoint got, for its result. */
export function resultIps(
  plan: AddressPlan,
  addresses: readonly InterfaceAddress[],
  index: number,
): readonly CniIp[] {
  return addresses.map((address) => {
    const gateway = gatewayOf(plan, address);
    return { address, ...(gateway !== undefined && { gateway }), interface: index };
  });
}

export function resultRoutes(plan: AddressPlan, addresses: readonly InterfaceAddress[]): readonly CniRoute[] {
  const added = plan.addedDefaults.map((family): CniRoute => {
    const first = addresses.find((address) => familyOf(address) === family);
    const gw = first === undefined ? undefined : gatewayOf(plan, first);
    return { dst: defaultOf(family), ...(gw !== undefined && { gw }) };
  });
  return [...plan.routes, ...added];
}

function gatewayOf({ gateways }: AddressPlan, address: InterfaceAddress): IpAddress | undefined {
  const own = subnetOf(address);
  return gateways.find(({ subnet }) => subnet === own)?.gateway;
}

function planChoices(source: AddressSource, config: NetworkConfig, input: PlanInput): AddressChoices {
  switch (source) {
    case 'none':
      return planNothing(config);
    case 'host-local':
      return planHostLocal(config);
    case 'static':
      return planStatic(config);
    case 'fairlead':
      return planOwn(config, input);
    case 'delegated':
      return planDelegated(config, input.delegated);
  }
}

function planNothing({ ips: [asked] }: NetworkConfig): AddressChoices {
  if (asked !== undefined) {
    throw new CniError(
      cniCode.badConfiguration,
      `address ${asked.address} is asked for, but the configuration has no ipam`,
    );
  }
  return { pools: [], endpoint: { leases: [] }, gateways: [], families: [], routes: [], dns: {} };
}

/** One address of every pool the network has. */
function planOwn({ ips, ipam }: NetworkConfig, { pools = [] }: PlanInput): AddressChoices {
  return {
    pools: [],
    endpoint: ips.length > 0 ? { addresses: ips.map(({ address }) => address) } : {},
    gateways: pools.flatMap(({ subnet, gateway }) => (gateway === undefined ? [] : [{ subnet, gateway }])),
    families: pools.map(({ subnet, gateway }) => ({
      family: familyOf(subnet),
      gateways: gateway === undefined ? [] : [gateway],
      own: true,
    })),
    routes: decodeRoutes(ipam, 'routes'),
    dns: {},
  };
}
