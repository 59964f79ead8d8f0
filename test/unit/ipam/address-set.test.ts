import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressSet } from '../../../src/ipam/address-set.ts';
import { type Interval, IntervalSet } from '../../../src/ipam/interval-set.ts';

type Step =
  | { readonly kind: 'next'; readonly range?: Interval }
  | { readonly kind: 'take'; readonly address: bigint }
  | { readonly kind: 'release'; readonly address: bigint };

/** The definition: the free addresses of each range wait in a queue, released ones at its end. */
class NaiveSet {
  readonly taken = new Set<bigint>();
  readonly #own: Interval;
  readonly #queues = new Map<Interval, bigint[]>();

  constructor(own: Interval) {
    this.#own = own;
    this.free(own);
  }

  /** A range nobody asked for before goes on after the highest address in use. */
  free(range = this.#own): bigint[] {
    const known = this.#queues.get(range);
    if (known !== undefined) return known;
    const all = [...values(range)];
    const highest = all.findLast((address) => this.taken.has(address)) ?? range.first;
    const inOrder = [...all.filter((one) => one >= highest), ...all.filter((one) => one < highest)];
    const free = inOrder.filter((address) => !this.taken.has(address));
    this.#queues.set(range, free);
    return free;
  }

  run(step: Step): bigint | boolean | undefined {
    if (step.kind === 'next') return this.#next(step.range);
    if (step.kind === 'take') return this.#take(step.address);
    if (!this.taken.delete(step.address)) return undefined;
    for (const [{ first, last }, free] of this.#queues) {
      if (step.address >= first && step.address <= last) free.push(step.address);
    }
    return undefined;
  }

  #next(range?: Interval): bigint | undefined {
    const [next] = this.free(range);
    if (next !== undefined) this.#take(next);
    return next;
  }

  #take(address: bigint): boolean {
    if (this.taken.has(address)) return false;
    this.taken.add(address);
    for (const free of this.#queues.values()) {
      const index = free.indexOf(address);
      if (index >= 0) free.splice(index, 1);
    }
    return true;
  }
}

function* values({ first, last }: Interval): Generator<bigint> {
  for (let value = first; value <= last; value++) yield value;
}

function run(set: AddressSet, step: Step): bigint | boolean | undefined {
  if (step.kind === 'next') return set.takeNext(step.range);
  if (step.kind === 'take') return set.take(step.address);
  set.release(step.address);
  return undefined;
}

/** Overlapping the range of the sets in the tests, and each other. */
const ranges: readonly Interval[] = [
  { first: 12n, last: 17n },
  { first: 15n, last: 35n },
  { first: 16n, last: 16n },
];

const address = fc.bigInt({ min: 0n, max: 40n });
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<Step>({ kind: 'next' }) },
    { weight: 4, arbitrary: fc.constantFrom(...ranges).map((range): Step => ({ kind: 'next', range })) },
    { weight: 4, arbitrary: address.map((value): Step => ({ kind: 'release', address: value })) },
    { weight: 1, arbitrary: address.map((value): Step => ({ kind: 'take', address: value })) },
  ),
  { maxLength: 300 },
);

describe('an address set', () => {
  test('chooses in the order of a queue in which released addresses come last, for each range', () => {
    fc.assert(
      fc.property(steps, fc.bigInt({ min: 1n, max: 20n }), (script, size) => {
        const own = { first: 10n, last: 9n + size };
        const set = new AddressSet(own);
        const naive = new NaiveSet(own);
        for (const step of script) {
          expect(run(set, step)).toEqual(naive.run(step));
          expect(set.usage()).toEqual({ used: size - BigInt(naive.free().length), capacity: size });
          expect(set.leased).toBe(naive.taken.size);
        }
        for (const range of ranges) {
          const inUse = [...values(range)].filter((one) => naive.taken.has(one)).length;
          expect(set.usage(range).used).toBe(BigInt(inUse));
        }
      }),
    );
  });

  test('gives every address once and none twice when it forgets the order of the longest released', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 6 }), (script, remembered) => {
        const set = new AddressSet({ first: 10n, last: 29n }, { remembered });
        for (const step of script) run(set, step);
        const inUse = new Set<bigint>();
        for (let value = 0n; value <= 40n; value++) if (set.has(value)) inUse.add(value);
        const left = 20n - set.usage().used;
        for (let i = 0n; i < left; i++) {
          const next = set.takeNext();
          expect(next).toBeDefined();
          expect(inUse.has(next ?? -1n)).toBe(false);
          expect(next).toBeGreaterThanOrEqual(10n);
          expect(next).toBeLessThanOrEqual(29n);
          inUse.add(next ?? -1n);
        }
        expect(set.takeNext()).toBeUndefined();
      }),
    );
  });

  test('gives addresses never used before those whose order it forgot, and those before the last released', () => {
    const set = new AddressSet({ first: 0n, last: 9n }, { remembered: 2 });
    for (let i = 0; i < 8; i++) set.takeNext();
    for (const released of [3n, 1n, 7n, 5n]) set.release(released);
    const given = Array.from({ length: 6 }, () => set.takeNext());
    expect(given).toEqual([8n, 9n, 1n, 3n, 7n, 5n]);
  });

  test('goes on after the highest restored address and gives none of them again', () => {
    const set = new AddressSet({ first: 0n, last: 5n });
    set.restore([3n, 1n]);
    expect(Array.from({ length: 5 }, () => set.takeNext())).toEqual([4n, 5n, 0n, 2n, undefined]);
  });

  test('goes on after the highest restored address of a range asked for later, whatever is kept', () => {
    const set = new AddressSet({ first: 0n, last: 99n }, { kept: [0n, 15n] });
    set.restore([11n, 50n]);
    const range = { first: 10n, last: 16n };
    const given = Array.from({ length: 6 }, () => set.takeNext(range));
    expect(given).toEqual([12n, 13n, 14n, 16n, 10n, undefined]);
    expect(set.usage(range)).toEqual({ used: 7n, capacity: 7n });
  });

  test('keeps what is kept whoever takes or releases it', () => {
    const set = new AddressSet({ first: 0n, last: 2n }, { kept: [1n] });
    set.release(1n);
    expect(set.take(1n)).toBe(false);
    expect(set.leased).toBe(0);
    expect([set.takeNext(), set.takeNext(), set.takeNext()]).toEqual([0n, 2n, undefined]);
  });

  test('serves thousands of ranges of one address each, and forgets the order of none that is in use', () => {
    const set = new AddressSet({ first: 0n, last: 4095n });
    for (const value of values({ first: 0n, last: 4095n })) {
      expect(set.takeNext({ first: value, last: value })).toBe(value);
    }
    expect(set.usage().used).toBe(4096n);
    expect(set.takeNext({ first: 7n, last: 7n })).toBeUndefined();
    set.release(7n);
    expect(set.takeNext({ first: 7n, last: 7n })).toBe(7n);
  });

  test('holds a /64 and a million leases and releases in few intervals', () => {
    const set = new AddressSet({ first: 1n, last: (1n << 64n) - 1n }, { remembered: 1000 });
    const waiting: bigint[] = [];
    for (let i = 0; i < 100_000; i++) {
      waiting.push(set.takeNext() ?? 0n);
      const chosen = waiting[(i * 7919) % waiting.length] ?? 0n;
      if (waiting.length > 100) {
        set.release(chosen);
        waiting.splice(waiting.indexOf(chosen), 1);
      }
    }
    expect(set.usage().used).toBe(BigInt(waiting.length));
    expect(set.takeNext()).toBe(100_001n);
  });
});

describe('an interval set', () => {
  test('agrees with a plain set', () => {
    const operation = fc.record({
      kind: fc.constantFrom('add', 'delete', 'below'),
      value: fc.bigInt({ min: 0n, max: 30n }),
    });
    fc.assert(
      fc.property(fc.array(operation), (script) => {
        const set = new IntervalSet();
        const plain = new Set<bigint>();
        for (const { kind, value } of script) {
          if (kind === 'delete') expect(set.delete(value)).toBe(plain.delete(value));
          if (kind === 'add' && !plain.has(value)) {
            set.add(value, value);
            plain.add(value);
          }
          if (kind === 'below') {
            const moved = new IntervalSet();
            set.moveBelow(value, moved);
            for (let i = 0n; i <= 30n; i++) expect(moved.has(i)).toBe(i < value && plain.delete(i));
          }
          for (let i = 0n; i <= 30n; i++) expect(set.has(i)).toBe(plain.has(i));
          expect(set.size).toBe(BigInt(plain.size));
          expect(set.lowest()).toBe([...plain].sort((a, b) => Number(a - b))[0]);
        }
      }),
    );
  });
});
