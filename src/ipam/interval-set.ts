// A set of integers kept as sorted, disjoint, inclusive intervals: its cost is its gaps, not its members. Pure.

/** Both ends inclusive. */
export interface Interval {
  readonly first: bigint;
  readonly last: bigint;
}

export class IntervalSet {
  readonly #intervals: Interval[] = [];
  #size = 0n;

  get size(): bigint {
    return this.#size;
  }

  has(value: bigint): boolean {
    const interval = this.#intervals[this.#indexOf(value)];
    return interval !== undefined && interval.first <= value;
  }

  /** Adds all integers from `first` to `last`, none of which is a member yet. */
  add(first: bigint, last: bigint): void {
    const index = this.#indexOf(first);
    const before = this.#intervals[index - 1];
    const after = this.#intervals[index];
    const joinsBefore = before?.last === first - 1n;
    const joinsAfter = after?.first === last + 1n;
    const joined = {
      first: joinsBefore && before !== undefined ? before.first : first,
      last: joinsAfter && after !== undefined ? after.last : last,
    };
    const start = joinsBefore ? index - 1 : index;
    this.#intervals.splice(start, Number(joinsBefore) + Number(joinsAfter), joined);
    this.#size += last - first + 1n;
  }

  /** Tells whether it was a member. */
  delete(value: bigint): boolean {
    const index = this.#indexOf(value);
    const interval = this.#intervals[index];
    if (interval === undefined || interval.first > value) return false;
    const rest: Interval[] = [];
    if (interval.first < value) rest.push({ first: interval.first, last: value - 1n });
    if (value < interval.last) rest.push({ first: value + 1n, last: interval.last });
    this.#intervals.splice(index, 1, ...rest);
    this.#size--;
    return true;
  }

  /** Moves the members below the limit to a set that has none of them yet. */
  moveBelow(limit: bigint, target: IntervalSet): void {
    const index = this.#indexOf(limit);
    const moved = this.#intervals.splice(0, index);
    const cut = this.#intervals[0];
    if (cut !== undefined && cut.first < limit) {
      moved.push({ first: cut.first, last: limit - 1n });
      this.#intervals[0] = { first: limit, last: cut.last };
    }
    for (const { first, last } of moved) {
      target.add(first, last);
      this.#size -= last - first + 1n;
    }
  }

  lowest(): bigint | undefined {
    return this.#intervals[0]?.first;
  }

  /** Index of the first interval that ends at or after the value. */
  #indexOf(value: bigint): number {
    let low = 0;
    let high = this.#intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const interval = this.#intervals[middle];
      if (interval !== undefined && interval.last < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What both have; empty (`first` above `last`) when nothing. */
export function intersection(a: Interval, b: Interval): Interval {
  return { first: larger(a.first, b.first), last: -larger(-a.last, -b.last) };
}

/** Math.max takes no bigint. */
export function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}
