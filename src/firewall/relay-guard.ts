// What a firewall backend cannot do about the relay: packets of an internal network to the host are let through, but behind one of
// the host's own sockets the relay would take them further.
import { closeRelaysTo } from '../kernel/relay.ts';
import type { Difference } from '../model/difference.ts';
import type { NetworkId } from '../model/ids.ts';
import type { NetworkPolicy } from '../model/policy.ts';
import type { Firewall, PolicyChange, PolicyState } from './firewall.ts';

export class RelayGuard implements Firewall {
  readonly name: Firewall['name'];
  readonly #firewall: Firewall;
  /** Bridges of internal networks. */
  readonly #closed = new Map<NetworkId, string>();

  constructor(firewall: Firewall) {
    this.name = firewall.name;
    this.#firewall = firewall;
  }

  /** Closed before its rules are there, and open when they are gone. */
  async apply(changes: readonly PolicyChange[]): Promise<void> {
    for (const change of changes) if ('network' in change) this.#note(change.network);
    await this.#firewall.apply(changes);
    for (const change of changes) if ('removedNetwork' in change) this.#open(change.removedNetwork);
  }

  async replace(state: PolicyState): Promise<void> {
    for (const network of state.networks) this.#note(network);
    await this.#firewall.replace(state);
    const known = new Set(state.networks.map(({ networkId }) => networkId));
    for (const networkId of [...this.#closed.keys()]) if (!known.has(networkId)) this.#open(networkId);
  }

  inspect(desired?: PolicyState): Promise<readonly Difference[]> {
    return this.#firewall.inspect(desired);
  }

  onForeignChange(listener: (who: string) => void): void {
    this.#firewall.onForeignChange(listener);
  }

  close(): Promise<void> {
    return this.#firewall.close();
  }

  #note({ networkId, ifname, internal }: NetworkPolicy): void {
    if (!internal) {
      this.#open(networkId);
    } else if (this.#closed.get(networkId) !== ifname) {
      this.#closed.set(networkId, ifname);
      closeRelaysTo([...this.#closed.values()]);
    }
  }

  #open(networkId: NetworkId): void {
    if (this.#closed.delete(networkId)) closeRelaysTo([...this.#closed.values()]);
  }
}
