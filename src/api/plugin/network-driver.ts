// NetworkDriver of libnetwork's remote protocol: networks, endpoints, and containers that join and leave.
import { open, wholeNumber } from '../schema.ts';
import {
  type CreateEndpointBody,
  createEndpoint,
  type EndpointIdBody,
  endpointAnswer,
  endpointId,
  type JoinBody,
  join,
  joinAnswer,
  operationalInfo,
  type ProgramConnectivityBody,
  parseEndpoint,
  programConnectivity,
  published,
} from './endpoint-request.ts';
import type { AddMethod, PluginContext } from './method.ts';
import {
  allocateNetwork,
  type CreateNetworkBody,
  createNetwork,
  freeNetwork,
  type GatewayCheckBody,
  gatewayCheck,
  type NetworkIdBody,
  networkId,
  parseNetwork,
  parseOptions,
} from './network-request.ts';
import { parseBinding } from './port-map.ts';

export function networkDriverMethods(add: AddMethod, context: PluginContext): void {
  add('GetCapabilities', undefined, () => ({
    Scope: 'local',
    ConnectivityScope: 'local',
    GwAllocChecker: true,
  }));
  networkMethods(add, context);
  endpointMethods(add, context);
  connectivityMethods(add, context);
  swarmMethods(add);
}

function networkMethods(add: AddMethod, { engines, calls }: PluginContext): void {
  add('GwAllocCheck', gatewayCheck, (body: GatewayCheckBody) => {
    const { ipv4, ipv6 } = engines.withoutGateway(parseOptions(body.Options));
    return { SkipIPv4: ipv4, SkipIPv6: ipv6 };
  });
  add('CreateNetwork', createNetwork, async (body: CreateNetworkBody) => {
    const request = parseNetwork(body);
    await calls.run({
      subject: networkSubject(body),
      work: () => engines.createNetwork(request),
      undo: () => engines.deleteNetwork(request.id),
    });
    return {};
  });
  add('DeleteNetwork', networkId, async (body: NetworkIdBody) => {
    await calls.run({ subject: networkSubject(body), work: () => engines.deleteNetwork(body.NetworkID) });
    return {};
  });
}

function endpointMethods(add: AddMethod, { engines, calls }: PluginContext): void {
  add('CreateEndpoint', createEndpoint, async (body: CreateEndpointBody) => {
    const request = parseEndpoint(body);
    const endpoint = await calls.run({
      subject: endpointSubject(body),
      work: () => engines.createEndpoint(request),
      undo: () => engines.deleteEndpoint(request.id),
    });
    return endpointAnswer(body, endpoint);
  });
  add('EndpointOperInfo', endpointId, (body: EndpointIdBody) => ({
    Value: operationalInfo(engines.endpoint(body.EndpointID)),
  }));
  add('DeleteEndpoint', endpointId, async (body: EndpointIdBody) => {
    await calls.run({ subject: endpointSubject(body), work: () => engines.deleteEndpoint(body.EndpointID) });
    return {};
  });
}

function connectivityMethods(add: AddMethod, { engines, calls }: PluginContext): void {
  add('Join', join, async (body: JoinBody) => {
    const offer = await calls.run({
      subject: endpointSubject(body),
      work: () => engines.join(body.EndpointID, body.SandboxKey),
      undo: () => engines.leave(body.EndpointID),
    });
    return joinAnswer(offer);
  });
  add('Leave', endpointId, async (body: EndpointIdBody) => {
    await calls.run({ subject: endpointSubject(body), work: () => engines.leave(body.EndpointID) });
    return {};
  });
  add('ProgramExternalConnectivity', programConnectivity, async (body: ProgramConnectivityBody) => {
    const ports = (body.Options?.[published] ?? []).map(parseBinding);
    await calls.run({
      subject: endpointSubject(body),
      work: () => engines.publish(body.EndpointID, ports),
      undo: () => engines.unpublish(body.EndpointID),
    });
    return {};
  });
  add('RevokeExternalConnectivity', endpointId, async (body: EndpointIdBody) => {
    await calls.run({ subject: endpointSubject(body), work: () => engines.unpublish(body.EndpointID) });
    return {};
  });
}

/** Asked of plugins whose networks span hosts; ours do not. */
function swarmMethods(add: AddMethod): void {
  add('AllocateNetwork', allocateNetwork, ({ Options }: { readonly Options?: object | null }) => ({
    Options: Options ?? {},
  }));
  add('FreeNetwork', freeNetwork, () => ({}));
  const discovery = open({ DiscoveryType: wholeNumber }, ['DiscoveryType']);
  add('DiscoverNew', discovery, () => ({}));
  add('DiscoverDelete', discovery, () => ({}));
}

function networkSubject({ NetworkID }: NetworkIdBody): string {
  return `network ${NetworkID}`;
}

function endpointSubject({ EndpointID }: EndpointIdBody): string {
  return `endpoint ${EndpointID}`;
}
