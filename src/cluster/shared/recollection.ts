// What is remembered, as it is now, and written in order: whoever changes it waits until that, or something newer, is written.
import type { ClusterMemory, Remembered } from '../memory.ts';

export class Recollection {
  readonly #memory: ClusterMemory;
  #current: Remembered;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(memory: ClusterMemory) {
    this.#memory = memory;
    this.#current = memory.read();
  }

  get current(): Remembered {
    return this.#current;
  }

  /** Errors: `unavailable`. */
  change(part: Partial<Remembered>): Promise<void> {
    this.#current = { ...this.#current, ...part };
    this.#next ??= this.#write();
    return this.#next;
  }

  /** Errors: `unavailable`. */
  forgetNetworks(): Promise<void> {
    const { networks: _, ...rest } = this.#current;
    this.#current = rest;
    return this.change({});
  }

  /** Whatever was changed so far is written. Errors: `unavailable`. */
  written(): Promise<void> {
    return this.#next ?? this.#writing;
  }

  async #write(): Promise<void> {
    const before = this.#writing;
    const writing = before
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#memory.write(this.#current);
      });
    this.#writing = writing;
    return writing;
  }
}
