// Working out an endpoint from a request: addresses, names and ports, everything that can be refused before anything is made.
import { NetError } from '../base/errors.ts';
import { isIfname } from '../base/ifname.ts';
import { randomId } from '../base/random-id.ts';
import type { Undo } from '../base/undo.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EndpointId } from '../model/ids.ts';
import type { InterfaceTuning } from '../model/interface-settings.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { FoundInterface } from '../sandbox/sandbox.ts';
import { checkName } from './check-name.ts';
import { endpointMac } from './endpoint-mac.ts';
import { checkPublishing, holdPorts } from './hold-ports.ts';
import { leaseAddresses } from './lease-addresses.ts';
import { driverOf, endpointsOfSandbox, findSandbox } from './lookup.ts';
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
  const existing = checkMembership(parts, to, config);
  const id = config.id ?? (randomId() as EndpointId);
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
    ...(config.gateways !== undefined && { gateways: config.gateways }),
    ...(config.routes !== undefined && { routes: config.routes }),
    ...(config.shaping !== undefined && { shaping: config.shaping }),
    ...(config.portsHeldElsewhere && { portsHeldElsewhere: true as const }),
    ...(config.engine !== undefined && { engine: config.engine }),
    ...(config.cni !== undefined && { cni: config.cni }),
  };
  const requests = [...(config.ports ?? []), ...(config.publishAll === true ? exposed : [])];
  if (requests.length > 0) checkPublishing(network, driver.hasGateway);
  if (!driver.hasInterfaces) {
    checkNoInterface(network, config);
    return { ...common, ifname: '', addresses: [], ports: [] };
  }

  const ifname = config.ifname ?? (await freeIfname(parts, to, existing));
  checkIfname(sandbox, ifname, existing);
  const found = await foreignInterface(parts, to, ifname);
  const addresses = await leaseAddresses(
    parts,
    { id, network },
    { ...(found !== undefined && { given: found.addresses }), ...config },
    undo,
  );
  const mac = config.mac ?? found?.settings.mac ?? endpointMac(network, id, addresses);
  const ports = await holdPorts(parts, { ...common, network, sandbox, addresses }, requests, undo);
  return {
    ...common,
    ifname,
    mac,
    addresses,
    ports,
    ...(config.tuning !== undefined && { tuning: tuningOf(config.tuning, ifname) }),
    ...(found !== undefined && { former: found.settings }),
  };
}

function tuningOf(tuning: InterfaceTuning, ifname: string): InterfaceTuning {
  if (tuning.sysctls === undefined) return tuning;
  const named = Object.entries(tuning.sysctls).map(([path, value]) => [
    path.replace('/IFNAME/', `/${ifname}/`),
    value,
  ]);
  return { ...tuning, sysctls: Object.fromEntries(named) };
}

/** On networks of driver `foreign`: the interface as whoever made it left it, with the addresses it has. Errors: `not_found`. */
async function foreignInterface(
  parts: Parts,
  { network, sandbox }: { readonly network: Network; readonly sandbox: Sandbox },
  ifname: string,
): Promise<FoundInterface | undefined> {
  if (network.driver !== 'foreign') return undefined;
  return parts.sandboxes.lookAt(sandbox.namespace, ifname);
}

/** Whether the sandbox may join the network at all. Returns the endpoints it has. */
function checkMembership(
  parts: Parts,
  { network, sandbox }: { readonly network: Network; readonly sandbox: Sandbox },
  config: EndpointConfig,
): readonly Endpoint[] {
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
  if (config.cni === undefined && existing.some((endpoint) => endpoint.networkId === network.id)) {
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

function checkNoInterface(network: Network, { addresses = [], mac, ifname, tuning }: EndpointConfig): void {
  if (addresses.length === 0 && [mac, ifname, tuning].every((given) => given === undefined)) return;
  throw new NetError(
    'invalid_parameter',
    `network ${network.name} gives its sandboxes no interface that could have an address, a name or settings`,
  );
}

function refuseAliases(network: Network): never {
  throw new NetError(
    'invalid_parameter',
    `network ${network.name} is built in and has no names: aliases need a network of your own`,
  );
}

/**
 * The first free number. In a namespace of somebody else's there may be interfaces we know nothing of; an engine counts those
 * of its containers itself, and takes none that is there.
 */
async function freeIfname(
  parts: Parts,
  { network, sandbox }: { readonly network: Network; readonly sandbox: Sandbox },
  existing: readonly Endpoint[],
): Promise<string> {
  const { namespace } = sandbox;
  const foreign = namespace.kind === 'adopted' ? await parts.sandboxes.interfaces(namespace) : [];
  const taken = new Set([...foreign, ...existing.map((endpoint) => endpoint.ifname)]);
  const prefix = network.options['ifprefix'] ?? (sandbox.engine === undefined ? 'eth' : 'fl');
  let number = 0;
  while (taken.has(`${prefix}${number}`)) number++;
  return `${prefix}${number}`;
}

/** No driver has any yet; one that is taken without a word would be missed later. Errors: `invalid_parameter`. */
export function checkOptions(network: Network, options: Readonly<Record<string, string>>): void {
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
