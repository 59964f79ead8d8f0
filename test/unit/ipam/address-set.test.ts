import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressSet } from '../../../src/ipam/address-set.ts';
import { IntervalSet } from '../../../src/ipam/interval-set.ts';

type Step =
  | { readonly kind: 'next' }
  | { readonly kind: 'take'; readonly address: bigint }
  | { readonly kind: 'release'; readonly address: bigint };

/** The definition: free addresses wait in a queue, released ones at its end. */
class NaiveSet {
  readonly free: bigint[] = [];
  readonly taken = new Set<bigint>();
  readonly first: bigint;
  readonly last: bigint;

  constructor(first: bigint, last: bigint) {
    this.first = first;
    this.last = last;
    for (let address = first; address <= last; address++) this.free.push(address);
  }

  run(step: Step): bigint | boolean | undefined {
    if (step.kind === 'next') return this.#next();
    if (step.kind === 'take') return this.#take(step.address);
    if (!this.taken.delete(step.address)) return undefined;
    if (step.address >= this.first && step.address <= this.last) this.free.push(step.address);
    return undefined;
  }

  #next(): bigint | undefined {
    const next = this.free[0];
    if (next !== undefined) this.#take(next);
    return next;
  }

  #take(address: bigint): boolean {
    if (this.taken.has(address)) return false;
    this.taken.add(address);
    const index = this.free.indexOf(address);
    if (index >= 0) this.free.splice(index, 1);
    return true;
  }
}

function run(set: AddressSet, step: Step): bigint | boolean | undefined {
  if (step.kind === 'next') return set.takeNext();
  if (step.kind === 'take') return set.take(step.address);
  set.release(step.address);
  return undefined;
}

const address = fc.bigInt({ min: 0n, max: 40n });
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<Step>({ kind: 'next' }) },
    { weight: 3, arbitrary: address.map((value): Step => ({ kind: 'release', address: value })) },
    { weight: 1, arbitrary: address.map((value): Step => ({ kind: 'take', address: value })) },
  ),
  { maxLength: 300 },
);

describe('an address set', () => {
  test('chooses in the order of a queue in which released addresses come last', () => {
    fc.assert(
      fc.property(steps, fc.bigInt({ min: 1n, max: 20n }), (script, size) => {
        const set = new AddressSet({ first: 10n, last: 9n + size });
        const naive = new NaiveSet(10n, 9n + size);
        for (const step of script) {
          expect(run(set, step)).toEqual(naive.run(step));
          expect(set.used).toBe(size - BigInt(naive.free.length));
          expect(set.taken).toBe(naive.taken.size);
        }
      }),
    );
  });

  test('gives every address once and none twice when it forgets the order of the longest released', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 6 }), (script, remembered) => {
        const set = new AddressSet({ first: 10n, last: 29n }, remembered);
        for (const step of script) run(set, step);
        const inUse = new Set<bigint>();
        for (let value = 0n; value <= 40n; value++) if (set.has(value)) inUse.add(value);
        const left = 20n - set.used;
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
    const set = new AddressSet({ first: 0n, last: 9n }, 2);
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

  test('holds a /64 and a million leases and releases in few intervals', () => {
    const set = new AddressSet({ first: 1n, last: (1n << 64n) - 1n }, 1000);
    const waiting: bigint[] = [];
    for (let i = 0; i < 100_000; i++) {
      waiting.push(set.takeNext() ?? 0n);
      const chosen = waiting[(i * 7919) % waiting.length] ?? 0n;
      if (waiting.length > 100) {
        set.release(chosen);
        waiting.splice(waiting.indexOf(chosen), 1);
      }
    }
    expect(set.used).toBe(BigInt(waiting.length));
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
