// The names and addresses of all endpoints, by network. A change costs the same however many endpoints there are.
import type { IpAddress } from '../../base/cidr.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../model/ids.ts';
import type { NameEntry } from '../../model/name-entry.ts';
import { nameFromText } from '../message/domain-name.ts';
import { SetMap } from './set-map.ts';

/** What one network contributes. */
interface NetworkNames {
  /** `.name` in lower case: what the qualified names of its endpoints end with; absent when no message can hold them. */
  suffix: string | undefined;
  readonly byName: SetMap<string, NameEntry>;
  readonly byAddress: SetMap<IpAddress, NameEntry>;
  readonly bySandbox: SetMap<SandboxId, NameEntry>;
}

export class NameTable {
  readonly #entries = new Map<EndpointId, NameEntry>();
  readonly #networks = new Map<NetworkId, NetworkNames>();

  /** Adds or replaces the names of one endpoint. */
  upsert(entry: NameEntry): void {
    this.remove(entry.endpointId);
    const network = this.#network(entry.networkId);
    const suffix = nameFromText(entry.networkName)?.toLowerCase();
    network.suffix = suffix === undefined ? undefined : `.${suffix}`;
    for (const name of keysOf(entry)) network.byName.add(name, entry);
    for (const address of entry.addresses) network.byAddress.add(address, entry);
    network.bySandbox.add(entry.sandboxId, entry);
    this.#entries.set(entry.endpointId, entry);
  }

  /** Absent is fine. */
  remove(endpointId: EndpointId): void {
    const entry = this.#entries.get(endpointId);
    const network = entry && this.#networks.get(entry.networkId);
    if (entry === undefined || network === undefined) return;
    for (const name of keysOf(entry)) network.byName.delete(name, entry);
    for (const address of entry.addresses) network.byAddress.delete(address, entry);
    network.bySandbox.delete(entry.sandboxId, entry);
    if (network.bySandbox.size === 0) this.#networks.delete(entry.networkId);
    this.#entries.delete(endpointId);
  }

  /** Endpoints with a name (lower case, plain or `name.network`), in the order of the networks, then of `orderOf`. */
  named(name: string, networks: readonly NetworkId[]): readonly NameEntry[] {
    return this.#collect(networks, ({ byName, suffix }) => {
      const plain = byName.get(name);
      if (suffix === undefined || !name.endsWith(suffix)) return plain;
      return [...plain, ...byName.get(name.slice(0, -suffix.length))];
    });
  }

  holding(address: IpAddress, networks: readonly NetworkId[]): readonly NameEntry[] {
    return this.#collect(networks, ({ byAddress }) => byAddress.get(address));
  }

  /** The endpoint that has an address on a network; the latest, where one replaces another. */
  holder(address: IpAddress, networkId: NetworkId): NameEntry | undefined {
    let latest: NameEntry | undefined;
    for (const entry of this.#networks.get(networkId)?.byAddress.get(address) ?? []) latest = entry;
    return latest;
  }

  ofSandbox(sandboxId: SandboxId, networks: readonly NetworkId[]): readonly NameEntry[] {
    return this.#collect(networks, ({ bySandbox }) => bySandbox.get(sandboxId));
  }

  #collect(
    networks: readonly NetworkId[],
    pick: (network: NetworkNames) => Iterable<NameEntry>,
  ): readonly NameEntry[] {
    const found = new Set<NameEntry>();
    for (const id of networks) {
      const network = this.#networks.get(id);
      if (network !== undefined) for (const entry of inOrder(pick(network))) found.add(entry);
    }
    return [...found];
  }

  #network(id: NetworkId): NetworkNames {
    const known = this.#networks.get(id);
    if (known !== undefined) return known;
    const network: NetworkNames = {
      suffix: undefined,
      byName: new SetMap(),
      byAddress: new SetMap(),
      bySandbox: new SetMap(),
    };
    this.#networks.set(id, network);
    return network;
  }
}

const orderBytesMax = 255;

/**
 * What endpoints of one network come one after the other by, bytewise: the sandbox's name, then the id. So answers do not
 * depend on who came first, and an endpoint whose names change keeps its place.
 */
export function orderOf({ names, endpointId }: NameEntry): Buffer {
  const name = Buffer.from(names[0] ?? '');
  const id = Buffer.from(`\0${endpointId}`);
  return Buffer.concat([name.subarray(0, Math.max(orderBytesMax - id.length, 0)), id]).subarray(
    0,
    orderBytesMax,
  );
}

function inOrder(entries: Iterable<NameEntry>): readonly NameEntry[] {
  const list = [...entries];
  if (list.length < 2) return list;
  return list
    .map((entry) => ({ entry, order: orderOf(entry) }))
    .sort((a, b) => Buffer.compare(a.order, b.order))
    .map(({ entry }) => entry);
}

/** What an endpoint is found by; names no message can hold are never asked for. */
function keysOf({ names }: NameEntry): readonly string[] {
  return names.flatMap((text) => nameFromText(text)?.toLowerCase() ?? []);
}
