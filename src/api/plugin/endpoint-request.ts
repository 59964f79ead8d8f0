// An endpoint as dockerd describes it, in the core's words, and as it is told back. Errors: `invalid_parameter`.
import { familyOf, parseInterfaceAddress } from '../../base/cidr.ts';
import { parseMac } from '../../base/mac.ts';
import type { EngineEndpoint, EngineEndpointRequest, InterfaceOffer } from '../../core/engine-requests.ts';
import type { EndpointView } from '../../model/view.ts';
import { anyText, type Maybe, maybe, open, text } from '../schema.ts';

import { recordId } from './ids.ts';
import { exposedPorts, type PortBinding, parseExposed, portMap, type TransportPort } from './port-map.ts';

const exposed = 'com.docker.network.endpoint.exposedports';
export const published = 'com.docker.network.portmap';

/** Everything dockerd itself adds to the options begins so; what does not is from `--driver-opt`. */
const ownPrefix = 'com.docker.network.';

const ids = { NetworkID: recordId, EndpointID: recordId };
const required = ['NetworkID', 'EndpointID'];
const word = maybe(anyText);

export const endpointId = open(ids, required);

export const createEndpoint = open(
  {
    ...ids,
    Interface: maybe(open({ Address: word, AddressIPv6: word, MacAddress: word })),
    Options: maybe({ ...open({ [exposed]: exposedPorts }), propertyNames: { maxLength: 256 } }),
  },
  required,
);

export const join = open({ ...ids, SandboxKey: text, Options: maybe(open({})) }, [...required, 'SandboxKey']);

export const programConnectivity = open({ ...ids, Options: maybe(open({ [published]: portMap })) }, required);

export interface EndpointIdBody {
  readonly NetworkID: string;
  readonly EndpointID: string;
}

export interface CreateEndpointBody extends EndpointIdBody {
  readonly Interface?: Maybe<{
    readonly Address?: Maybe<string>;
    readonly AddressIPv6?: Maybe<string>;
    readonly MacAddress?: Maybe<string>;
  }>;
  readonly Options?: Maybe<
    Readonly<Record<string, unknown>> & { readonly [exposed]?: Maybe<readonly TransportPort[]> }
  >;
}

export interface JoinBody extends EndpointIdBody {
  readonly SandboxKey: string;
}

export interface ProgramConnectivityBody extends EndpointIdBody {
  readonly Options?: Maybe<{ readonly [published]?: Maybe<readonly PortBinding[]> }>;
}

export function parseEndpoint(body: CreateEndpointBody): EngineEndpointRequest {
  const { Address, AddressIPv6, MacAddress } = body.Interface ?? {};
  const addresses = [Address, AddressIPv6].filter((address) => typeof address === 'string' && address !== '');
  return {
    id: body.EndpointID,
    networkId: body.NetworkID,
    addresses: addresses.map((address) => parseInterfaceAddress(String(address), 'address')),
    ...(MacAddress && { mac: parseMac(MacAddress, 'MAC address') }),
    exposed: (body.Options?.[exposed] ?? []).map(parseExposed),
    options: driverOptions(body.Options ?? {}),
  };
}

function driverOptions(options: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const given = Object.entries(options).filter(([key]) => !key.startsWith(ownPrefix));
  return Object.fromEntries(
    given.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );
}

/** Dockerd takes it for a fault when it is told what it has said itself. */
export function endpointAnswer(body: CreateEndpointBody, endpoint: EngineEndpoint): object {
  const { Address, AddressIPv6, MacAddress } = body.Interface ?? {};
  const ipv4 = endpoint.addresses.find((address) => familyOf(address) === 4);
  const ipv6 = endpoint.addresses.find((address) => familyOf(address) === 6);
  return {
    Interface: {
      ...(!Address && ipv4 && { Address: ipv4 }),
      ...(!AddressIPv6 && ipv6 && { AddressIPv6: ipv6 }),
      ...(!MacAddress && { MacAddress: endpoint.mac }),
    },
  };
}

/** `RouteType` of a static route, driverapi of libnetwork. */
const routeType = { nextHop: 0, connected: 1 };

export function joinAnswer({ ifname, prefix, gateways, routes }: InterfaceOffer): object {
  const { ipv4 = '', ipv6 = '' } = gateways;
  return {
    InterfaceName: { SrcName: ifname, DstPrefix: prefix },
    Gateway: ipv4,
    GatewayIPv6: ipv6,
    StaticRoutes: routes.map(({ destination, gateway }) => ({
      Destination: destination,
      RouteType: gateway === undefined ? routeType.connected : routeType.nextHop,
      NextHop: gateway ?? '',
    })),
    // Else a container without a gateway gets a second interface, on a bridge of dockerd's own, that leads outside.
    DisableGatewayService: ipv4 === '' && ipv6 === '',
  };
}

/** Shown nowhere by Docker's command line; for whoever asks the plugin. */
export function operationalInfo(endpoint: EndpointView | undefined): object {
  if (endpoint === undefined) return {};
  const ports = endpoint.ports.map(({ port, protocol, hostAddress, hostPort }) => {
    const host = familyOf(hostAddress) === 6 ? `[${hostAddress}]` : hostAddress;
    return `${port}/${protocol} -> ${host}:${hostPort}`;
  });
  return {
    network: endpoint.networkName,
    sandbox: endpoint.sandboxName,
    ...(ports.length > 0 && { ports: ports.join(', ') }),
  };
}
