// The part of an attachment that is the same for every driver with interfaces.
import { createHash } from 'node:crypto';
import { addressOf, contains, familyOf, type IpAddress, type IpFamily } from '../base/cidr.ts';
import { type MacAddress, macFromBytes } from '../base/mac.ts';
import type { Attachment } from '../model/attachment.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';

type EndpointInterface = Omit<Attachment, 'link'>;

/** Records never change, and all endpoints are asked for whenever a link on the host changes. */
const known = new WeakMap<Endpoint, { readonly network: Network; readonly value: EndpointInterface }>();

/** A network that was resolved has an `mtu` among its options, except where the interfaces are somebody else's. */
export function endpointInterface(network: Network, endpoint: Endpoint): EndpointInterface {
  const before = known.get(endpoint);
  if (before?.network === network) return before.value;
  const value = workOut(network, endpoint);
  known.set(endpoint, { network, value });
  return value;
}

/** A hardware address that stays the same for one id. */
export function macOf(id: string): MacAddress {
  return macFromBytes(createHash('sha256').update(id).digest());
}

function workOut(network: Network, endpoint: Endpoint): EndpointInterface {
  const { id, ifname, mac, addresses, routes, tuning, shaping, former, cni, engine } = endpoint;
  return {
    ifname,
    mac: mac ?? macOf(id),
    mtuBytes: tuning?.mtuBytes ?? Number(network.options['mtu'] ?? former?.mtuBytes ?? 0),
    addresses,
    routes: routes ?? [],
    gateways: gatewaysOf(network, endpoint),
    ...(tuning !== undefined && { tuning }),
    ...(shaping !== undefined && { shaping: { ...shaping, ifbName: `fb${id.slice(0, 10)}` } }),
    ...((cni !== undefined || engine !== undefined) && { sharedWithOthers: true }),
    ...(engine === 'offered' && { offered: true }),
    ...(engine === 'taken' && { taken: true }),
  };
}

/** Nothing leaves an internal network, so it offers no way out. */
function gatewaysOf(network: Network, endpoint: Endpoint): Attachment['gateways'] {
  if (network.internal) return {};
  if (endpoint.gateways !== undefined) return endpoint.gateways;
  const ipv4 = gatewayFor(network, endpoint, 4);
  const ipv6 = gatewayFor(network, endpoint, 6);
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

/** That of the pool which the endpoint's first address is in that is in one with a gateway. */
function gatewayFor(network: Network, endpoint: Endpoint, family: IpFamily): IpAddress | undefined {
  for (const address of endpoint.addresses) {
    if (familyOf(address) !== family) continue;
    const pool = network.ipam.pools.find(({ subnet }) => contains(subnet, addressOf(address)));
    if (pool?.gateway !== undefined) return pool.gateway;
  }
  return undefined;
}
