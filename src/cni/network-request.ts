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
      ...config.options,
    },
  };
}

/** Every option is named, so that a changed configuration changes the network. */
function bridgeOptions({ bridge, ingressPolicy, options }: NetworkConfig): Readonly<Record<string, string>> {
  const mode = ingressPolicy === 'open' ? 'nat-unprotected' : 'nat';
  const modes = ['gateway_mode_ipv4', 'gateway_mode_ipv6'].filter((name) => !isNamed(options, name));
  return {
    bridge: bridge.name,
    masquerade: String(bridge.masquerade),
    hairpin: String(bridge.hairpin),
    icc: String(!bridge.portIsolation && ingressPolicy !== 'isolated'),
    ...Object.fromEntries(modes.map((name) => [name, mode])),
    ...(bridge.promiscuous && { promiscuous: 'true' }),
    ...(bridge.maySpoof && { anti_spoofing: 'false' }),
  };
}

/** By itself or by Docker's label, which ends so. */
function isNamed(options: NetworkConfig['options'], name: string): boolean {
  return Object.keys(options).some((key) => key === name || key.endsWith(`.${name}`));
}
