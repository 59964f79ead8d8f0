// What a network's options say of its gateways: how packets pass there, and whether the host is the gateway at all. Pure.
import { familyOf, type IpAddress, type IpFamily } from '../base/cidr.ts';
import type { Network, Pool } from './network.ts';

/**
 * `nat`: endpoints leave with an address of the host's and are reached by its ports. `nat-unprotected`: as well by their own
 * addresses. `routed`: they leave with their own addresses, and their published ports are open there. `isolated`: the host
 * has no address on the network. Docker's words.
 */
export const gatewayModes = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
export type GatewayMode = (typeof gatewayModes)[number];

type Described = Pick<Network, 'options' | 'internal'>;

export function gatewayMode({ options }: Pick<Described, 'options'>, family: IpFamily): GatewayMode {
  const mode = options[`gateway_mode_ipv${family}`];
  return gatewayModes.find((one) => one === mode) ?? 'nat';
}

/** Where nothing leaves the network and the host has no address on it, none need be kept for a gateway. */
export function needsGateway(network: Described, family: IpFamily): boolean {
  return !(network.internal && hasNoHostAddress(network, family));
}

/** The gateways that are the host's own addresses on the network. */
export function hostGateways({
  options,
  ipam,
}: Pick<Network, 'options' | 'ipam'>): readonly (Pool & { readonly gateway: IpAddress })[] {
  return ipam.pools.flatMap((pool) => {
    const { subnet, gateway } = pool;
    return gateway === undefined || hasNoHostAddress({ options }, familyOf(subnet))
      ? []
      : [{ ...pool, gateway }];
  });
}

/** With `inhibit_ipv4` somebody else has the gateway's address. */
function hasNoHostAddress({ options }: Pick<Described, 'options'>, family: IpFamily): boolean {
  return (
    gatewayMode({ options }, family) === 'isolated' || (family === 4 && options['inhibit_ipv4'] === 'true')
  );
}
