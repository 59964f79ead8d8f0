// Keeps networks working beside Docker, whose tables drop what is forwarded and not Docker's: for as long as such a table and a
// network are there, a chain of ours accepts networks' packets, jumped to from Docker's chain for the rules of others.
import { isDeepStrictEqual } from 'node:util';
import { toNetError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { commit } from '../../kernel/nftables/client.ts';
import type { Subscription } from '../../kernel/subscription.ts';
import type { Difference } from '../../model/difference.ts';
import { watchTables } from '../nftables/table-watch.ts';
import { type Comparison, compareFilter, differencesOf, mend } from './compare.ts';
import { type FilterFamily, filterName, readFilter, userChain } from './filter-table.ts';
import { type Pattern, patternsOf } from './rules.ts';

/** Changes that come this close together are looked at together: Docker makes its rules one by one. */
const settleMs = 50;
/** Whoever undoes a repair again and again is not fought at full speed: the wait doubles each time, up to this. */
const maxWaitMs = 10_000;
const families: readonly FilterFamily[] = ['ip', 'ip6'];

export interface DockerUserOptions {
  /** Told of what could not be looked at or done. */
  readonly warn: (error: Error) => void;
  /** Told of what was done, and why. */
  readonly inform: (text: string) => void;
}

/** Nothing here ever rejects but `inspect`: networks are made and changed whatever becomes of Docker's tables. */
export class DockerUser {
  readonly #warn: DockerUserOptions['warn'];
  readonly #inform: DockerUserOptions['inform'];
  readonly #turn = new KeyedMutex();
  readonly #due = new Set<FilterFamily>();
  /** Where the last look found something that concerns us; nothing changes that without being announced. */
  #known: ReadonlySet<FilterFamily> = new Set();
  #networks: readonly Pattern[] = [];
  #watch: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = settleMs;

  constructor({ warn, inform }: DockerUserOptions) {
    this.#warn = warn;
    this.#inform = inform;
  }

  /** Looks at the tables, whatever is known of them, and brings about what these bridges need. From then on others' changes are heard. */
  bringAbout(bridges: Iterable<string>): Promise<void> {
    return this.#alone(async () => {
      this.#networks = patternsOf(bridges);
      await this.#listen();
      await this.#settle(families);
    });
  }

  /** After networks came or went. Costs nothing where no table concerns us, or the rules stay the same. */
  follow(bridges: Iterable<string>): Promise<void> {
    return this.#alone(async () => {
      const networks = patternsOf(bridges);
      if (isDeepStrictEqual(networks, this.#networks)) return;
      this.#networks = networks;
      await this.#settle([...this.#known]);
    });
  }

  /** What differs from what these bridges need. */
  inspect(bridges: Iterable<string>): Promise<readonly Difference[]> {
    const networks = patternsOf(bridges);
    return this.#alone(async () => {
      const filters = await Promise.all(families.map(readFilter));
      return filters.flatMap((filter) => differencesOf(compareFilter(filter, networks)));
    });
  }

  /** What is there stays. */
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
      const comparison = compareFilter(await readFilter(family), this.#networks);
      this.#remember(comparison);
      const batch = mend(comparison);
      if (batch.empty) return false;
      await commit(batch);
      this.#tell(comparison);
      return true;
    } catch (error) {
      const text = `nft table ${family} ${filterName}: what it lets through of networks could not be brought in order`;
      this.#warn(new Error(`${text}: ${toNetError(error).message}`, { cause: error }));
      return true;
    }
  }

  #remember({ filter }: Comparison): void {
    const known = new Set(this.#known);
    if (filter.concernsUs) known.add(filter.family);
    else known.delete(filter.family);
    this.#known = known;
  }

  #tell({ filter: { family, concernsUs }, chain, jump }: Comparison): void {
    const table = `nft table ${family} ${filterName}`;
    if (chain === 'left over') {
      const reason = concernsUs ? 'there is no network left' : 'it no longer drops what is forwarded';
      this.#inform(`${table}: networks' packets are no longer let through in ${userChain}, as ${reason}`);
    } else if (jump === 'missing') {
      this.#inform(`${table} drops what is forwarded: networks' packets are let through in ${userChain}`);
    }
  }
}
