// The names and addresses of all endpoints, by network. A change costs the same however many endpoints there are.
import type { IpAddress } from '../base/cidr.ts';
import type { EndpointId, NetworkId, SandboxId } from '../model/ids.ts';
import type { NameEntry } from '../model/name-entry.ts';
import { SetMap } from './set-map.ts';

/** What one network contributes. */
interface NetworkNames {
  /** `.name` in lower case: what the qualified names of its endpoints end with. */
  suffix: string;
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
    network.suffix = `.${entry.networkName.toLowerCase()}`;
    for (const name of entry.names) network.byName.add(name.toLowerCase(), entry);
    for (const address of entry.addresses) network.byAddress.add(address, entry);
    network.bySandbox.add(entry.sandboxId, entry);
    this.#entries.set(entry.endpointId, entry);
  }

  /** Absent is fine. */
  remove(endpointId: EndpointId): void {
    const entry = this.#entries.get(endpointId);
    const network = entry && this.#networks.get(entry.networkId);
    if (entry === undefined || network === undefined) return;
    for (const name of entry.names) network.byName.delete(name.toLowerCase(), entry);
    for (const address of entry.addresses) network.byAddress.delete(address, entry);
    network.bySandbox.delete(entry.sandboxId, entry);
    if (network.bySandbox.size === 0) this.#networks.delete(entry.networkId);
    this.#entries.delete(endpointId);
  }

  /** Endpoints with a name (lower case, plain or `name.network`), in the order of the networks, then of arrival. */
  named(name: string, networks: readonly NetworkId[]): readonly NameEntry[] {
    return this.#collect(networks, ({ byName, suffix }) => {
      const plain = byName.get(name);
      return name.endsWith(suffix) ? [...plain, ...byName.get(name.slice(0, -suffix.length))] : plain;
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
      if (network !== undefined) for (const entry of pick(network)) found.add(entry);
    }
    return [...found];
  }

  #network(id: NetworkId): NetworkNames {
    const known = this.#networks.get(id);
    if (known !== undefined) return known;
    const network: NetworkNames = {
      suffix: '',
      byName: new SetMap(),
      byAddress: new SetMap(),
      bySandbox: new SetMap(),
    };
    this.#networks.set(id, network);
    return network;
  }
}
