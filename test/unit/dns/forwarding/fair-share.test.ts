// Who gets a place when more is asked than there is.
import { expect, test } from 'vitest';
import { FairShare } from '../../../../src/dns/forwarding/fair-share.ts';
import { Random } from '../../../support/random.ts';

/** Notes who has how many. */
class Askers {
  readonly #share: FairShare;
  readonly #held = new Map<string, (() => void)[]>();

  constructor(places: number) {
    this.#share = new FairShare(places);
  }

  take(asker: string): boolean {
    const own = this.#held.get(asker) ?? [];
    const giveUp = () => void own.splice(own.indexOf(giveUp), 1);
    this.#held.set(asker, own);
    if (!this.#share.take(asker, giveUp)) return false;
    own.push(giveUp);
    return true;
  }

  release(asker: string): void {
    const giveUp = this.#held.get(asker)?.shift();
    if (giveUp !== undefined) this.#share.release(asker, giveUp);
  }

  get held(): Record<string, number> {
    return Object.fromEntries([...this.#held].map(([asker, own]) => [asker, own.length]));
  }

  get all(): number {
    return Object.values(this.held).reduce((sum, own) => sum + own, 0);
  }
}

test.each<[string, number, string, Record<string, number>]>([
  ['one has half', 8, 'a', { a: 4 }],
  ['two have all', 8, 'ab', { a: 4, b: 4 }],
  ['three have the same', 9, 'abc', { a: 3, b: 3, c: 3 }],
  ['four have the same', 8, 'abcd', { a: 2, b: 2, c: 2, d: 2 }],
  ['as many as there are places have one each', 4, 'abcd', { a: 1, b: 1, c: 1, d: 1 }],
  ['one more has none', 4, 'abcde', { a: 1, b: 1, c: 1, d: 1, e: 0 }],
  ['one has the only place', 1, 'ab', { a: 1, b: 0 }],
])('of those who take what they can, one after the other, %s', (_, places, names, expected) => {
  const askers = new Askers(places);
  for (const name of names) for (let i = 0; i < places; i++) askers.take(name);
  expect(askers.held).toEqual(expected);
});

test('what is taken away is the oldest of who has the most', () => {
  const share = new FairShare(4);
  const lost: string[] = [];
  const take = (asker: string, what: string) => share.take(asker, () => lost.push(what));
  expect([take('a', 'a1'), take('b', 'b1'), take('a', 'a2'), take('c', 'c1')]).toEqual(Array(4).fill(true));
  expect(take('d', 'd1')).toBe(true);
  expect(lost).toEqual(['a1']);
  expect(take('e', 'e1')).toBe(false);
});

test('what is given back can be taken again', () => {
  const askers = new Askers(4);
  expect([askers.take('a'), askers.take('a'), askers.take('a')]).toEqual([true, true, false]);
  askers.release('a');
  expect([askers.take('a'), askers.take('a')]).toEqual([true, false]);
});

test('whatever came before, one who has nothing is let in as long as somebody has two', () => {
  const seed = 20_261_121;
  const random = new Random(seed);
  const askers = new Askers(64);
  const names = Array.from({ length: 40 }, (_, i) => `asker${i}`);
  for (let step = 0; step < 20_000; step++) {
    // Few flood, many ask now and then.
    const name = names[Math.floor(random.next() ** 3 * names.length)] ?? '';
    if (random.below(3) > 0) askers.take(name);
    else askers.release(name);
    if (step % 100 > 0) continue;
    expect(askers.all, `seed ${seed}`).toBeLessThanOrEqual(64);
    expect(askers.take('newcomer'), `seed ${seed}, step ${step}`).toBe(true);
    askers.release('newcomer');
  }
});
