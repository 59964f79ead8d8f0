// The part of an attachment that is the same for every driver with interfaces.
import { createHash } from 'node:crypto';
import { familyOf, type IpAddress, type IpFamily } from '../base/cidr.ts';
import { type MacAddress, macFromBytes } from '../base/mac.ts';
import type { Attachment } from '../model/attachment.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';

/** `mtu` is always among the options of a network that was resolved. */
export function endpointInterface(network: Network, endpoint: Endpoint): Omit<Attachment, 'link'> {
  const ipv4 = gatewayFor(network, endpoint, 4);
  const ipv6 = gatewayFor(network, endpoint, 6);
  return {
    ifname: endpoint.ifname,
    mac: endpoint.mac ?? macOf(endpoint.id),
    mtuBytes: Number(network.options['mtu']),
    addresses: endpoint.addresses,
    routes: [],
    gateways: { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) },
  };
}

/** A hardware address that stays the same for one id. */
export function macOf(id: string): MacAddress {
  return macFromBytes(createHash('sha256').update(id).digest());
}

/** Nothing leaves an internal network, so it offers no way out. */
function gatewayFor(network: Network, endpoint: Endpoint, family: IpFamily): IpAddress | undefined {
  if (network.internal || !endpoint.addresses.some((address) => familyOf(address) === family))
    return undefined;
  return network.ipam.pools.find(({ subnet }) => familyOf(subnet) === family)?.gateway;
}
