// Which addresses of a pool are in use, and which comes next. Pure; addresses are integers.
import { type Interval, IntervalSet, larger } from './interval-set.ts';

/** So many released addresses keep their exact order, which covers any pool up to a /16. */
const rememberedByDefault = 65_536;

/**
 * The free addresses of the range form a queue: at first all of them from the lowest up; the next is taken from its head,
 * a released one goes to its tail. The queue is held in three parts: `fresh` (never used), `released` (in order), and
 * between them `old`, the longest released of a pool too large to remember each, where the lowest comes first.
 */
export class AddressSet {
  readonly capacity: bigint;
  readonly #range: Interval;
  readonly #remembered: number;
  readonly #taken = new Set<bigint>();
  readonly #released = new Set<bigint>();
  #fresh = new IntervalSet();
  #old = new IntervalSet();
  /** Goes on where it stopped, past the holes that deleted members leave at the head of a Set. */
  #longestReleased = this.#released.values();

  /** The range may not be empty. Addresses outside of it can be taken one by one, but are never chosen. */
  constructor(range: Interval, remembered = rememberedByDefault) {
    this.#range = range;
    this.#remembered = remembered;
    this.#fresh.add(range.first, range.last);
    this.capacity = this.#fresh.size;
  }

  /** How many addresses of the range are in use. */
  get used(): bigint {
    return this.capacity - this.#fresh.size - this.#old.size - BigInt(this.#released.size);
  }

  /** How many are in use, in the range or not. */
  get taken(): number {
    return this.#taken.size;
  }

  has(address: bigint): boolean {
    return this.#taken.has(address);
  }

  /** Takes this very address; false when it is in use already. */
  take(address: bigint): boolean {
    if (this.#taken.has(address)) return false;
    this.#taken.add(address);
    if (!this.#released.delete(address) && !this.#fresh.delete(address)) this.#old.delete(address);
    return true;
  }

  /** Takes the next address; undefined when every one of the range is in use. */
  takeNext(): bigint | undefined {
    if (this.#fresh.size === 0n) {
      this.#fresh = this.#old;
      this.#old = new IntervalSet();
    }
    const next = this.#fresh.lowest() ?? this.#nextReleased();
    if (next !== undefined) this.take(next);
    return next;
  }

  /** Takes what was in use before a restart. What is free below the highest of them may have been used: it is not fresh. */
  restore(addresses: readonly bigint[]): void {
    for (const address of addresses) this.take(address);
    const highest = addresses.reduce(larger, this.#range.first);
    this.#fresh.moveBelow(highest, this.#old);
  }

  /** Absent is fine. */
  release(address: bigint): void {
    if (!this.#taken.delete(address)) return;
    if (address < this.#range.first || address > this.#range.last) return;
    this.#released.add(address);
    if (this.#released.size > this.#remembered) this.#forgetHalf();
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
