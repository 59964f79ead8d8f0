// Which addresses of a pool are in use, and which comes next of each range they are asked for from. Pure; addresses are integers.
import { AddressQueue } from './address-queue.ts';
import { type Interval, larger } from './interval-set.ts';

export interface AddressSetOptions {
  /** Addresses that are in use from the start and for ever. */
  readonly kept?: Iterable<bigint>;
  /** So many released addresses keep their exact order, which by default covers any pool up to a /16. */
  readonly remembered?: number;
}

export interface Usage {
  /** How many addresses of the range are in use. */
  readonly used: bigint;
  readonly capacity: bigint;
}

/** Whoever asks for one address at a time calls each a range; those asked for longest ago lose their order. */
const rangesRemembered = 16;

/** An address in use is in use for all ranges; each range has an order of its own in which it gives what is free. */
export class AddressSet {
  readonly #remembered: number;
  readonly #kept: ReadonlySet<bigint>;
  readonly #taken: Set<bigint>;
  readonly #own: AddressQueue;
  /** Of further ranges, the one asked for longest ago first. */
  readonly #further = new Map<string, AddressQueue>();

  /** The range, which may not be empty, is the one meant where none is named. Others may lie outside of it. */
  constructor(range: Interval, { kept = [], remembered = 65_536 }: AddressSetOptions = {}) {
    this.#remembered = remembered;
    this.#kept = new Set(kept);
    this.#taken = new Set(this.#kept);
    this.#own = this.#queue(range);
  }

  /** How many are in use for the time being, in any range or none. */
  get leased(): number {
    return this.#taken.size - this.#kept.size;
  }

  has(address: bigint): boolean {
    return this.#taken.has(address);
  }

  usage(range = this.#own.range): Usage {
    const { free, capacity } = this.#known(range) ?? this.#queue(range);
    return { used: capacity - free, capacity };
  }

  /** Takes this very address; false when it is in use already. */
  take(address: bigint): boolean {
    if (this.#taken.has(address)) return false;
    this.#taken.add(address);
    for (const queue of this.#queues()) queue.remove(address);
    return true;
  }

  /** Takes the next address; undefined when every one of the range is in use. */
  takeNext(range = this.#own.range): bigint | undefined {
    const next = this.#remember(range).shift();
    if (next !== undefined) this.take(next);
    return next;
  }

  /** Takes what was in use before a restart. What is free below the highest of them may have been used: it is not fresh. */
  restore(addresses: readonly bigint[]): void {
    for (const address of addresses) this.take(address);
    this.#own.ageBelow(addresses.reduce(larger, this.#own.range.first));
  }

  /** Absent and kept ones are fine, and stay as they are. */
  release(address: bigint): void {
    if (this.#kept.has(address) || !this.#taken.delete(address)) return;
    for (const queue of this.#queues()) queue.push(address);
  }

  *#queues(): Generator<AddressQueue> {
    yield this.#own;
    yield* this.#further.values();
  }

  #known(range: Interval): AddressQueue | undefined {
    const { first, last } = this.#own.range;
    return first === range.first && last === range.last ? this.#own : this.#further.get(nameOf(range));
  }

  #remember(range: Interval): AddressQueue {
    const queue = this.#known(range) ?? this.#queue(range);
    if (queue === this.#own) return queue;
    const name = nameOf(range);
    this.#further.delete(name);
    this.#further.set(name, queue);
    const [longestAgo] = this.#further.keys();
    if (this.#further.size > rangesRemembered && longestAgo !== undefined) this.#further.delete(longestAgo);
    return queue;
  }

  /** Goes on after the highest address in use. */
  #queue(range: Interval): AddressQueue {
    const queue = new AddressQueue(range, this.#remembered);
    let highest = range.first;
    for (const address of this.#takenIn(range)) {
      queue.remove(address);
      if (!this.#kept.has(address)) highest = address;
    }
    queue.ageBelow(highest);
    return queue;
  }

  /** From the lowest up. */
  #takenIn({ first, last }: Interval): readonly bigint[] {
    if (last - first < this.#taken.size) {
      const all = Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i));
      return all.filter((address) => this.#taken.has(address));
    }
    const inside = [...this.#taken].filter((address) => address >= first && address <= last);
    return inside.sort((a, b) => (a < b ? -1 : 1));
  }
}

function nameOf({ first, last }: Interval): string {
  return `${first}-${last}`;
}
