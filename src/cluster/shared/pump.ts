// Repeats a step as long as there is something to do, one at a time; after one that failed not before a while.
import { Backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';

export class Pump {
  readonly #clock: Clock;
  readonly #step: () => Promise<boolean>;
  readonly #backoff: Backoff;
  #isRunning = false;
  #isClosed = false;
  #hurry = () => {};

  /** `step` tells whether there may be more to do. */
  constructor(clock: Clock, step: () => Promise<boolean>) {
    this.#clock = clock;
    this.#step = step;
    this.#backoff = new Backoff(clock);
  }

  /** There is something to do. The step begins within this call, if none is under way. */
  poke(): void {
    if (!this.#isRunning && !this.#isClosed) void this.#run();
  }

  /** There is no reason to wait any more. */
  hurry(): void {
    this.#backoff.reset();
    this.#hurry();
    this.poke();
  }

  close(): void {
    this.#isClosed = true;
    this.#hurry();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let more = true;
    while (more && !this.#isClosed) {
      try {
        more = await this.#step();
        this.#backoff.reset();
      } catch {
        await this.#wait(this.#backoff.nextMs());
      }
    }
    this.#isRunning = false;
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(delayMs, resolve);
      this.#hurry = () => {
        cancel();
        resolve();
      };
    });
  }
}
