// What should be in the kernel, in the firewall and in the resolver, as a pure function of the records.
import { addressOf, familyOf, type IpAddress, type IpFamily, parseIp } from '../base/cidr.ts';
import type { PolicyState } from '../firewall/firewall.ts';
import type { Attachment } from '../model/attachment.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { hostGateways } from '../model/gateway.ts';
import { shortId } from '../model/ids.ts';
import type { NameEntry, ResolverView } from '../model/name-entry.ts';
import type { Network } from '../model/network.ts';
import type { EndpointPolicy, NetworkPolicy, Sender } from '../model/policy.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { DefaultRoutes } from '../sandbox/sandbox.ts';
import type { State } from '../store/store.ts';
import { allowancePolicies } from './allowance-policy.ts';
import { engineEndpointsOf, leasesOf } from './engine-records.ts';
import { driverOf, endpointsOfSandbox, findSandbox, networkOf, sandboxOf } from './lookup.ts';
import type { Parts } from './parts.ts';

/** Undefined when the network's driver makes no interface. */
export function attachmentOf(parts: Parts, endpoint: Endpoint): Attachment | undefined {
  const network = networkOf(parts.store.state, endpoint);
  return driverOf(parts, network).attachment(network, endpoint);
}

export function attachmentsOf(parts: Parts, endpoints: readonly Endpoint[]): readonly Attachment[] {
  return endpoints.map((endpoint) => attachmentOf(parts, endpoint)).filter((one) => one !== undefined);
}

/** The default routes of a sandbox with these endpoints: highest priority first, then the oldest. */
export function defaultRoutes(parts: Parts, endpoints: readonly Endpoint[]): DefaultRoutes {
  const ipv4 = defaultRoute(parts, endpoints, 4);
  const ipv6 = defaultRoute(parts, endpoints, 6);
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
}

/** None where somebody else sets it: whose interface it leads through, or an engine whose container it is. */
function defaultRoute(parts: Parts, endpoints: readonly Endpoint[], family: IpFamily) {
  const { endpoint, gateway } = gatewayEndpoint(parts, endpoints, family) ?? {};
  if (endpoint === undefined || gateway === undefined) return undefined;
  const isForeign = networkOf(parts.store.state, endpoint).driver === 'foreign';
  if (isForeign || endpoint.engine === 'offered' || !canServe(parts, endpoint)) return undefined;
  return { gateway, ifname: endpoint.ifname };
}

/**
 * The way out of an engine's container is the engine's to choose, and may be a network of its own: ours are none but the one it
 * publishes ports on, and one that was connected with a priority.
 */
function canServe({ store }: Parts, endpoint: Endpoint): boolean {
  return sandboxOf(store.state, endpoint).engine === undefined || endpoint.gatewayPriority > 0;
}

/** The endpoint that gives its sandbox the default route of a family, with the gateway. */
export function gatewayEndpoint(parts: Parts, endpoints: readonly Endpoint[], family: IpFamily) {
  const key = family === 4 ? 'ipv4' : 'ipv6';
  const candidates = endpoints
    .map((endpoint) => ({ endpoint, gateway: attachmentOf(parts, endpoint)?.gateways[key] }))
    .filter((candidate) => candidate.gateway !== undefined)
    .sort((a, b) => b.endpoint.gatewayPriority - a.endpoint.gatewayPriority);
  return candidates[0];
}

/** The policies of a sandbox's endpoints; those with neither published ports nor anything to keep to are left out. */
export function endpointPolicies(parts: Parts, endpoints: readonly Endpoint[]): readonly EndpointPolicy[] {
  const serves = servingEndpoints(parts, endpoints);
  const policies = endpoints.map((endpoint) => {
    const network = networkOf(parts.store.state, endpoint);
    const sender = senderOf(parts, endpoint, endpoints);
    const forwards = driverOf(parts, network)
      .forwards(network, endpoint)
      .map((forward) => ({ ...forward, keepSource: serves(endpoint, familyOf(forward.address)) }));
    return {
      endpointId: endpoint.id,
      networkId: endpoint.networkId,
      forwards,
      ...(sender !== undefined && { sender }),
    };
  });
  return policies.filter(({ forwards, sender }) => forwards.length > 0 || sender !== undefined);
}

/** Tells whether answers of an endpoint leave by its own network. */
function servingEndpoints(parts: Parts, endpoints: readonly Endpoint[]) {
  if (endpoints.every((endpoint) => endpoint.ports.length === 0)) return () => true;
  const gateways = [gatewayEndpoint(parts, endpoints, 4), gatewayEndpoint(parts, endpoints, 6)];
  return (endpoint: Endpoint, family: IpFamily) =>
    canServe(parts, endpoint) &&
    (endpoint.engine !== undefined || gateways[family === 4 ? 0 : 1]?.endpoint === endpoint);
}

/**
 * Its sandbox's addresses on other networks are not another's: an answer may leave by another network than what it answers came
 * by, and Linux asks for neighbours with any address of its own (arp_announce 0). An endpoint of which we know no address has
 * those that somebody gives it.
 */
function senderOf(parts: Parts, endpoint: Endpoint, endpoints: readonly Endpoint[]): Sender | undefined {
  const attachment = attachmentOf(parts, endpoint);
  if (attachment?.link.kind !== 'veth' || attachment.link.guarded !== true) return undefined;
  const { link, mac, addresses } = attachment;
  const known = addresses.length === 0 ? [] : [...addresses, ...endpoints.flatMap((one) => one.addresses)];
  return { ifname: link.hostIfname, mac, addresses: [...new Set(known.map(addressOf))] };
}

/** Undefined when there is nothing to say of it, also for as long as nothing is there for it. */
export function networkPolicy(parts: Parts, network: Network): NetworkPolicy | undefined {
  if (isOnDemand(parts, network) && !isInUse(parts.store.state, network)) return undefined;
  return driverOf(parts, network).policy(network);
}

/** Whether its kernel objects are there only while this host has something on it. */
export function isOnDemand(parts: Parts, network: Network): boolean {
  return driverOf(parts, network).onDemand === true;
}

/** Whether an endpoint of this host has an address of the network, or an engine holds one for an endpoint to be. */
export function isInUse(state: State, network: Network): boolean {
  if ((state.endpointsByNetwork.get(network.id)?.size ?? 0) > 0) return true;
  if (engineEndpointsOf(state, network).length > 0) return true;
  const leases = network.ipam.pools.flatMap(({ subnet }) => leasesOf(state, subnet));
  return leases.some(({ gateway }) => gateway !== true);
}

/** The whole policy of the host. */
export function policyState(parts: Parts): PolicyState {
  const { networks, sandboxes } = parts.store.state;
  const policies = [...networks.values()].map((network) => networkPolicy(parts, network));
  return {
    networks: policies.filter((policy) => policy !== undefined),
    endpoints: [...sandboxes.values()].flatMap((sandbox) =>
      endpointPolicies(parts, endpointsOfSandbox(parts.store.state, sandbox.id)),
    ),
    allowances: allowancePolicies(parts),
  };
}

/** The sandbox whose namespace and files a sandbox's processes use: itself, or the one it shares. */
export function namespaceOwner(state: State, sandbox: Sandbox): Sandbox {
  const { namespace } = sandbox;
  return namespace.kind === 'shared' ? namespaceOwner(state, findSandbox(state, namespace.with)) : sandbox;
}

/** Names are answered where at least one endpoint is on a network somebody made. */
export function usesResolver(state: State, endpoints: readonly Endpoint[]): boolean {
  return endpoints.some((endpoint) => asks(state, endpoint));
}

/**
 * Where a sandbox with these endpoints asks for names. What a CNI runtime made asks the host's address on its network, so
 * that nothing of ours keeps its namespace alive; where the host has none, and in all other sandboxes, we listen inside.
 * A container of an engine may be told to ask at either.
 */
export function resolverPlaces(state: State, endpoints: readonly Endpoint[]) {
  const asking = endpoints.filter((endpoint) => asks(state, endpoint));
  const places = asking.map((endpoint) => {
    const network = networkOf(state, endpoint);
    const isOthers = endpoint.cni !== undefined || endpoint.engine !== undefined;
    const addresses = isOthers ? hostAddresses(network) : [];
    return { network, addresses, inside: endpoint.cni === undefined || addresses.length === 0 };
  });
  return {
    inside: places.some(({ inside }) => inside),
    gateways: places.filter(({ addresses }) => addresses.length > 0),
  };
}

/** The addresses the host has on a network. */
function hostAddresses(network: Network): readonly IpAddress[] {
  if (!['bridge', 'foreign', 'overlay'].includes(network.driver)) return [];
  return hostGateways(network).map(({ gateway }) => gateway);
}

/** A pod without an address can ask nobody. */
function asks(state: State, endpoint: Endpoint): boolean {
  const reachable = endpoint.cni === undefined || endpoint.addresses.length > 0;
  return reachable && hasNames(networkOf(state, endpoint));
}

/** Undefined on built-in networks, which have no names. */
export function nameEntry(state: State, endpoint: Endpoint): NameEntry | undefined {
  const network = networkOf(state, endpoint);
  if (!hasNames(network)) return undefined;
  const sandbox = sandboxOf(state, endpoint);
  return {
    endpointId: endpoint.id,
    networkId: network.id,
    networkName: network.name,
    sandboxId: sandbox.id,
    names: [...new Set([sandbox.name, sandbox.hostname, shortId(sandbox.id), ...endpoint.aliases])],
    addresses: endpoint.addresses.map(addressOf),
    services: [...endpoint.ports, ...endpoint.exposed].map(({ protocol, port }) => ({ protocol, port })),
  };
}

/** What a sandbox with these endpoints may see. */
export function resolverView(state: State, sandbox: Sandbox, endpoints: readonly Endpoint[]): ResolverView {
  const named = endpoints.filter((endpoint) => hasNames(networkOf(state, endpoint)));
  return {
    sandboxId: sandbox.id,
    networks: named.map((endpoint) => endpoint.networkId),
    links: named.flatMap((endpoint) => endpoint.links),
    forwarding: sandbox.dns.servers.length > 0 ? sandbox.dns.servers : forwarding(state, named),
    ...('path' in sandbox.namespace && { namespacePath: sandbox.namespace.path }),
  };
}

function hasNames(network: Network): boolean {
  return !network.builtin;
}

/** The first network that lets questions out decides; a sandbox on internal networks alone has no way out. */
function forwarding(state: State, endpoints: readonly Endpoint[]): ResolverView['forwarding'] {
  for (const endpoint of endpoints) {
    const network = networkOf(state, endpoint);
    const { forward_dns: setting = 'host' } = network.options;
    // The host's servers lead out of any network; servers of its own can be reached as far as the network reaches.
    if (setting === 'none' || (setting === 'host' && network.internal)) continue;
    if (setting === 'host') return 'host';
    return setting.split(',').map((address) => parseIp(address, 'forward_dns'));
  }
  return 'none';
}
