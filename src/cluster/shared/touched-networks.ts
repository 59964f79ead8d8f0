// Below which networks the store may have something of this host, so that not all of the cluster is read to find it.
import type { NetworkId } from '../../model/ids.ts';
import type { StoredKey } from '../shared-store.ts';
import type { Recollection } from './recollection.ts';
import type { Site } from './site.ts';

export class TouchedNetworks {
  readonly #site: Site;
  readonly #recollection: Recollection;

  constructor(site: Site, recollection: Recollection) {
    this.#site = site;
    this.#recollection = recollection;
  }

  /** Before anything of this host is written below a network. Errors: `unavailable`, when it cannot be remembered. */
  async add(id: NetworkId): Promise<void> {
    const { networks } = this.#recollection.current;
    if (networks === undefined) return;
    if (networks.includes(id)) return this.#recollection.written();
    await this.#recollection.change({ networks: [...networks, id] });
  }

  /** What the store has below them and some more; all there is where nothing is remembered. Errors: `unavailable`. */
  async read(more: Iterable<NetworkId>): Promise<readonly StoredKey[]> {
    const { store, layout } = this.#site;
    const { networks } = this.#recollection.current;
    if (networks === undefined) return (await store.read(layout.parts)).keys;
    const keys: StoredKey[] = [];
    for (const id of new Set([...networks, ...more])) {
      for (const key of (await store.read(layout.partsOf(id))).keys) keys.push(key);
    }
    return keys;
  }

  /** Only these, of those there were before, and what came since. Errors: `unavailable`. */
  async keep(ids: ReadonlySet<NetworkId>, before: readonly NetworkId[] | undefined): Promise<void> {
    const now = this.remembered;
    // Forgotten since: what was read may not have been all.
    if (before !== undefined && now === undefined) return;
    const since = (now ?? []).filter((id) => before?.includes(id) !== true);
    await this.#recollection.change({ networks: [...new Set([...ids, ...since])] });
  }

  /** The store may have anything. Errors: `unavailable`. */
  async forget(): Promise<void> {
    if (this.remembered !== undefined) await this.#recollection.forgetNetworks();
  }

  get remembered(): readonly NetworkId[] | undefined {
    return this.#recollection.current.networks;
  }
}
