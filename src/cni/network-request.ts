// The network a configuration describes, and what an endpoint on it is to be like.

import { familyOf } from '../base/cidr.ts';
import type { EnsureNetworkRequest } from '../core/runtime-requests.ts';
import type { AddressPlan } from './address-plan.ts';
import type { NetworkConfig } from './network-config.ts';

/** Named after the configuration. */
export function networkRequest(config: NetworkConfig, { source, pools }: AddressPlan): EnsureNetworkRequest {
  const has = (family: 4 | 6) => pools.some(({ subnet }) => familyOf(subnet) === family);
  return {
    name: config.name,
    driver: config.driver,
    internal: false,
    pools,
    ...(pools.length > 0 && { ipv4: has(4), ipv6: has(6) }),
    ...(pools.length === 0 && source !== 'fairlead' && { ipamDriver: 'null' }),
    options: {
      ...(config.driver === 'bridge' ? bridgeOptions(config) : config.macvlan),
      ...(config.mtuBytes !== undefined && { mtu: String(config.mtuBytes) }),
    },
  };
}

/** Every option is named, so that a changed configuration changes the network. */
function bridgeOptions({ bridge, ingressPolicy }: NetworkConfig): Readonly<Record<string, string>> {
  const mode = ingressPolicy === 'open' ? 'nat-unprotected' : 'nat';
  return {
    bridge: bridge.name,
    masquerade: String(bridge.masquerade),
    hairpin: String(bridge.hairpin),
    icc: String(!bridge.portIsolation && ingressPolicy !== 'isolated'),
    gateway_mode_ipv4: mode,
    gateway_mode_ipv6: mode,
    ...(bridge.promiscuous && { promiscuous: 'true' }),
  };
}
