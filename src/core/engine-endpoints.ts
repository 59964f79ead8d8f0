// Endpoints of a container engine: described first, then offered to the container that joins with them.
import { addressOf, familyOf, type InterfaceAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { type Undo, withUndo } from '../base/undo.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EngineEndpoint } from '../model/engine.ts';
import { type EndpointId, shortId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import { isOpened, type PortRequest, type PublishedPort } from '../model/port.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { State } from '../store/store.ts';
import { attachmentOf } from './desired.ts';
import { checkOptions } from './endpoint-draft.ts';
import { endpointMac } from './endpoint-mac.ts';
import { engineEndpointsOf, findEngineNetwork, leaseIdOf, releaseUnused } from './engine-records.ts';
import type { EngineEndpointRequest, InterfaceOffer } from './engine-requests.ts';
import { poolFor } from './lease-addresses.ts';
import { endpointsOfNetwork, hasAddress, ipamOf, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { joining, settle } from './presence.ts';
import { publishPorts, unpublishAll } from './publish-ports.ts';
import type { EndpointConfig } from './requests.ts';

/** The caller holds the lock of the network (shared). Errors: as `EngineController.createEndpoint`. */
export async function createEngineEndpoint(
  parts: Parts,
  request: EngineEndpointRequest,
): Promise<EngineEndpoint> {
  const { state } = parts.store;
  const { network } = findEngineNetwork(state, request.networkId);
  const known = state.engineEndpoints.get(request.id as EndpointId);
  if (known !== undefined) return known;
  checkOptions(network, request.options);
  return joining(parts, network, () => make(parts, network, request));
}

/** Its container has left. Absent is fine. */
export async function deleteEngineEndpoint(parts: Parts, id: string): Promise<void> {
  const { state } = parts.store;
  const known = state.engineEndpoints.get(id);
  if (known === undefined) return;
  await parts.store.commit([{ drop: 'engineEndpoint', id }]);
  const network = state.networks.get(known.networkId);
  if (network === undefined) return;
  releaseUnused(parts, network, known.addresses.map(addressOf));
  await settle(parts, network);
}

/** Errors: `not_found`, saying what to do. */
export function findEngineEndpoint(state: State, id: string): EngineEndpoint {
  const known = state.engineEndpoints.get(id);
  if (known !== undefined) return known;
  throw new NetError(
    'not_found',
    `endpoint ${shortId(id)} is not known to netd: disconnect the container from its network and connect it again`,
  );
}

/** What a container gets for it. */
export function offeredConfig(network: Network, endpoint: EngineEndpoint): EndpointConfig {
  const gateways = gatewaysBesides(network);
  return {
    id: endpoint.id,
    engine: 'offered',
    ifname: offeredName(endpoint.id),
    given: endpoint.addresses,
    mac: endpoint.mac,
    exposed: endpoint.exposed,
    ...(gateways !== undefined && { gateways }),
  };
}

export function offerOf(parts: Parts, endpoint: Endpoint): InterfaceOffer {
  const network = networkOf(parts.store.state, endpoint);
  const attachment = attachmentOf(parts, endpoint);
  return {
    ifname: offeredName(endpoint.id),
    prefix: network.options['ifprefix'] ?? 'eth',
    gateways: attachment?.gateways ?? {},
    routes: attachment?.routes ?? [],
  };
}

/** Publishes exactly these ports. The caller holds the sandbox's lock. Errors: see `publishPorts`. */
export async function publishExactly(
  parts: Parts,
  { sandbox, endpoint }: { readonly sandbox: Sandbox; readonly endpoint: Endpoint },
  requests: readonly PortRequest[],
): Promise<void> {
  if (endpoint.gatewayPriority > 0 && isMet(endpoint.ports, requests)) return;
  const bare = await unpublishAll(parts, sandbox, endpoint, 1);
  if (requests.length > 0) await publishPorts(parts, sandbox, requests, bare.networkId);
}

function make(parts: Parts, network: Network, request: EngineEndpointRequest): Promise<EngineEndpoint> {
  return withUndo(async (undo) => {
    const id = request.id as EndpointId;
    for (const address of request.addresses) await claim(parts, network, address, undo);
    const value: EngineEndpoint = {
      id,
      networkId: network.id,
      addresses: request.addresses,
      mac: request.mac ?? endpointMac(network, id, request.addresses),
      exposed: request.exposed,
      createdAt: new Date().toISOString(),
      bootId: parts.bootId,
    };
    await parts.store.commit([{ put: 'engineEndpoint', value }]);
    return value;
  });
}

/** A name that no other interface of the host has. */
function offeredName(id: EndpointId): string {
  return `fp${id.slice(0, 10)}`;
}

/** Takes an address the engine has chosen, unless the engine has leased it from us. Errors: `conflict`, `invalid_parameter`. */
async function claim(parts: Parts, network: Network, wanted: InterfaceAddress, undo: Undo): Promise<void> {
  const { state } = parts.store;
  const address = addressOf(wanted);
  const pool = poolFor(network, address);
  const holder = engineEndpointsOf(state, network).some(hasAddress(address))
    ? 'another container'
    : endpointsOfNetwork(state, network.id).find(hasAddress(address))?.sandboxId;
  if (holder !== undefined) {
    const name = state.sandboxes.get(holder as Sandbox['id'])?.name ?? holder;
    throw new NetError('conflict', `address ${address} on network ${network.name} is in use by ${name}`);
  }
  if (state.engineLeases.has(leaseIdOf(pool.subnet, address))) return;
  const ipam = ipamOf(parts, network.ipam.driver);
  await ipam.requestAddress(pool, address);
  undo(() => ipam.releaseAddress(pool, address));
}

/** Docker's way to name a gateway for containers that is not the host: a reserved address of that name. */
function gatewaysBesides({ ipam, internal }: Network): EndpointConfig['gateways'] {
  if (internal) return undefined;
  const named = (family: 4 | 6) => {
    const pools = ipam.pools.filter(({ subnet }) => familyOf(subnet) === family);
    const key = `DefaultGatewayIPv${family}`;
    return { other: pools.find(({ reserved }) => key in reserved)?.reserved[key], own: pools[0]?.gateway };
  };
  const [ipv4, ipv6] = [named(4), named(6)];
  if (ipv4.other === undefined && ipv6.other === undefined) return undefined;
  const [gateway4, gateway6] = [ipv4.other ?? ipv4.own, ipv6.other ?? ipv6.own];
  return {
    ...(gateway4 !== undefined && { ipv4: gateway4 }),
    ...(gateway6 !== undefined && { ipv6: gateway6 }),
  };
}

/** Whether the ports held are what these requests ask for. */
function isMet(held: readonly PublishedPort[], requests: readonly PortRequest[]): boolean {
  const meets = (port: PublishedPort, request: PortRequest) =>
    port.port === request.port &&
    port.protocol === request.protocol &&
    (isOpened(port) ||
      ((request.hostAddress ?? port.hostAddress) === port.hostAddress &&
        (request.hostPort === undefined ||
          (port.hostPort >= request.hostPort.first && port.hostPort <= request.hostPort.last))));
  return (
    held.every((port) => requests.some((request) => meets(port, request))) &&
    requests.every((request) => held.some((port) => meets(port, request)))
  );
}
