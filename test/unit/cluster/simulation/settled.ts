// What must be so once everything works again and has had its time: every host knows and has exactly what it should, and the store
// keeps nothing that is nobody's.
import { addressOf } from '../../../../src/base/cidr.ts';
import { Layout } from '../../../../src/cluster/shared/layout.ts';
import { decodeBlock, decodeEndpoint } from '../../../../src/cluster/shared/records.ts';
import type { StoredKey } from '../../../../src/cluster/shared-store.ts';
import type { EndpointId, HostId, NetworkId } from '../../../../src/model/ids.ts';
import type { SimulatedHost } from '../../../support/simulated-host.ts';
import { prefix, type World } from './world.ts';

const layout = new Layout(prefix);

interface StoredEndpoint {
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  readonly host: HostId;
  readonly address: string;
}

/** What the store has, taken apart. */
interface Stored {
  readonly networks: ReadonlySet<string>;
  readonly living: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  readonly endpoints: readonly StoredEndpoint[];
  readonly blocks: readonly { readonly networkId: NetworkId; readonly cidr: string; readonly host: HostId }[];
  readonly unknown: readonly string[];
}

/** What is not so; nothing when all is well. */
export function unsettled(world: World): readonly string[] {
  const stored = takeApart(world.server.read(prefix).keys);
  const running = world.hosts.filter(({ core }) => core !== undefined);
  return [
    ...stored.unknown.map((key) => `the store has ${key}, which is nothing`),
    ...world.hosts.filter(({ isOn }) => !isOn).flatMap(({ id }) => remainsOf(id, stored)),
    ...running.flatMap((host) => wrongOn(host, stored)),
    ...brokenPromises(world),
    ...ownerless(stored),
  ];
}

function wrongOn(host: SimulatedHost, stored: Stored): readonly string[] {
  const { id, core, records, kernel, remembered } = host;
  const view = core?.cluster.view();
  const own = stored.endpoints.filter((endpoint) => endpoint.host === id);
  const recorded = [...records.endpoints.values()];
  const inUse = new Set<string>(recorded.map(({ networkId }) => networkId));
  const blocks = stored.blocks.filter((block) => block.host === id);
  return [
    ...(view?.state === 'joined' ? [] : [`${id} is ${view?.state}: ${view?.lastError?.message}`]),
    ...(view?.unpublished === 0 ? [] : [`${id} has ${view?.unpublished} endpoints to publish`]),
    ...(kernel.isOpen ? [] : [`the tunnels of ${id} are closed`]),
    ...differ(`${id} has recorded networks`, records.networks.keys(), stored.networks),
    ...recorded.filter(({ pending }) => pending).map((endpoint) => `${endpoint.id} on ${id} is pending`),
    ...differ(
      `${id} has recorded endpoints, and the store`,
      recorded.map((endpoint) => `${endpoint.id} ${endpoint.addresses.map(addressOf)}`),
      own.map((endpoint) => `${endpoint.id} ${endpoint.address}`),
    ),
    ...differ(
      `${id} has recorded endpoints, and its kernel`,
      records.endpoints.keys(),
      kernel.addresses.keys(),
    ),
    ...differ(`${id} uses networks, and its kernel has them`, inUse, kernel.peers.keys()),
    ...[...inUse].flatMap((networkId) => wrongPeers(host, networkId as NetworkId, stored)),
    ...differ(
      `${id} remembers blocks, and the store`,
      remembered.blocks.map(({ networkId, cidr }) => `${networkId} ${cidr}`),
      blocks.map(({ networkId, cidr }) => `${networkId} ${cidr}`),
    ),
    ...blocks
      .filter(({ networkId }) => !inUse.has(networkId))
      .map(({ networkId, cidr }) => `${id} holds ${cidr} of ${networkId}, which it does not use`),
  ];
}

function wrongPeers(host: SimulatedHost, networkId: NetworkId, stored: Stored): readonly string[] {
  const expected = stored.endpoints
    .filter((endpoint) => endpoint.networkId === networkId && endpoint.host !== host.id)
    .filter((endpoint) => stored.living.has(endpoint.host))
    .map((endpoint) => `${endpoint.id} ${endpoint.address} on ${endpoint.host}`);
  const told = [...(host.kernel.peers.get(networkId)?.values() ?? [])];
  const known = [...(host.core?.cluster.peersOf(networkId)?.values() ?? [])];
  const text = (peers: typeof told) =>
    peers.map((peer) => `${peer.id} ${peer.addresses.map(addressOf)} on ${peer.host.id}`);
  return [
    ...differ(`${host.id} has in its kernel as peers on ${networkId}`, text(told), expected),
    ...differ(`${host.id} knows as peers on ${networkId}`, text(known), expected),
  ];
}

function brokenPromises(world: World): readonly string[] {
  const broken: string[] = [];
  for (const [id, promise] of world.promised) {
    const { host } = promise;
    if (world.isBinding(promise) && !host.records.endpoints.has(id)) {
      broken.push(`${id} was connected on ${host.id} and is gone`);
    }
  }
  return broken;
}

/** Of a machine that was switched off for good. */
function remainsOf(id: HostId, { living, claims, endpoints, blocks }: Stored): readonly string[] {
  return [
    ...(living.has(id) ? [`${id} is off, and believed to be alive`] : []),
    ...(claims.has(id) ? [`${id} is off, and keeps its claim`] : []),
    ...endpoints.filter(({ host }) => host === id).map((endpoint) => `${endpoint.id} of ${id} remains`),
    ...blocks.filter(({ host }) => host === id).map(({ cidr }) => `${cidr} of ${id} remains`),
  ];
}

function ownerless({ networks, claims, endpoints, blocks }: Stored): readonly string[] {
  return [
    ...endpoints
      .filter(({ networkId }) => !networks.has(networkId))
      .map(({ id }) => `${id} is on no network`),
    ...blocks
      .filter(({ networkId }) => !networks.has(networkId))
      .map(({ cidr, networkId }) => `${cidr} is of no network: ${networkId}`),
    ...[...endpoints, ...blocks]
      .filter(({ host }) => !claims.has(host))
      .map(({ host }) => `${host} has no claim`),
  ];
}

function takeApart(keys: readonly StoredKey[]): Stored {
  const below = (start: string) =>
    new Set(keys.filter(({ key }) => key.startsWith(start)).map(({ key }) => key.slice(start.length)));
  const endpoints: StoredEndpoint[] = [];
  const blocks: Stored['blocks'][number][] = [];
  const unknown: string[] = [];
  for (const { key, value } of keys.filter((stored) => stored.key.startsWith(layout.parts))) {
    const part = layout.parsePart(key);
    if (part?.block !== undefined) {
      blocks.push({
        networkId: part.networkId,
        cidr: part.block,
        host: decodeBlock(value) ?? ('' as HostId),
      });
    } else if (part?.endpoint !== undefined) {
      const { networkId, endpoint: id } = part;
      const owned = decodeEndpoint({ networkId, id }, value);
      const address = owned?.endpoint.addresses.map(addressOf).join() ?? '';
      endpoints.push({ id, networkId, address, host: owned?.host ?? ('' as HostId) });
    } else unknown.push(key);
  }
  const networks = below(layout.networks);
  return { networks, living: below(layout.hosts), claims: below(layout.claims), endpoints, blocks, unknown };
}

function differ(what: string, actual: Iterable<string>, expected: Iterable<string>): readonly string[] {
  const left = [...actual].sort().join(', ');
  const right = [...expected].sort().join(', ');
  return left === right ? [] : [`${what}: [${left}], but should be: [${right}]`];
}
