// Networks as Docker shows them.
import { addressOf, familyOf, type InterfaceAddress, type IpAddress } from '../../base/cidr.ts';
import type { EndpointView, NetworkView } from '../../core/requests.ts';
import type { Network } from '../../model/network.ts';

/** A host that has containers on a network of several hosts. */
export interface NetworkHost {
  readonly name: string;
  readonly address: IpAddress;
}

export interface AnswerOptions {
  /** Whether the version of the API has the field EnableIPv4. */
  readonly withIpv4: boolean;
  readonly hosts?: readonly NetworkHost[];
}

export function networkAnswer(network: NetworkView, { withIpv4, hosts = [] }: AnswerOptions) {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.createdAt,
    Scope: scopeOf(network),
    Driver: driverOf(network),
    ...(withIpv4 && { EnableIPv4: network.ipv4 }),
    EnableIPv6: network.ipv6,
    IPAM: {
      Driver: network.ipam.driver,
      Options: network.ipam.options,
      Config: network.ipam.pools.map(({ subnet, range, gateway, reserved }) => ({
        Subnet: subnet,
        ...(range !== undefined && { IPRange: range }),
        ...(gateway !== undefined && { Gateway: gateway }),
        ...(Object.keys(reserved).length > 0 && { AuxiliaryAddresses: reserved }),
      })),
    },
    Internal: network.internal,
    Attachable: scopeOf(network) === 'global',
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      network.endpoints.map((endpoint) => [endpoint.sandboxId, member(endpoint)]),
    ),
    Options: network.givenOptions ?? network.options,
    Labels: network.labels,
    ...(hosts.length > 0 && { Peers: hosts.map(({ name, address }) => ({ Name: name, IP: address })) }),
  };
}

export function scopeOf({ driver }: Pick<Network, 'driver'>): 'local' | 'global' {
  return driver === 'overlay' ? 'global' : 'local';
}

/** Docker's name of the driver of network `none`. */
function driverOf({ driver }: Pick<Network, 'driver'>): string {
  return driver === 'none' ? 'null' : driver;
}

/** The first address of a family, if there is one. */
export function addressIn(endpoint: EndpointView, family: 4 | 6): InterfaceAddress | undefined {
  return endpoint.addresses.find((address) => familyOf(addressOf(address)) === family);
}

function member(endpoint: EndpointView) {
  return {
    Name: endpoint.sandboxName,
    EndpointID: endpoint.id,
    MacAddress: endpoint.mac ?? '',
    IPv4Address: addressIn(endpoint, 4) ?? '',
    IPv6Address: addressIn(endpoint, 6) ?? '',
  };
}
