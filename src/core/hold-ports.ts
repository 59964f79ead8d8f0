// The published ports of an endpoint: whether its network can publish any, which are opened on the endpoint itself, and which
// addresses of the host the others are held on.
import { familyOf, type InterfaceAddress, type IpAddress, type IpFamily, parseIp } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Undo } from '../base/undo.ts';
import type { HostPortOwner } from '../firewall/host-ports.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { gatewayMode } from '../model/gateway.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import { askersAt, hasAskersAt, isOpened, type PortRequest, type PublishedPort } from '../model/port.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { Parts } from './parts.ts';

/**
 * Holds host ports for an endpoint, and names those that are opened instead, where its network is routed: once each, and none
 * that it has. Errors: see `HostPorts.reserve`; `not_implemented` where host and endpoint have no address of one family.
 */
export async function holdPorts(
  parts: Parts,
  endpoint: {
    readonly id: EndpointId;
    readonly network: Network;
    readonly sandbox: Sandbox;
    readonly addresses: readonly InterfaceAddress[];
    readonly ports?: readonly PublishedPort[];
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
  for (const request of requests) checkAskers(request, addresses);
  const isRouted = (address: IpAddress) => gatewayMode(endpoint.network, familyOf(address)) === 'routed';
  const opened = openedPorts(endpoint.ports ?? [], requests, (request) =>
    placesOf(request, addresses).filter(isRouted),
  );
  const held = addresses.filter((address) => !isRouted(address));
  const wanted = requests.filter((request) => !placesOf(request, addresses).every(isRouted));
  if (wanted.length === 0) return opened;
  const owner = portOwner(parts, endpoint, endpoint.sandbox);
  const ports = await parts.hostPorts.reserve(owner, wanted, held);
  undo(() => parts.hostPorts.release(endpoint.id, ports));
  return [...ports, ...opened];
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

/** The addresses of the host somebody may use the port at. */
function placesOf(request: PortRequest, anywhere: readonly IpAddress[]): readonly IpAddress[] {
  const places = request.hostAddress === undefined ? anywhere : [request.hostAddress];
  return places.filter((address) => hasAskersAt(address, request));
}

/** Errors: `invalid_parameter` when nobody could use the port. */
function checkAskers(request: PortRequest, anywhere: readonly IpAddress[]): void {
  if (placesOf(request, anywhere).length > 0) return;
  const { port, protocol, from = [], hostAddress } = request;
  const places = hostAddress === undefined ? anywhere : [hostAddress];
  const families = places.map((address) => `IPv${familyOf(address)} (${address})`).join(' and ');
  throw new NetError(
    'invalid_parameter',
    `port ${port}/${protocol}: none of ${from.join(', ')} can use it, as it is published for ${families} alone`,
  );
}

const everywhere: Readonly<Record<IpFamily, IpAddress>> = {
  4: '0.0.0.0' as IpAddress,
  6: '::' as IpAddress,
};

/**
 * Whichever host port and address they were asked for: one port of an endpoint is opened once. Errors: `conflict` where it is
 * open to others already.
 */
function openedPorts(
  present: readonly PublishedPort[],
  requests: readonly PortRequest[],
  addressesOf: (request: PortRequest) => readonly IpAddress[],
): readonly PublishedPort[] {
  const known = new Map(present.filter(isOpened).map((port) => [textOf(port), port]));
  const opened: PublishedPort[] = [];
  for (const request of requests) {
    for (const address of addressesOf(request)) {
      const { port, protocol } = request;
      const hostAddress = everywhere[familyOf(address)];
      const one = { protocol, port, hostAddress, hostPort: 0, ...askersAt(hostAddress, request) };
      const other = known.get(textOf(one));
      if (other === undefined) opened.push(one);
      else checkSameAskers(one, other);
      known.set(textOf(one), one);
    }
  }
  return opened;
}

function textOf({ hostAddress, port, protocol }: PublishedPort): string {
  return `${port}/${protocol} on ${hostAddress}`;
}

/** Errors: `conflict`. */
function checkSameAskers(port: PublishedPort, other: PublishedPort): void {
  const [wanted, present] = [port, other].map(({ from }) => from?.toSorted().join(', ') ?? 'everybody');
  if (wanted === present) return;
  throw new NetError(
    'conflict',
    `port ${port.port}/${port.protocol} is open to ${present} already, and cannot be opened to ${wanted} beside that`,
  );
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
