// What an ADD made, in the shape of the newest version of the specification.
import type { Cidr, InterfaceAddress, IpAddress } from '../base/cidr.ts';

export interface CniResult {
  readonly interfaces: readonly CniInterface[];
  readonly ips: readonly CniIp[];
  readonly routes: readonly CniRoute[];
  readonly dns: CniDns;
}

export interface CniInterface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  /** Path of the namespace it is in; absent for one on the host. */
  readonly sandbox?: string;
  readonly socketPath?: string;
  readonly pciID?: string;
}

export interface CniIp {
  readonly address: InterfaceAddress;
  readonly gateway?: IpAddress;
  /** Index among the interfaces; results of IPAM plugins have none. */
  readonly interface?: number;
}

export interface CniRoute {
  readonly dst: Cidr;
  readonly gw?: IpAddress;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface CniDns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

export function isEmptyDns({ nameservers = [], domain = '', search = [], options = [] }: CniDns): boolean {
  return nameservers.length + domain.length + search.length + options.length === 0;
}
