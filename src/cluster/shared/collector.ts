// Deletes what hosts left behind whose claims have ended. One host does it for all.
import type { HostId } from '../../model/ids.ts';
import type { Condition, StoredKey } from '../shared-store.ts';
import type { KnownHosts } from './known-hosts.ts';
import { decodeBlock } from './records.ts';
import type { Site } from './site.ts';

const periodMs = 60_000;
/** With their conditions they have to fit into one transaction. */
const batchSize = 50;

export class Collector {
  readonly #site: Site;
  readonly #hosts: KnownHosts;
  /** How many claims had ended when all had been collected. */
  #collected: number | undefined;
  #cancel = () => {};
  #isClosed = false;

  constructor(site: Site, hosts: KnownHosts) {
    this.#site = site;
    this.#hosts = hosts;
  }

  start(): void {
    if (this.#isClosed) return;
    const { clock } = this.#site;
    this.#cancel = clock.after(periodMs * (0.75 + clock.random() / 2), () => void this.#collect());
  }

  /** It is another store. */
  lookAgain(): void {
    this.#collected = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  async #collect(): Promise<void> {
    try {
      if (this.#isChosen() && this.#isDue()) await this.#collectAll();
    } catch (error) {
      this.#site.log.debug({ reason: String(error) }, 'what hosts left behind could not be collected');
    }
    this.start();
  }

  /** The first of those that live, where all see the same. */
  #isChosen(): boolean {
    const [first] = [...this.#hosts.living.keys()].sort();
    return this.#hosts.hosts.isLive && first === this.#site.host.id;
  }

  /** Everything is read for it, which is much in a large cluster: nothing is left behind but by a claim that ended. */
  #isDue(): boolean {
    return this.#collected !== this.#hosts.endedClaims;
  }

  async #collectAll(): Promise<void> {
    const { store, layout } = this.#site;
    const { endedClaims } = this.#hosts;
    const { keys } = await store.read(layout.parts);
    const claims = await store.read(layout.claims);
    const claimed = new Set(claims.keys.map(({ key }) => key.slice(layout.claims.length)));
    const left = new Map<HostId, StoredKey[]>();
    for (const stored of keys) {
      // Blocks and endpoints tell in the same way whose they are.
      const host = decodeBlock(stored.value);
      if (host === undefined || claimed.has(host)) continue;
      const known = left.get(host);
      if (known === undefined) left.set(host, [stored]);
      else known.push(stored);
    }
    let isDone = true;
    for (const [host, stored] of left) isDone = (await this.#collectOf(host, stored)) && isDone;
    if (isDone) this.#collected = endedClaims;
  }

  /** Endpoints go before the blocks their addresses are of. False when something changed meanwhile. */
  async #collectOf(host: HostId, keys: readonly StoredKey[]): Promise<boolean> {
    const { store, layout, log } = this.#site;
    const isBlock = ({ key }: StoredKey) => layout.parsePart(key)?.block !== undefined;
    const ordered = [...keys].sort((one, other) => Number(isBlock(one)) - Number(isBlock(other)));
    for (let i = 0; i < ordered.length; i += batchSize) {
      const batch = ordered.slice(i, i + batchSize);
      const same = batch.map(({ key, modRevision }): Condition => ({ key, modRevision }));
      const { applied } = await store.write(
        [{ key: layout.claim(host), absent: true }, ...same],
        batch.map(({ key }) => ({ delete: key })),
      );
      if (!applied) return false;
    }
    log.info({ host, keys: keys.length }, 'what a host left behind whose claim ended is collected');
    return true;
  }
}
