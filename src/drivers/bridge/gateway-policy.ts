// What the gateway of a network on a bridge lets through, and what it takes. Pure.
import type { IpAddress, IpFamily } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import { kernelHasIpv6 } from '../../kernel/ipv6-stack.ts';
import { gatewayMode } from '../../model/gateway.ts';
import type { Network } from '../../model/network.ts';
import type { DirectAccess, NetworkPolicy, SourceRule } from '../../model/policy.ts';
import type { NetworkDraft } from '../driver.ts';
import type { ForwardingNeed } from '../host-forwarding.ts';
import { bridgeName, bridgePlan } from './bridge-plan.ts';

/** RFC 8200, section 5. */
const minMtuIpv6 = 1280;

export function gatewayPolicy(network: Network): NetworkPolicy {
  const { options, internal } = network;
  return {
    networkId: network.id,
    ifname: bridgeName(network),
    subnets: network.ipam.pools.map(({ subnet }) => subnet),
    internal,
    icc: options['icc'] !== 'false',
    source: { ipv4: sourceOf(network, 4), ipv6: sourceOf(network, 6) },
    direct: { ipv4: directAccess(network, 4), ipv6: directAccess(network, 6) },
    trustedInterfaces: options['trusted_host_interfaces']?.split(':') ?? [],
  };
}

export function forwardingNeed(network: Network): ForwardingNeed {
  const { forwards, ipv6 } = bridgePlan(network);
  return { ipv4: forwards && network.ipv4, ipv6: forwards && ipv6 };
}

/** Errors: `not_implemented` without IPv6 in the kernel; `invalid_parameter` for a gateway mode that does not fit. */
export function checkFamilies(draft: NetworkDraft): void {
  if (draft.ipv6 && !kernelHasIpv6) throw new NetError('not_implemented', 'this kernel has no IPv6');
  if (draft.internal) return;
  const isolated = ([4, 6] as const).find((family) => gatewayMode(draft, family) === 'isolated');
  if (isolated === undefined) return;
  throw new NetError(
    'invalid_parameter',
    `option gateway_mode_ipv${isolated}: gateway mode isolated can only be used for an internal network`,
  );
}

/** Errors: `invalid_parameter`. */
export function checkMtu({ ipv6 }: Pick<Network, 'ipv6'>, mtu: string): void {
  if (ipv6 && Number(mtu) < minMtuIpv6) {
    throw new NetError('invalid_parameter', `option mtu: ${mtu} is less than the ${minMtuIpv6} IPv6 needs`);
  }
}

function directAccess(network: Network, family: IpFamily): DirectAccess {
  const mode = gatewayMode(network, family);
  if (mode === 'routed') return 'ports';
  return mode === 'nat-unprotected' ? 'all' : 'none';
}

function sourceOf(network: Network, family: IpFamily): SourceRule {
  const { internal, options } = network;
  const isRouted = gatewayMode(network, family) === 'routed';
  if (internal || isRouted || options['masquerade'] === 'false') return 'keep';
  const address = options[`host_ipv${family}`];
  return address === undefined ? 'masquerade' : { address: address as IpAddress };
}
