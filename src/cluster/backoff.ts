// How long to wait before something is tried again: longer each time, and not for all hosts the same.
import type { Clock } from './clock.ts';

export class Backoff {
  readonly #clock: Clock;
  readonly #shortestMs: number;
  readonly #longestMs: number;
  #tries = 0;

  constructor(clock: Clock, shortestMs = 100, longestMs = 5000) {
    this.#clock = clock;
    this.#shortestMs = shortestMs;
    this.#longestMs = longestMs;
  }

  nextMs(): number {
    const mostMs = Math.min(this.#longestMs, this.#shortestMs * 2 ** Math.min(this.#tries++, 20));
    return mostMs * (0.5 + this.#clock.random() / 2);
  }

  reset(): void {
    this.#tries = 0;
  }
}

/** Resolves after a while. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMs, resolve));
}
