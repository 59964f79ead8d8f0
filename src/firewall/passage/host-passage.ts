// Everything on this host that networks have to get past, as one.
import { isDeepStrictEqual } from 'node:util';
import { toNetError } from '../../base/errors.ts';
import type { Difference } from '../../model/difference.ts';
import type { Passage } from '../passage.ts';
import { type Pattern, patternsOf } from './rules.ts';

/** One firewall of others that leaves a place to us. */
export type Gate = Omit<Passage, 'notes'>;

export interface Tellers {
  /** Told of what could not be looked at or done. */
  readonly warn: (error: Error) => void;
  /** Told of what was done, and why. */
  readonly inform: (text: string) => void;
}

export interface HostPassageOptions {
  readonly gates: readonly Gate[];
  /** What else is in the way. */
  readonly obstacles: (networks: readonly Pattern[]) => Promise<readonly Difference[]>;
  /** Told once of each. */
  readonly tellers: Tellers;
}

export class HostPassage implements Passage {
  readonly #gates: readonly Gate[];
  readonly #obstacles: HostPassageOptions['obstacles'];
  readonly #tellers: Tellers;
  readonly #told = new Set<string>();
  #networks: readonly Pattern[] = [];

  constructor({ gates, obstacles, tellers }: HostPassageOptions) {
    this.#gates = gates;
    this.#obstacles = obstacles;
    this.#tellers = tellers;
  }

  async bringAbout(bridges: Iterable<string>): Promise<void> {
    await this.#each((gate) => gate.bringAbout(bridges));
    await this.#tell(patternsOf(bridges));
  }

  async follow(bridges: Iterable<string>): Promise<void> {
    const networks = patternsOf(bridges);
    const changed = !isDeepStrictEqual(networks, this.#networks);
    await this.#each((gate) => gate.follow(bridges));
    if (changed) await this.#tell(networks);
  }

  async inspect(bridges: Iterable<string>): Promise<readonly Difference[]> {
    return (await this.#each((gate) => gate.inspect(bridges))).flat();
  }

  notes(bridges: Iterable<string>): Promise<readonly Difference[]> {
    return this.#obstacles(patternsOf(bridges));
  }

  async close(): Promise<void> {
    await this.#each((gate) => gate.close());
  }

  #each<T>(work: (gate: Gate) => Promise<T>): Promise<readonly T[]> {
    return Promise.all(this.#gates.map(work));
  }

  async #tell(networks: readonly Pattern[]): Promise<void> {
    this.#networks = networks;
    try {
      for (const { object, problem } of await this.#obstacles(networks)) {
        const text = `${object} ${problem}`;
        if (!this.#told.has(text)) this.#tellers.inform(text);
        this.#told.add(text);
      }
    } catch (error) {
      this.#tellers.warn(toNetError(error));
    }
  }
}
