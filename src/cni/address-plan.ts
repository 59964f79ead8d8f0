// Which addresses and routes a container is to get, worked out before anything is made.
import type { Cidr, IpAddress, IpFamily } from '../base/cidr.ts';
import type { EndpointConfig, PoolConfig } from '../core/requests.ts';
import type { CniDns, CniRoute } from './result.ts';

/** Where addresses come from: nowhere, our own IPAM with the keys of host-local or static, the daemon's pools, another plugin. */
export type AddressSource = 'none' | 'host-local' | 'static' | 'fairlead' | 'delegated';

export type SubnetPool = PoolConfig & { readonly subnet: Cidr };

export interface AddressPlan {
  readonly source: AddressSource;
  /** Subnets the network must have. */
  readonly pools: readonly SubnetPool[];
  /** What the endpoint is to be made with. */
  readonly endpoint: Pick<EndpointConfig, 'addresses' | 'leases' | 'given' | 'gateways' | 'routes'>;
  /** The gateway of each subnet addresses may be from, for the result. */
  readonly gateways: readonly SubnetGateway[];
  /** For the result: as configured, without those of families there are no addresses of. */
  readonly routes: readonly CniRoute[];
  /** Families a default route was added for, by the gateway of their first address. */
  readonly addedDefaults: readonly IpFamily[];
  /** Of the runtime, else of the configuration, else of its IPAM. */
  readonly dns: CniDns;
  /** Path of a resolv.conf on the host to take DNS settings from when there are no others. */
  readonly resolvConf?: string;
}

export interface SubnetGateway {
  readonly subnet: Cidr;
  readonly gateway: IpAddress;
}

/** One kind of IPAM's part of the plan. */
export interface AddressChoices {
  readonly pools: readonly SubnetPool[];
  readonly endpoint: Pick<EndpointConfig, 'addresses' | 'leases' | 'given'>;
  readonly gateways: readonly SubnetGateway[];
  /** One item for each address there will be. */
  readonly families: readonly AddressFamily[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}

/** What is known of one address before it is chosen. */
export interface AddressFamily {
  readonly family: IpFamily;
  /** More than one where the address may come from several subnets. */
  readonly gateways: readonly IpAddress[];
  /** Whether that gateway is the network's own. */
  readonly own: boolean;
}
