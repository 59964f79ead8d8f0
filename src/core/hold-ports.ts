// The published ports of an endpoint: whether its network can publish any, which are opened on the endpoint itself, and which
// addresses of the host the others are held on.
import {
  addressOf,
  familyOf,
  type InterfaceAddress,
  type IpAddress,
  type IpFamily,
  parseIp,
} from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Undo } from '../base/undo.ts';
import type { HostPortOwner } from '../firewall/host-ports.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { gatewayMode } from '../model/gateway.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import {
  askersAt,
  hasAskersAt,
  isOpened,
  type PortRequest,
  type Protocol,
  type PublishedPort,
} from '../model/port.ts';
import { targetOf } from '../model/port-target.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { Parts } from './parts.ts';

/**
 * Holds host ports for an endpoint, and names those that are opened instead, where its network is routed: once each, and none
 * that it has. Errors: see `HostPorts.reserve`; `not_implemented` where host and endpoint have no address of one family and the
 * port is not relayed.
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
  const wanted = requests.map((request) => ({ request, places: placesOf(endpoint, request) }));
  const opened = openedPorts(endpoint.ports ?? [], wanted);
  const held = wanted
    .map(({ request: { hostAddress, ...request }, places }) => ({
      ...request,
      hostAddresses: places.filter(({ isRouted }) => !isRouted).map(({ address }) => address),
    }))
    .filter(({ hostAddresses }) => hostAddresses.length > 0);
  if (held.length === 0) return opened;
  const ports = await parts.hostPorts.reserve(portOwner(parts, endpoint, endpoint.sandbox), held);
  undo(() => parts.hostPorts.release(endpoint.id, ports));
  return [...ports, ...opened];
}

/** Known by the name its sandbox has when somebody asks: a container of an engine is renamed. */
export function portOwner(
  { store: { state } }: Parts,
  { id, addresses, portsHeldElsewhere }: Pick<Endpoint, 'id' | 'addresses' | 'portsHeldElsewhere'>,
  sandbox: Sandbox,
): HostPortOwner {
  return {
    endpointId: id,
    get sandboxName() {
      return (state.sandboxes.get(sandbox.id) ?? sandbox).name;
    },
    addresses: addresses.map(addressOf),
    ...(portsHeldElsewhere && { heldElsewhere: true }),
  };
}

/** What of an endpoint says where its ports go. */
interface Publisher {
  readonly network: Network;
  readonly addresses: readonly InterfaceAddress[];
  readonly portsHeldElsewhere?: true;
}

/** An address of the host a port is asked for at; where its network is routed it stands for the endpoint's own of that family. */
interface Place {
  readonly address: IpAddress;
  readonly isRouted: boolean;
}

/** Where somebody may use the port. Errors: `invalid_parameter` when nobody could, `not_implemented`. */
function placesOf(publisher: Publisher, request: PortRequest): readonly Place[] {
  const wanted =
    request.hostAddress === undefined ? hostAddresses(publisher, request) : [request.hostAddress];
  const places = wanted.map((address) => placeAt(publisher, request, address));
  const used = places.filter(({ address }) => hasAskersAt(address, request));
  if (used.length > 0) return used;
  const { port, protocol, from = [] } = request;
  const families = places.map(({ address }) => `IPv${familyOf(address)} (${address})`).join(' and ');
  throw new NetError(
    'invalid_parameter',
    `port ${port}/${protocol}: none of ${from.join(', ')} can use it, as it is published for ${families} alone`,
  );
}

/** Errors: `not_implemented` where host and endpoint have no address of one family, and the port is not relayed. */
function placeAt(publisher: Publisher, { port, protocol }: PortRequest, address: IpAddress): Place {
  const target = familyOf(targetOf(address, publisher.addresses) ?? address);
  const isRouted = gatewayMode(publisher.network, target) === 'routed';
  if (isRouted) return { address: everywhere[target], isRouted };
  if (target === familyOf(address)) return { address, isRouted };
  const reason = notRelayed(publisher, protocol);
  if (reason === undefined) return { address, isRouted };
  throw new NetError(
    'not_implemented',
    `port ${port}/${protocol}: host address ${address} is IPv${familyOf(address)}, but the sandbox has only IPv${target} on network ${publisher.network.name}, and ${reason}`,
  );
}

/** Why a port is not relayed from one family to the other; undefined when it is. */
function notRelayed({ portsHeldElsewhere }: Publisher, protocol: Protocol): string | undefined {
  if (protocol === 'sctp') return 'sctp is not relayed from one to the other';
  return portsHeldElsewhere && 'a port another process holds is not relayed from one to the other';
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
  wanted: readonly { readonly request: PortRequest; readonly places: readonly Place[] }[],
): readonly PublishedPort[] {
  const known = new Map(present.filter(isOpened).map((port) => [textOf(port), port]));
  const opened: PublishedPort[] = [];
  for (const { request, places } of wanted) {
    for (const { address: hostAddress } of places.filter(({ isRouted }) => isRouted)) {
      const { port, protocol } = request;
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

/**
 * Where a port without a host address goes: the network's `host_binding`, or every address, of both families where it can be
 * relayed from one to the other.
 */
function hostAddresses(publisher: Publisher, { protocol }: PortRequest): readonly IpAddress[] {
  const { network, addresses } = publisher;
  if (addresses.length === 0) {
    throw new NetError(
      'not_implemented',
      `network ${network.name} cannot publish ports: its endpoints have no addresses`,
    );
  }
  const binding = network.options['host_binding'];
  if (binding !== undefined) return [parseIp(binding, 'host_binding')];
  const families = new Set(addresses.map(familyOf));
  return [everywhere[4], everywhere[6]].filter(
    (address) => families.has(familyOf(address)) || notRelayed(publisher, protocol) === undefined,
  );
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
