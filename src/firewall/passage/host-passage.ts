// Everything on this host that networks have to get past, as one.
import type { Difference } from '../../model/difference.ts';
import type { Passage } from '../passage.ts';

/** One firewall of others that leaves a place to us. */
export type Gate = Omit<Passage, 'notes'>;

export interface HostPassageOptions {
  readonly gates: readonly Gate[];
  /** What else is in the way. */
  readonly obstacles: (bridges: readonly string[]) => Promise<readonly Difference[]>;
  /** Told once of each. */
  readonly warn: (text: string) => void;
}

export class HostPassage implements Passage {
  readonly #gates: readonly Gate[];
  readonly #obstacles: HostPassageOptions['obstacles'];
  readonly #warn: HostPassageOptions['warn'];
  readonly #told = new Set<string>();

  constructor({ gates, obstacles, warn }: HostPassageOptions) {
    this.#gates = gates;
    this.#obstacles = obstacles;
    this.#warn = warn;
  }

  async bringAbout(bridges: Iterable<string>): Promise<void> {
    await this.#each((gate) => gate.bringAbout(bridges));
    await this.#tell([...bridges]);
  }

  async follow(bridges: Iterable<string>): Promise<void> {
    await this.#each((gate) => gate.follow(bridges));
  }

  async inspect(bridges: Iterable<string>): Promise<readonly Difference[]> {
    return (await this.#each((gate) => gate.inspect(bridges))).flat();
  }

  notes(bridges: Iterable<string>): Promise<readonly Difference[]> {
    return this.#obstacles([...bridges]);
  }

  async close(): Promise<void> {
    await this.#each((gate) => gate.close());
  }

  #each<T>(work: (gate: Gate) => Promise<T>): Promise<readonly T[]> {
    return Promise.all(this.#gates.map(work));
  }

  async #tell(bridges: readonly string[]): Promise<void> {
    for (const { object, problem } of await this.#obstacles(bridges)) {
      const text = `${object} ${problem}`;
      if (!this.#told.has(text)) this.#warn(text);
      this.#told.add(text);
    }
  }
}
