// Publishing further ports of an endpoint, and taking some back, while it is in use.
import { NetError } from '../base/errors.ts';
import { withUndo } from '../base/undo.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { isOpened, type PortRequest, type Protocol, type PublishedPort } from '../model/port.ts';
import type { Sandbox } from '../model/sandbox.ts';
import { policyChange } from './connect.ts';
import { gatewayEndpoint } from './desired.ts';
import { checkPublishing, holdPorts } from './hold-ports.ts';
import { driverOf, endpointsOfSandbox, findNetwork, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';

/** Errors: see `HostPorts.reserve`; `conflict` when the sandbox has no endpoint that could publish. */
export function publishPorts(
  parts: Parts,
  sandbox: Sandbox,
  requests: readonly PortRequest[],
  network?: string,
): Promise<Endpoint> {
  return withUndo(async (undo) => {
    const endpoint = publishingEndpoint(parts, sandbox, network);
    const place = networkOf(parts.store.state, endpoint);
    checkPublishing(place, driverOf(parts, place).hasGateway);
    const held = await holdPorts(parts, { ...endpoint, network: place, sandbox }, requests, undo);
    return replace(parts, sandbox, endpoint, { ...endpoint, ports: [...endpoint.ports, ...held] });
  });
}

/**
 * Ports of the host, or those of endpoints that are open by themselves; those opened together with a host port go with it.
 * Errors: `not_found` naming the first port that is not published.
 */
export async function unpublishPorts(
  parts: Parts,
  sandbox: Sandbox,
  wanted: readonly { readonly protocol: Protocol; readonly hostPort: number }[],
): Promise<readonly Endpoint[]> {
  const changed: Endpoint[] = [];
  const endpoints = endpointsOfSandbox(parts.store.state, sandbox.id);
  for (const { protocol, hostPort } of wanted) {
    const known = endpoints.some(({ ports }) =>
      ports.some((port) => port.protocol === protocol && reachedAt(port) === hostPort),
    );
    if (!known)
      throw new NetError(
        'not_found',
        `sandbox ${sandbox.name} has not published host port ${hostPort}/${protocol}`,
      );
  }
  for (const endpoint of endpoints) {
    const ports = remainingPorts(endpoint.ports, wanted);
    const gone = endpoint.ports.filter((port) => !ports.includes(port));
    if (gone.length === 0) continue;
    changed.push(await replace(parts, sandbox, endpoint, { ...endpoint, ports }));
    parts.hostPorts.release(endpoint.id, gone);
  }
  return changed;
}

function remainingPorts(
  ports: readonly PublishedPort[],
  wanted: readonly { readonly protocol: Protocol; readonly hostPort: number }[],
): readonly PublishedPort[] {
  const isWanted = (port: PublishedPort) =>
    wanted.some((one) => one.protocol === port.protocol && one.hostPort === reachedAt(port));
  const gone = ports.filter(isWanted);
  const rest = ports.filter((port) => !gone.includes(port));
  const isFor = (port: PublishedPort) => (other: PublishedPort) =>
    other.port === port.port && other.protocol === port.protocol;
  const held = rest.filter((port) => !isOpened(port));
  return rest.filter((port) => !isOpened(port) || !gone.some(isFor(port)) || held.some(isFor(port)));
}

/** The number it has where it is reached. */
function reachedAt(port: PublishedPort): number {
  return isOpened(port) ? port.port : port.hostPort;
}

/** Takes all back, and says how much the endpoint is its sandbox's way out. */
export async function unpublishAll(
  parts: Parts,
  sandbox: Sandbox,
  endpoint: Endpoint,
  gatewayPriority: number,
): Promise<Endpoint> {
  if (endpoint.ports.length === 0 && endpoint.gatewayPriority === gatewayPriority) return endpoint;
  const bare = await replace(parts, sandbox, endpoint, { ...endpoint, ports: [], gatewayPriority });
  parts.hostPorts.release(endpoint.id, endpoint.ports);
  return bare;
}

/** Rules, then record: a port is acknowledged when it works, and an unrecorded one is gone at the next start. */
function replace(parts: Parts, sandbox: Sandbox, from: Endpoint, to: Endpoint): Promise<Endpoint> {
  return withUndo(async (undo) => {
    const before = endpointsOfSandbox(parts.store.state, sandbox.id);
    const after = before.map((endpoint) => (endpoint.id === from.id ? to : endpoint));
    const change = policyChange(parts, before, after);
    if (change.forward.length > 0) {
      undo(() => parts.firewall.apply(change.back));
      await parts.firewall.apply(change.forward);
    }
    await parts.store.commit([{ put: 'endpoint', value: to }]);
    return to;
  });
}

function publishingEndpoint(parts: Parts, sandbox: Sandbox, network: string | undefined): Endpoint {
  const { state } = parts.store;
  const endpoints = endpointsOfSandbox(state, sandbox.id);
  if (network !== undefined) {
    const { id, name } = findNetwork(state, network);
    const endpoint = endpoints.find((one) => one.networkId === id);
    if (endpoint === undefined)
      throw new NetError('not_found', `sandbox ${sandbox.name} is not connected to network ${name}`);
    return endpoint;
  }
  const endpoint = (gatewayEndpoint(parts, endpoints, 4) ?? gatewayEndpoint(parts, endpoints, 6))?.endpoint;
  if (endpoint === undefined) {
    throw new NetError(
      'conflict',
      `sandbox ${sandbox.name} has no network with a gateway: nothing can be published`,
    );
  }
  return endpoint;
}
