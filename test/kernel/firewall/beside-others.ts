// A firewall with what gets its networks past the firewalls of others, as the daemon has them.
import type { PolicyChange, PolicyState } from '../../../src/firewall/firewall.ts';
import { NftablesFirewall } from '../../../src/firewall/nftables/nftables.ts';
import { FilterTables } from '../../../src/firewall/passage/filter-tables.ts';

export interface Tellers {
  readonly warn: (error: Error) => void;
  readonly inform: (text: string) => void;
}

export class FirewallBesideOthers {
  readonly #firewall: NftablesFirewall;
  readonly #tables: FilterTables;
  #bridges: ReadonlyMap<string, string> = new Map();

  constructor({ warn, inform }: Tellers) {
    this.#firewall = new NftablesFirewall({ warn });
    this.#tables = new FilterTables({ warn, inform });
  }

  async replace(state: PolicyState): Promise<void> {
    this.#bridges = bridgesOf(state);
    await this.#firewall.replace(state);
    await this.#tables.bringAbout(this.#bridges.values());
  }

  async apply(changes: readonly PolicyChange[]): Promise<void> {
    const bridges = new Map(this.#bridges);
    for (const change of changes) {
      if ('network' in change) bridges.set(change.network.networkId, change.network.ifname);
      else if ('removedNetwork' in change) bridges.delete(change.removedNetwork);
    }
    this.#bridges = bridges;
    await this.#firewall.apply(changes);
    await this.#tables.follow(bridges.values());
  }

  async inspect() {
    return [...(await this.#firewall.inspect()), ...(await this.#tables.inspect(this.#bridges.values()))];
  }

  async close(): Promise<void> {
    await this.#tables.close();
    await this.#firewall.close();
  }
}

function bridgesOf({ networks }: PolicyState): ReadonlyMap<string, string> {
  return new Map(networks.map(({ networkId, ifname }) => [networkId, ifname]));
}
