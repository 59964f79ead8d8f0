// How long replies of upstreams are kept, and what they look like when they are older.
import { describe, expect, test } from 'vitest';
import { ReplyCache } from '../../../../src/dns/forwarding/cache.ts';
import { readReply, types } from '../messages.ts';
import { type FakeRecord, replyBytes } from '../upstream-replies.ts';

const key = 'key';
const a = (ttl: number): FakeRecord => ({ type: types.A, ttl, data: [192, 0, 2, 1] });
const cname = (ttl: number): FakeRecord => ({ type: 5, ttl, data: [1, 120, 0] });
const soa = (ttl: number, minimum: number): FakeRecord => {
  return {
    type: types.SOA,
    ttl,
    data: [0, 0, ...Array<number>(16).fill(0), 0, 0, minimum >> 8, minimum & 255],
  };
};

function cacheWith(reply: Buffer) {
  const clock = { ms: 0 };
  const cache = new ReplyCache({ entries: 10, bytes: 10_000 }, () => clock.ms);
  cache.put(key, reply);
  return { cache, clock };
}

/** Whole seconds the reply is kept. */
function keptFor(reply: Buffer): number {
  const { cache, clock } = cacheWith(reply);
  let seconds = 0;
  for (; seconds < 200_000; seconds += seconds < 100 ? 1 : 100) {
    clock.ms = seconds * 1000;
    if (cache.get(key) === undefined) break;
  }
  return seconds;
}

describe('a reply is kept', () => {
  test.each<[string, Buffer, number]>([
    ['as long as its smallest TTL says', replyBytes('x', { answers: [a(30), a(20)] }), 20],
    ['as long as the alias it goes through', replyBytes('x', { answers: [cname(7), a(60)] }), 7],
    ['a day at most', replyBytes('x', { answers: [a(1_000_000)] }), 86_400],
    ['not at all with a TTL of 0', replyBytes('x', { answers: [a(0), a(9)] }), 0],
    ['not at all with a TTL that is none', replyBytes('x', { answers: [a(0x8000_0001)] }), 0],
    ['by the minimum of its SOA, if it says no', replyBytes('x', { rcode: 3, authority: [soa(60, 15)] }), 15],
    ['by the TTL of its SOA, if that is less', replyBytes('x', { authority: [soa(10, 15)] }), 10],
    [
      'by its SOA, if an alias leads nowhere',
      replyBytes('x', { answers: [cname(60)], authority: [soa(60, 12)] }),
      12,
    ],
    [
      'an hour at most, if it says no',
      replyBytes('x', { rcode: 3, authority: [soa(60_000, 60_000)] }),
      3_600,
    ],
    ['not at all, if it says no without an SOA', replyBytes('x', { rcode: 3 }), 0],
    ['not at all, if it is a failure', replyBytes('x', { rcode: 2, answers: [a(60)] }), 0],
  ])('%s', (_, reply, seconds) => {
    expect(keptFor(reply)).toBe(seconds);
  });
});

test('TTLs count down', () => {
  const { cache, clock } = cacheWith(replyBytes('x', { answers: [a(30), a(20)] }));
  clock.ms = 5_500;
  const reply = cache.get(key);
  expect(reply && readReply(reply.reply).answers).toEqual(['x 25 A 192.0.2.1', 'x 15 A 192.0.2.1']);
  clock.ms = 6_000;
  const later = cache.get(key);
  expect(later && readReply(later.reply).answers[0]).toBe('x 24 A 192.0.2.1');
});

test('how long a reply is good for is told when it is kept, and when it is given', () => {
  const { cache, clock } = cacheWith(replyBytes('x', { answers: [a(30)] }));
  clock.ms = 5_500;
  expect(cache.get(key)?.freshMs).toBe(24_500);
  expect(cache.put('other', replyBytes('x', { answers: [a(7)] }))).toBe(7_000);
  expect(cache.put('other', replyBytes('x', { rcode: 2 }))).toBe(0);
});

describe('a reply past its time', () => {
  test.each<[string, Buffer, string[], string[]]>([
    [
      'with addresses',
      replyBytes('x', { answers: [cname(40), a(60)] }),
      ['x 30 5 x', 'x 30 A 192.0.2.1'],
      [],
    ],
    ['that says no', replyBytes('x', { rcode: 3, authority: [soa(60, 60)] }), [], ['x 30 SOA   60']],
  ])('%s is given with TTLs of 30 s, for a day', (_, reply, answers, authority) => {
    const { cache, clock } = cacheWith(reply);
    const given = () => {
      const stale = cache.getStale(key);
      return stale && readReply(stale);
    };
    clock.ms = 60_000;
    expect(cache.get(key)).toBeUndefined();
    expect(given()).toMatchObject({ answers, authority });
    clock.ms = 86_400_000 + 39_999;
    expect(given()).toBeDefined();
    clock.ms = 86_400_000 + 60_000;
    expect(given()).toBeUndefined();
    expect(cache.statistics()).toMatchObject({ entries: 0, bytes: 0 });
  });

  test('has to do for five seconds when there is no newer one', () => {
    const { cache, clock } = cacheWith(replyBytes('x', { answers: [a(10)] }));
    clock.ms = 10_000;
    expect(cache.mustDo(key)).toBe(false);
    cache.failed(key);
    expect(cache.mustDo(key)).toBe(true);
    clock.ms = 15_000;
    expect(cache.mustDo(key)).toBe(false);
    cache.failed(key);
    cache.put(key, replyBytes('x', { answers: [a(1)] }));
    expect(cache.mustDo(key)).toBe(false);
  });
});

test('what is given is counted', () => {
  const { cache, clock } = cacheWith(replyBytes('x', { answers: [a(10)] }));
  for (const ms of [0, 5_000, 10_000]) {
    clock.ms = ms;
    if (cache.get(key) === undefined) cache.getStale(key);
  }
  cache.getStale('another');
  const bytes = replyBytes('x', { answers: [a(10)] }).length;
  expect(cache.statistics()).toEqual({ entries: 1, bytes, hits: 3, stale: 1 });
});

test('what was not used for longest goes first', () => {
  const cache = new ReplyCache({ entries: 2, bytes: 10_000 }, () => 0);
  const reply = replyBytes('x', { answers: [a(60)] });
  cache.put('one', reply);
  cache.put('two', reply);
  cache.get('one');
  cache.put('three', reply);
  expect(['one', 'two', 'three'].filter((name) => cache.get(name) !== undefined)).toEqual(['one', 'three']);
});

test('long replies leave room for fewer', () => {
  const reply = replyBytes('x', { answers: [a(60)] });
  const cache = new ReplyCache({ entries: 100, bytes: reply.length * 3 }, () => 0);
  for (let i = 0; i < 10; i++) cache.put(`${i}`, reply);
  expect(Array.from({ length: 10 }, (_, i) => cache.get(`${i}`)).filter(Boolean)).toHaveLength(3);
});

test('a reply that may not be kept takes the place of one that might', () => {
  const { cache } = cacheWith(replyBytes('x', { answers: [a(60)] }));
  cache.put(key, replyBytes('x', { rcode: 3 }));
  expect(cache.get(key)).toBeUndefined();
});
