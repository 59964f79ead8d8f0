// The host ports of an endpoint: whether its network can publish any, and which addresses of the host they are held on.
import { familyOf, type InterfaceAddress, type IpAddress, parseIp } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Undo } from '../base/undo.ts';
import type { HostPortOwner } from '../firewall/host-ports.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { PortRequest, PublishedPort } from '../model/port.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { Parts } from './parts.ts';

/** Holds host ports for an endpoint. Errors: see `HostPorts.reserve`; `not_implemented` where host and endpoint have no address of one family. */
export async function holdPorts(
  parts: Parts,
  endpoint: {
    readonly id: EndpointId;
    readonly network: Network;
    readonly sandbox: Sandbox;
    readonly addresses: readonly InterfaceAddress[];
    readonly portsHeldElsewhere?: true;
  },
  requests: readonly PortRequest[],
  undo: Undo,
): Promise<readonly PublishedPort[]> {
  if (requests.length === 0) return [];
  const families = new Set(endpoint.addresses.map(familyOf));
  for (const { hostAddress, port, protocol } of requests) {
    if (hostAddress !== undefined && !families.has(familyOf(hostAddress))) {
      throw new NetError(
        'not_implemented',
        `port ${port}/${protocol}: host address ${hostAddress} is IPv${familyOf(hostAddress)}, but network ${endpoint.network.name} has none`,
      );
    }
  }
  const anywhere = requests.some(({ hostAddress }) => hostAddress === undefined);
  const addresses = anywhere ? hostAddresses(endpoint.network, families) : [];
  const owner = portOwner(parts, endpoint, endpoint.sandbox);
  const ports = await parts.hostPorts.reserve(owner, requests, addresses);
  undo(() => parts.hostPorts.release(endpoint.id, ports));
  return ports;
}

/** Known by the name its sandbox has when somebody asks: a container of an engine is renamed. */
export function portOwner(
  { store: { state } }: Parts,
  { id, portsHeldElsewhere }: Pick<Endpoint, 'id' | 'portsHeldElsewhere'>,
  sandbox: Sandbox,
): HostPortOwner {
  return {
    endpointId: id,
    get sandboxName() {
      return (state.sandboxes.get(sandbox.id) ?? sandbox).name;
    },
    ...(portsHeldElsewhere && { heldElsewhere: true }),
  };
}

/** Where ports without a host address go: the network's `host_binding`, or every address of the endpoint's families. */
function hostAddresses(network: Network, families: ReadonlySet<4 | 6>): readonly IpAddress[] {
  const binding = network.options['host_binding'];
  const wanted = binding === undefined ? ['0.0.0.0', '::'] : [binding];
  const addresses = wanted
    .map((address) => parseIp(address, 'host_binding'))
    .filter((address) => families.has(familyOf(address)));
  if (addresses.length > 0) return addresses;
  const reason =
    binding === undefined
      ? 'its endpoints have no addresses'
      : `its endpoints have no address of the family of host_binding ${binding}`;
  throw new NetError('not_implemented', `network ${network.name} cannot publish ports: ${reason}`);
}

/** Errors: `invalid_parameter` when nothing can be published on the network. */
export function checkPublishing(network: Network, hasGateway: boolean): void {
  if (!hasGateway) {
    throw new NetError(
      'invalid_parameter',
      `network ${network.name}: driver ${network.driver} does not publish ports; its endpoints are reached by their own addresses`,
    );
  }
  if (network.internal) {
    throw new NetError(
      'invalid_parameter',
      `network ${network.name} is internal: ports cannot be published on it`,
    );
  }
}
