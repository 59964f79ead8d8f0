// Time that passes as fast as its events can be run: one thing after the other, each with everything that follows from it at once.
import { Random } from './random.ts';

interface Entry {
  readonly atMs: number;
  readonly order: number;
  work: (() => void) | undefined;
}

/** `randomness` is that of everything which happens by chance in one world, so that the same seed gives the same run. */
export class SimulatedTime {
  readonly randomness: Random;
  #nowMs = 0;
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #entries: Entry[] = [];

  constructor(seed = 1) {
    this.randomness = new Random(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Returns a cancel function. Works of one moment run in the order in which they were asked for. */
  after(delayMs: number, work: () => void): () => void {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, work };
    this.#push(entry);
    return () => {
      entry.work = undefined;
    };
  }

  /** A moment between both. */
  between([fromMs, toMs]: readonly [number, number]): number {
    return fromMs + (toMs - fromMs) * this.randomness.next();
  }

  chance(probability: number): boolean {
    return this.randomness.next() < probability;
  }

  /** Lets this much time pass. */
  async run(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await everythingThatFollows();
    while (this.#next(endMs)) await everythingThatFollows();
    this.#nowMs = endMs;
  }

  /** Lets time pass until something holds. Fails when it does not within the limit. */
  async until(holds: () => boolean, limitMs = 120_000): Promise<void> {
    const endMs = this.#nowMs + limitMs;
    await everythingThatFollows();
    while (!holds()) {
      if (!this.#next(endMs)) throw new Error(`does not hold after ${limitMs} ms: ${holds}`);
      await everythingThatFollows();
    }
  }

  /** Lets time pass until a promise is settled, and returns what came of it. */
  async settle<T>(promise: Promise<T>, limitMs = 120_000): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    await this.until(() => isSettled, limitMs);
    return promise;
  }

  /** Goes with the time of this machine, for tests that know of no other. Returns a stop function. */
  followRealTime(): () => void {
    const startMs = performance.now() - this.#nowMs;
    let isRunning = true;
    const step = async () => {
      while (isRunning && this.#next(performance.now() - startMs)) await everythingThatFollows();
      if (!isRunning) return;
      this.#nowMs = Math.max(this.#nowMs, performance.now() - startMs);
      setTimeout(step, 1);
    };
    setImmediate(step);
    return () => {
      isRunning = false;
    };
  }

  #next(limitMs: number): boolean {
    for (;;) {
      const [entry] = this.#entries;
      if (entry === undefined || entry.atMs > limitMs) return false;
      this.#pop();
      if (entry.work === undefined) continue;
      this.#nowMs = Math.max(this.#nowMs, entry.atMs);
      entry.work();
      return true;
    }
  }

  #push(entry: Entry): void {
    const entries = this.#entries;
    let at = entries.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = entries[parent];
      if (above === undefined || isBefore(above, entry)) break;
      entries[at] = above;
      at = parent;
    }
    entries[at] = entry;
  }

  #pop(): void {
    const entries = this.#entries;
    const last = entries.pop();
    if (last === undefined || entries.length === 0) return;
    let at = 0;
    for (;;) {
      const left = entries[2 * at + 1];
      const right = entries[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (isBefore(last, child)) break;
      entries[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    entries[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** A tick of Node's comes when no promise is left to go on with, and costs no turn of the event loop. */
function everythingThatFollows(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
