// Which upstream is asked first, given what became of earlier questions.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Upstream } from '../../../../src/dns/forwarding/exchange.ts';
import { type UpstreamChange, UpstreamRanking } from '../../../../src/dns/forwarding/upstream-ranking.ts';
import type { SandboxId } from '../../../../src/model/ids.ts';

const sandboxId = 'sandbox' as SandboxId;
const a: Upstream = { address: '192.0.2.1', port: 53 };
const b: Upstream = { address: '192.0.2.2', port: 53 };
const c: Upstream = { address: '2001:db8::3', port: 53 };
const fromSandbox: Upstream = { ...a, askedFrom: sandboxId };

let clockMs: number;
let changes: UpstreamChange[];
let ranking: UpstreamRanking;

beforeEach(() => {
  clockMs = 0;
  changes = [];
  ranking = new UpstreamRanking(
    (change) => changes.push(change),
    () => clockMs,
  );
});

/** By their last digits, in order; those that are asked at once are joined by `+`. */
function order(...upstreams: readonly Upstream[]): string {
  const { upstreams: ordered, atOnce } = ranking.order(upstreams);
  const digits = ordered.map(({ address }) => address.at(-1) ?? '');
  return [digits.slice(0, atOnce).join('+'), ...digits.slice(atOnce)].join(' ').trim();
}

const all = () => order(a, b, c);

describe('upstreams are asked', () => {
  test.each<[string, () => void, string]>([
    ['as they are listed before anything is known', () => {}, '1 2 3'],
    ['as they are listed when all are about as fast', () => measured(5, 1, 3), '1 2 3'],
    ['the fast before the slow', () => measured(100, 30, 2), '3 2 1'],
    ['not in another order for a small difference', () => measured(30, 20, 17), '1 2 3'],
    ['those nothing is known of before the slow', () => ranking.replied(a, 100), '2 3 1'],
    ['those that were overtaken by how long they had', () => ranking.overtaken(a, 150), '2 3 1'],
    ['those that failed last', () => ranking.failed(a, 'timed out'), '2 3 1'],
    ['as they are listed when all failed', () => failAll(c, b, a), '1 2 3'],
  ])('%s', (_, happens, expected) => {
    happens();
    expect(all()).toBe(expected);
  });

  function measured(...rtts: readonly number[]): void {
    for (const [i, one] of [a, b, c].entries()) ranking.replied(one, rtts[i] ?? 0);
  }

  function failAll(...upstreams: readonly Upstream[]): void {
    for (const one of upstreams) ranking.failed(one, 'timed out');
  }

  test('the one that became slow after the others, not at once', () => {
    measured(2, 2, 2);
    ranking.replied(a, 40);
    expect(all()).toBe('1 2 3');
    for (let i = 0; i < 8; i++) ranking.replied(a, 40);
    expect(all()).toBe('2 3 1');
  });

  test('not again by how long they had, if they are known to be slower', () => {
    measured(200, 2, 2);
    ranking.overtaken(a, 1);
    expect(ranking.statistics().find(({ address }) => address === a.address)?.rttMs).toBe(200);
  });
});

describe('one is asked along with the first', () => {
  test('that was not measured for a minute, once', () => {
    expect(all()).toBe('1 2 3');
    clockMs = 59_999;
    expect(all()).toBe('1 2 3');
    ranking.replied(a, 2);
    clockMs = 60_000;
    expect([all(), all(), all()]).toEqual(['1+2 3', '1+3 2', '1 2 3']);
    ranking.replied(b, 2);
    ranking.replied(c, 2);
    clockMs = 119_999;
    expect(all()).toBe('1 2 3');
  });

  test('that failed and had time to recover, the longer the more often it failed', () => {
    for (const backOffMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      ranking.failed(a, 'timed out');
      clockMs += backOffMs - 1;
      ranking.replied(b, 2);
      ranking.replied(c, 2);
      expect(all()).toBe('2 3 1');
      clockMs += 1;
      expect(all()).toBe('2+1 3');
    }
    ranking.replied(a, 2);
    expect(all()).toBe('1 2 3');
  });

  test('only where there is another', () => {
    clockMs = 60_000;
    expect(order(a)).toBe('1');
    expect(order()).toBe('');
  });
});

describe('an upstream that asks us', () => {
  test('is not asked for a minute, even where it is the only one', () => {
    ranking.loops(a, 'it asks us');
    expect([all(), order(a)]).toEqual(['2 3', '']);
    clockMs = 60_000;
    expect(order(a)).toBe('1');
  });

  test('is as any other when it replies', () => {
    ranking.loops(a, 'it asks us');
    clockMs = 60_000;
    ranking.replied(a, 2);
    expect(order(a)).toBe('1');
    expect(changes.map(({ isFailing }) => isFailing)).toEqual([true, false]);
  });
});

describe('it is told', () => {
  test('when an upstream failed three times in a row, and when it replies', () => {
    for (let i = 0; i < 5; i++) ranking.failed(a, `failure ${i}`);
    expect(changes).toEqual([{ address: a.address, isFailing: true, reason: 'failure 2' }]);
    ranking.replied(a, 2);
    expect(changes[1]).toEqual({ address: a.address, isFailing: false });
    ranking.replied(a, 2);
    expect(changes).toHaveLength(2);
  });

  test('of none that replied in between', () => {
    for (let i = 0; i < 9; i++) i % 3 < 2 ? ranking.failed(a, '') : ranking.replied(a, 2);
    expect(changes).toEqual([]);
  });

  test('of none that has no answer for a name, however often it is asked for it', () => {
    for (let i = 0; i < 9; i++) ranking.failed(a, 'it says SERVFAIL', i % 2 === 0 ? 'broken' : 'other');
    expect(changes).toEqual([]);
    ranking.failed(a, 'it says SERVFAIL', 'third');
    expect(changes).toHaveLength(1);
  });

  test('whose namespace it is asked from', () => {
    for (let i = 0; i < 3; i++) ranking.failed(fromSandbox, 'closed');
    expect(changes).toEqual([{ address: a.address, sandboxId, isFailing: true, reason: 'closed' }]);
  });
});

test('each upstream has an account, the same address in another namespace one of its own', () => {
  for (const one of [a, a, a, fromSandbox]) ranking.asked(one);
  ranking.replied(a, 10);
  ranking.replied(a, 18);
  ranking.failed(a, 'timed out');
  const counted = { asked: 3, replied: 2, failed: 1, rttMs: 11, isFailing: false };
  const fresh = { asked: 1, replied: 0, failed: 0, isFailing: false };
  const own = { address: a.address, ...counted };
  expect(ranking.statistics()).toEqual([{ address: a.address, sandboxId, ...fresh }, own]);
  ranking.forget(sandboxId);
  expect(ranking.statistics()).toEqual([own]);
});
