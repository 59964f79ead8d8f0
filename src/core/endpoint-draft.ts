// Working out an endpoint from a request: addresses, names and ports, everything that can be refused before anything is made.
import { addressOf, familyOf, type InterfaceAddress, type IpAddress, parseIp } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { isIfname } from '../base/ifname.ts';
import { macFromBytes } from '../base/mac.ts';
import { randomId } from '../base/random-id.ts';
import type { Undo } from '../base/undo.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { PortRequest, PublishedPort } from '../model/port.ts';
import type { Sandbox } from '../model/sandbox.ts';
import { checkName } from './check-name.ts';
import { driverOf, endpointsOfSandbox, findSandbox, ipamOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { EndpointConfig } from './requests.ts';

/** Leases addresses, holds ports and makes the record. Errors: `invalid_parameter`, `conflict`, `exhausted`, `not_found` (link target). */
export async function draftEndpoint(
  parts: Parts,
  to: { readonly network: Network; readonly sandbox: Sandbox },
  config: EndpointConfig,
  undo: Undo,
): Promise<Endpoint> {
  const { network, sandbox } = to;
  const driver = driverOf(parts, network);
  const existing = checkMembership(parts, network, sandbox);
  const id = randomId() as EndpointId;
  const aliases = (config.aliases ?? []).map((alias) => checkName('alias', alias));
  const links = (config.links ?? []).map((link) => ({
    target: findSandbox(parts.store.state, link.target).id,
    alias: checkName('alias', link.alias),
  }));
  const exposed = config.exposed ?? [];
  checkOptions(network, config.options ?? {});
  const common = {
    id,
    networkId: network.id,
    sandboxId: sandbox.id,
    createdAt: new Date().toISOString(),
    aliases: network.builtin && aliases.length > 0 ? refuseAliases(network) : aliases,
    links,
    gatewayPriority: config.gatewayPriority ?? 0,
    exposed,
    options: config.options ?? {},
  };
  const requests = [...(config.ports ?? []), ...(config.publishAll === true ? exposed : [])];
  if (requests.length > 0) checkPublishing(network, driver.hasGateway);
  if (!driver.hasInterfaces) {
    checkNoInterface(network, config);
    return { ...common, ifname: '', addresses: [], ports: [] };
  }

  const ifname = config.ifname ?? (await freeIfname(parts, to, existing));
  checkIfname(sandbox, ifname, existing);
  const addresses = leaseAddresses(parts, { id, network }, config.addresses ?? [], undo);
  const mac = config.mac ?? macFromBytes(Buffer.from(id, 'hex'));
  const ports = await holdPorts(parts, { id, network, sandbox, addresses }, requests, undo);
  return { ...common, ifname, mac, addresses, ports };
}

/** Holds host ports for an endpoint. Errors: see `HostPorts.reserve`; `not_implemented` where host and endpoint have no address of one family. */
export async function holdPorts(
  parts: Parts,
  endpoint: {
    readonly id: EndpointId;
    readonly network: Network;
    readonly sandbox: Sandbox;
    readonly addresses: readonly InterfaceAddress[];
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
  const owner = { endpointId: endpoint.id, sandboxName: endpoint.sandbox.name };
  const anywhere = requests.some(({ hostAddress }) => hostAddress === undefined);
  const addresses = anywhere ? hostAddresses(endpoint.network, families) : [];
  const ports = await parts.hostPorts.reserve(owner, requests, addresses);
  undo(() => parts.hostPorts.release(endpoint.id, ports));
  return ports;
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

/** Whether the sandbox may join the network at all. Returns the endpoints it has. */
function checkMembership(parts: Parts, network: Network, sandbox: Sandbox): readonly Endpoint[] {
  const { state } = parts.store;
  if (sandbox.namespace.kind === 'shared') {
    throw new NetError(
      'conflict',
      `sandbox ${sandbox.name} shares the namespace of another: connect that one instead`,
    );
  }
  const existing = endpointsOfSandbox(state, sandbox.id);
  const alone = existing.find((endpoint) => endpoint.ifname === '');
  if (alone !== undefined) {
    const name = state.networks.get(alone.networkId)?.name ?? alone.networkId;
    throw new NetError(
      'conflict',
      `sandbox ${sandbox.name} is on network ${name}, which cannot be combined with others`,
    );
  }
  if (existing.some((endpoint) => endpoint.networkId === network.id)) {
    throw new NetError('conflict', `sandbox ${sandbox.name} is connected to network ${network.name} already`);
  }
  const wantsHost = network.driver === 'host';
  if (
    wantsHost !== (sandbox.namespace.kind === 'host') ||
    (network.driver === 'none' && existing.length > 0)
  ) {
    throw new NetError(
      'conflict',
      `sandbox ${sandbox.name} cannot be connected to network ${network.name}: it has a namespace of another kind`,
    );
  }
  return existing;
}

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

function checkNoInterface(network: Network, { addresses = [], mac, ifname }: EndpointConfig): void {
  if (addresses.length === 0 && mac === undefined && ifname === undefined) return;
  throw new NetError(
    'invalid_parameter',
    `network ${network.name} gives its sandboxes no interface that could have an address or a name`,
  );
}

function refuseAliases(network: Network): never {
  throw new NetError(
    'invalid_parameter',
    `network ${network.name} is built in and has no names: aliases need a network of your own`,
  );
}

function leaseAddresses(
  parts: Parts,
  { id, network }: { readonly id: EndpointId; readonly network: Network },
  wanted: readonly IpAddress[],
  undo: Undo,
): readonly InterfaceAddress[] {
  const ipam = ipamOf(parts, network.ipam.driver);
  const rest = [...wanted];
  const leased = network.ipam.pools.map((pool) => {
    const index = rest.findIndex((address) => familyOf(address) === familyOf(pool.subnet));
    const address = ipam.requestAddress(pool, index < 0 ? undefined : rest.splice(index, 1)[0]);
    // What could not be taken back from the records is removed later, and gives its address back then.
    undo(() => {
      if (!parts.store.state.endpoints.has(id)) ipam.releaseAddress(pool, addressOf(address));
    });
    return address;
  });
  const [extra] = rest;
  if (extra !== undefined) {
    throw new NetError(
      'invalid_parameter',
      `address ${extra}: network ${network.name} has no further IPv${familyOf(extra)} subnet for it`,
    );
  }
  return leased;
}

/** The first free number. In a namespace of somebody else's there may be interfaces we know nothing of. */
async function freeIfname(
  parts: Parts,
  { network, sandbox }: { readonly network: Network; readonly sandbox: Sandbox },
  existing: readonly Endpoint[],
): Promise<string> {
  const { namespace } = sandbox;
  const foreign = namespace.kind === 'adopted' ? await parts.sandboxes.interfaces(namespace) : [];
  const taken = new Set([...foreign, ...existing.map((endpoint) => endpoint.ifname)]);
  const prefix = network.options['ifprefix'] ?? 'eth';
  let number = 0;
  while (taken.has(`${prefix}${number}`)) number++;
  return `${prefix}${number}`;
}

/** No driver has any yet; one that is taken without a word would be missed later. */
function checkOptions(network: Network, options: Readonly<Record<string, string>>): void {
  const [unknown] = Object.keys(options);
  if (unknown === undefined) return;
  throw new NetError(
    'invalid_parameter',
    `unknown endpoint option ${unknown}: driver ${network.driver} has none`,
  );
}

function checkIfname(sandbox: Sandbox, ifname: string, existing: readonly Endpoint[]): void {
  if (!isIfname(ifname)) {
    throw new NetError(
      'invalid_parameter',
      `interface name "${ifname}" is not valid: 1 to 15 characters without space, /, : or %`,
    );
  }
  if (ifname === 'lo' || existing.some((endpoint) => endpoint.ifname === ifname)) {
    throw new NetError('conflict', `sandbox ${sandbox.name} has an interface ${ifname} already`);
  }
}
