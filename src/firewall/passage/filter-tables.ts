// Keeps networks working beside those who make rules by iptables, as Docker and ufw do, in tables of nf_tables that drop what
// they do not know: for as long as such a table and a network are there, chains of ours accept networks' packets.
import { isDeepStrictEqual } from 'node:util';
import { toNetError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { commit } from '../../kernel/nftables/client.ts';
import type { Subscription } from '../../kernel/subscription.ts';
import type { Difference } from '../../model/difference.ts';
import { watchTables } from '../nftables/table-watch.ts';
import { batchFor, type Comparison, compareFilter, differencesOf, mend, whatIsDropped } from './compare.ts';
import { type FilterFamily, filterName, readFilter } from './filter-table.ts';
import type { Gate } from './host-passage.ts';
import { type Pattern, patternsOf } from './rules.ts';

/** Changes that come this close together are looked at together: Docker makes its rules one by one. */
const settleMs = 50;
/** Whoever undoes a repair again and again is not fought at full speed: the wait doubles each time, up to this. */
const maxWaitMs = 10_000;
const families: readonly FilterFamily[] = ['ip', 'ip6'];

export interface PassageOptions {
  /** Told of what could not be looked at or done. */
  readonly warn: (error: Error) => void;
  /** Told of what was done, and why. */
  readonly inform: (text: string) => void;
}

export class FilterTables implements Gate {
  readonly #warn: PassageOptions['warn'];
  readonly #inform: PassageOptions['inform'];
  readonly #turn = new KeyedMutex();
  readonly #due = new Set<FilterFamily>();
  /** Where the last look found something that concerns us; nothing changes that without being announced. */
  #known: ReadonlySet<FilterFamily> = new Set();
  #networks: readonly Pattern[] = [];
  #watch: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = settleMs;

  constructor({ warn, inform }: PassageOptions) {
    this.#warn = warn;
    this.#inform = inform;
  }

  bringAbout(bridges: Iterable<string>): Promise<void> {
    return this.#alone(async () => {
      this.#networks = patternsOf(bridges);
      await this.#listen();
      await this.#settle(families);
    });
  }

  /** Costs nothing where no table concerns us, or the rules stay the same. */
  follow(bridges: Iterable<string>): Promise<void> {
    return this.#alone(async () => {
      const networks = patternsOf(bridges);
      if (isDeepStrictEqual(networks, this.#networks)) return;
      this.#networks = networks;
      await this.#settle([...this.#known]);
    });
  }

  inspect(bridges: Iterable<string>): Promise<readonly Difference[]> {
    const networks = patternsOf(bridges);
    return this.#alone(async () => {
      const filters = await Promise.all(families.map(readFilter));
      return filters.flatMap((filter) => compareFilter(filter, networks).flatMap(differencesOf));
    });
  }

  close(): Promise<void> {
    return this.#alone(async () => {
      this.#watch?.close();
      clearTimeout(this.#timer);
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn.run({ exclusive: ['tables'] }, work);
  }

  async #listen(): Promise<void> {
    if (this.#watch !== undefined) return;
    try {
      this.#watch = await watchTables(
        families.map((family) => ({ family, name: filterName })),
        { changed: (_, { family }) => this.#note([family]), lost: () => this.#note(families) },
      );
    } catch (error) {
      this.#warn(toNetError(error));
    }
  }

  #note(changed: readonly FilterFamily[]): void {
    for (const family of changed) this.#due.add(family);
    this.#timer ??= setTimeout(() => void this.#alone(() => this.#look()), this.#waitMs).unref();
  }

  async #look(): Promise<void> {
    const due = [...this.#due];
    this.#due.clear();
    this.#timer = undefined;
    const mended = await this.#settle(due);
    this.#waitMs = mended ? Math.min(this.#waitMs * 2, maxWaitMs) : settleMs;
  }

  /** Whether anything had to be done. */
  async #settle(which: readonly FilterFamily[]): Promise<boolean> {
    const mended = await Promise.all(which.map((family) => this.#settleOne(family)));
    return mended.includes(true);
  }

  async #settleOne(family: FilterFamily): Promise<boolean> {
    try {
      const filter = await readFilter(family);
      const comparisons = compareFilter(filter, this.#networks);
      this.#remember(family, comparisons);
      const batch = batchFor(filter);
      for (const comparison of comparisons) mend(batch, comparison);
      if (batch.empty) return false;
      await commit(batch);
      for (const comparison of comparisons) this.#tell(comparison);
      return true;
    } catch (error) {
      const text = `nft table ${family} ${filterName}: what it lets through of networks could not be brought in order`;
      this.#warn(new Error(`${text}: ${toNetError(error).message}`, { cause: error }));
      return true;
    }
  }

  #remember(family: FilterFamily, comparisons: readonly Comparison[]): void {
    const known = new Set(this.#known);
    if (comparisons.some(({ place }) => place !== undefined)) known.add(family);
    else known.delete(family);
    this.#known = known;
  }

  #tell({ filter: { family }, way, place, chain, jump }: Comparison): void {
    const table = `nft table ${family} ${filterName}`;
    const what = whatIsDropped[way];
    if (chain === 'left over') {
      const reason = place === undefined ? 'it is no longer dropped' : 'there is no network left';
      this.#inform(`${table}: ${what} is no longer let through by a rule of ours, as ${reason}`);
    } else if (jump === 'missing' && place !== undefined && chain !== 'right') {
      this.#inform(`${table} drops ${what}: let through by a rule in ${place.chain}`);
    }
  }
}
