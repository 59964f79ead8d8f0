// A sandbox's side of names: what its resolver may answer and the files its processes see.
import { addressOf, contains, type IpAddress, subnetOf } from '../base/cidr.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { resolverAddress } from '../model/name-entry.ts';
import { isForeign, type Sandbox } from '../model/sandbox.ts';
import { nameEntry, resolverPlaces, resolverView, usesResolver } from './desired.ts';
import type { Parts } from './parts.ts';
import { publish } from './peers.ts';

/**
 * Listens where the sandbox asks for names, when one of its networks has some. In a namespace somebody else made, or at an
 * address of the host, port 53 may be theirs: that is logged and left alone.
 */
export async function startResolver(
  parts: Parts,
  sandbox: Sandbox,
  endpoints: readonly Endpoint[],
): Promise<void> {
  const { state } = parts.store;
  if (!usesResolver(state, endpoints)) return;
  parts.names.setView(resolverView(state, sandbox, endpoints));
  const places = resolverPlaces(state, endpoints);
  for (const { network, addresses } of places.gateways) {
    for (const address of addresses) {
      await orLog(parts, { network: network.name, address }, parts.names.openGateway(network.id, address));
    }
  }
  const { namespace } = sandbox;
  if (!places.inside || (namespace.kind !== 'pinned' && namespace.kind !== 'adopted')) return;
  const { id, engine } = sandbox;
  const opening =
    engine === undefined ? parts.names.open(id, namespace.path) : parts.names.openBeside(id, namespace.path);
  await (namespace.kind === 'pinned' ? opening : orLog(parts, { sandbox: sandbox.name }, opening));
}

/** Where the sandbox of an endpoint can ask for names on the endpoint's account: neighbours, whatever its routes are. */
export function nameServersOf(parts: Parts, endpoint: Endpoint): readonly IpAddress[] {
  const { state } = parts.store;
  if (!usesResolver(state, [endpoint])) return [];
  const { gateways, inside } = resolverPlaces(state, [endpoint]);
  if (inside) return [resolverAddress];
  const own = endpoint.addresses.map(subnetOf);
  return gateways.flatMap(({ network, addresses }) => {
    const open = parts.names.gatewaysOf(network.id);
    return addresses.filter(
      (address) => open.includes(address) && own.some((subnet) => contains(subnet, address)),
    );
  });
}

/** Brings the names of endpoints up to the records. */
export function putNames(parts: Parts, endpoints: Iterable<Endpoint>): void {
  for (const endpoint of endpoints) {
    const entry = endpoint.pending === true ? undefined : nameEntry(parts.store.state, endpoint);
    if (entry !== undefined) parts.names.put(entry);
  }
}

/** The same, and other hosts learn of it as well, which nobody waits for. */
export function spreadNames(parts: Parts, endpoints: Iterable<Endpoint>): void {
  for (const endpoint of endpoints) {
    putNames(parts, [endpoint]);
    if (endpoint.pending !== true) void publish(parts, endpoint);
  }
}

async function orLog(
  { log }: Parts,
  where: Readonly<Record<string, string>>,
  opening: Promise<void>,
): Promise<void> {
  try {
    await opening;
  } catch (error) {
    log.warn({ ...where, reason: String(error) }, 'no resolver here');
  }
}

/** Processes in a namespace of somebody else's see the files that one gave them. */
export function hasFiles({ namespace }: Sandbox): boolean {
  return !isForeign(namespace);
}

/** Brings the resolver's view and the sandbox's files up to its endpoints. May be repeated. */
export async function refreshSandbox(
  parts: Parts,
  sandbox: Sandbox,
  endpoints: readonly Endpoint[],
): Promise<void> {
  const { state } = parts.store;
  const named = usesResolver(state, endpoints);
  if (!resolverPlaces(state, endpoints).inside) parts.names.close(sandbox.id);
  if (named) parts.names.setView(resolverView(state, sandbox, endpoints));
  if (!hasFiles(sandbox)) return;
  await parts.files.write(sandbox, {
    usesResolver: named,
    addresses: endpoints.flatMap((endpoint) => endpoint.addresses.map(addressOf)),
  });
}
