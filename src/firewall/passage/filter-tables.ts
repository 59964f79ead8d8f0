// Keeps networks working beside those who make rules by iptables, as Docker and ufw do, in tables of nf_tables that drop what
// they do not know: for as long as such a table and a network are there, chains of ours accept networks' packets.
import { isDeepStrictEqual } from 'node:util';
import { toNetError } from '../../base/errors.ts';
import { commit } from '../../kernel/nftables/client.ts';
import type { Difference } from '../../model/difference.ts';
import { batchFor, type Comparison, compareFilter, differencesOf, mend, whatIsDropped } from './compare.ts';
import { type FilterFamily, filterName, readFilter } from './filter-table.ts';
import type { Gate, Tellers } from './host-passage.ts';
import { type Pattern, patternsOf } from './rules.ts';
import { Settling } from './settling.ts';

const families: readonly FilterFamily[] = ['ip', 'ip6'];

export class FilterTables implements Gate {
  readonly #tellers: Tellers;
  readonly #settling: Settling<FilterFamily>;
  /** Where the last look found something that concerns us; nothing changes that without being announced. */
  #known: ReadonlySet<FilterFamily> = new Set();
  #networks: readonly Pattern[] = [];

  constructor(tellers: Tellers) {
    this.#tellers = tellers;
    this.#settling = new Settling({
      tables: families.map((family) => ({ family, name: filterName })),
      settle: (tables) => this.#settle(tables.map(({ family }) => family)),
      warn: tellers.warn,
    });
  }

  bringAbout(bridges: Iterable<string>): Promise<void> {
    return this.#settling.alone(async () => {
      this.#networks = patternsOf(bridges);
      await this.#settling.listen();
      await this.#settle(families);
    });
  }

  /** Costs nothing where no table concerns us, or the rules stay the same. */
  follow(bridges: Iterable<string>): Promise<void> {
    return this.#settling.alone(async () => {
      const networks = patternsOf(bridges);
      if (isDeepStrictEqual(networks, this.#networks)) return;
      this.#networks = networks;
      await this.#settle([...this.#known]);
    });
  }

  inspect(bridges: Iterable<string>): Promise<readonly Difference[]> {
    const networks = patternsOf(bridges);
    return this.#settling.alone(async () => {
      const filters = await Promise.all(families.map(readFilter));
      return filters.flatMap((filter) => compareFilter(filter, networks).flatMap(differencesOf));
    });
  }

  close(): Promise<void> {
    return this.#settling.close();
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
      this.#tellers.warn(new Error(`${text}: ${toNetError(error).message}`, { cause: error }));
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
      this.#tellers.inform(`${table}: ${what} is no longer let through by a rule of ours, as ${reason}`);
    } else if (jump === 'missing' && place !== undefined && chain !== 'right') {
      this.#tellers.inform(`${table} drops ${what}: let through by a rule in ${place.chain}`);
    }
  }
}
