// The free addresses of a range in the order in which they are given out. Pure; addresses are integers.
import { type Interval, IntervalSet } from './interval-set.ts';

/**
 * At first all of them wait from the lowest up; the next one is taken from the head, a released one goes to the tail. The
 * queue is held in three parts: `fresh` (never used), `released` (in order), and between them `old`, the longest released
 * of a range too large to remember each, where the lowest comes first.
 */
export class AddressQueue {
  readonly range: Interval;
  readonly capacity: bigint;
  readonly #remembered: number;
  readonly #released = new Set<bigint>();
  #fresh = new IntervalSet();
  #old = new IntervalSet();
  /** Goes on where it stopped, past the holes that deleted members leave at the head of a Set. */
  #longestReleased = this.#released.values();

  /** The range may not be empty. So many released addresses as are to be `remembered` keep their exact order. */
  constructor(range: Interval, remembered: number) {
    this.range = range;
    this.#remembered = remembered;
    this.#fresh.add(range.first, range.last);
    this.capacity = this.#fresh.size;
  }

  /** How many wait. */
  get free(): bigint {
    return this.#fresh.size + this.#old.size + BigInt(this.#released.size);
  }

  /** Takes the head off; undefined when none waits. */
  shift(): bigint | undefined {
    if (this.#fresh.size === 0n) {
      this.#fresh = this.#old;
      this.#old = new IntervalSet();
    }
    const next = this.#fresh.lowest() ?? this.#nextReleased();
    if (next !== undefined) this.remove(next);
    return next;
  }

  /** Takes one out wherever it waits. Absent is fine. */
  remove(address: bigint): void {
    if (!this.#released.delete(address) && !this.#fresh.delete(address)) this.#old.delete(address);
  }

  /** Adds one at the tail, which does not wait yet; ignored outside of the range. */
  push(address: bigint): void {
    if (address < this.range.first || address > this.range.last) return;
    this.#released.add(address);
    if (this.#released.size > this.#remembered) this.#forgetHalf();
  }

  /** The fresh ones below the limit may have been used before: they wait behind the others. */
  ageBelow(limit: bigint): void {
    this.#fresh.moveBelow(limit, this.#old);
  }

  #nextReleased(): bigint | undefined {
    const next = this.#longestReleased.next();
    if (!next.done) return next.value;
    this.#longestReleased = this.#released.values();
    return this.#longestReleased.next().value;
  }

  #forgetHalf(): void {
    for (const address of this.#released) {
      if (this.#released.size <= this.#remembered / 2) return;
      this.#released.delete(address);
      this.#old.add(address, address);
    }
  }
}
