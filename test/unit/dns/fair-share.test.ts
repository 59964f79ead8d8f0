// Who gets a place when more is asked than there is.
import { expect, test } from 'vitest';
import { FairShare } from '../../../src/dns/fair-share.ts';
import { Random } from '../../support/random.ts';

/** How many places each of them has who take all they can get, in turn. */
function flood(share: FairShare, askers: readonly string[]): readonly number[] {
  const taken = askers.map(() => 0);
  let found = true;
  while (found) {
    found = false;
    for (const [i, asker] of askers.entries()) {
      if (!share.take(asker)) continue;
      taken[i] = (taken[i] ?? 0) + 1;
      found = true;
    }
  }
  return taken;
}

test.each<[string, number, readonly string[], readonly number[]]>([
  ['one has half', 512, ['a'], [256]],
  ['two have a third each', 512, ['a', 'b'], [171, 171]],
  ['three have a quarter each', 512, ['a', 'b', 'c'], [128, 128, 128]],
  ['one has the only place', 1, ['a'], [1]],
])('of those who flood %s', (_, places, askers, expected) => {
  const share = new FairShare(places);
  expect(flood(share, askers)).toEqual(expected);
  expect(share.take('newcomer')).toBe(places > 1);
});

test('what is given back can be taken again', () => {
  const share = new FairShare(4);
  expect([share.take('a'), share.take('a'), share.take('a')]).toEqual([true, true, false]);
  share.release('a');
  expect([share.take('a'), share.take('a')]).toEqual([true, false]);
});

test('whatever came before, one who has nothing finds a place as long as askers are fewer than places', () => {
  const seed = 20_261_121;
  const random = new Random(seed);
  const share = new FairShare(64);
  const askers = Array.from({ length: 30 }, (_, i) => `asker${i}`);
  const held: string[] = [];
  for (let step = 0; step < 20_000; step++) {
    const asker = random.pick(askers) ?? '';
    if (random.below(3) > 0 && share.take(asker)) held.push(asker);
    else if (held.length > 0) share.release(held.splice(random.below(held.length), 1)[0] ?? '');
    if (step % 100 > 0) continue;
    expect(held.length, `seed ${seed}`).toBeLessThanOrEqual(64);
    expect(share.take('newcomer'), `seed ${seed}, step ${step}`).toBe(true);
    share.release('newcomer');
  }
});
