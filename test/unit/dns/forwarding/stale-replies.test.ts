// What askers get of replies whose time is over (RFC 8767).
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ReplyCache } from '../../../../src/dns/forwarding/cache.ts';
import type { Upstream } from '../../../../src/dns/forwarding/exchange.ts';
import { Forwarder } from '../../../../src/dns/forwarding/forwarder.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { from, query, told } from '../asking.ts';
import { type Behaviour, deadUpstream, FakeUpstream, silent, truthful } from '../fake-upstream.ts';
import { readReply } from '../messages.ts';
import { replyTo } from '../upstream-replies.ts';

let clockMs: number;
let upstream: FakeUpstream;
let forwarder: Forwarder;

beforeEach(async () => {
  clockMs = 0;
  upstream = await FakeUpstream.start(truthful(1));
  forwarder = forwarderWith(60_000);
});

afterEach(async () => {
  forwarder.close();
  await upstream[Symbol.asyncDispose]();
});

function forwarderWith(staleAfterMs: number): Forwarder {
  const now = () => clockMs;
  return new Forwarder({ cache: new ReplyCache(undefined, now), now, staleAfterMs });
}

const ask = (where: Upstream = upstream.upstream) => forwarder.forward(query(), [where], 'asker');
const stale = ['stale', ...from(1, 30)];
const saying =
  (rcode: number): Behaviour =>
  (question) => [replyTo(question, { rcode })];

describe('a reply past its time is given', () => {
  test.each([
    ['SERVFAIL', 2],
    ['REFUSED', 5],
    ['NOTIMP', 4],
  ])('when all upstreams say %s', async (_, rcode) => {
    await ask();
    upstream.behaviour = saying(rcode);
    clockMs = 60_000;
    expect(await told(ask())).toEqual(stale);
  });

  test('when nobody is there', async () => {
    await ask();
    await upstream[Symbol.asyncDispose]();
    clockMs = 60_000;
    expect(await ask()).toMatchObject({ from: 'stale', rememberMs: 0 });
    upstream = await FakeUpstream.start(silent);
  });

  test('at once for five seconds after a failure, then upstreams are asked again', async () => {
    await ask();
    upstream.behaviour = saying(2);
    clockMs = 60_000;
    await ask();
    upstream.behaviour = truthful(2);
    clockMs = 64_999;
    expect(await told(ask())).toEqual(stale);
    expect(upstream.received).toHaveLength(2);
    clockMs = 65_000;
    expect(await told(ask())).toEqual(['upstream', ...from(2)]);
  });

  test('when there is none for a while, and the next one when it comes after all', async () => {
    forwarder = forwarderWith(20);
    await ask();
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    upstream.behaviour = async (question) => {
      await asked;
      return truthful(2)(question, 'udp');
    };
    clockMs = 60_000;
    expect(await told(ask())).toEqual(stale);
    expect(await told(ask())).toEqual(stale);
    expect(upstream.received).toHaveLength(2);
    answer();
    await waitUntil('it came', async () => (await ask())?.from === 'cache');
    expect(await told(ask())).toEqual(['cache', ...from(2)]);
  });

  test('when there is no room to ask', async () => {
    const now = () => clockMs;
    forwarder = new Forwarder({ cache: new ReplyCache(undefined, now), now, inFlightMax: 1 });
    await ask();
    clockMs = 60_000;
    upstream.behaviour = silent;
    const other = forwarder.forward(query('other.example'), [upstream.upstream], 'other');
    expect(await told(ask())).toEqual(stale);
    forwarder.close();
    await other;
  });
});

describe('a reply past its time is not given', () => {
  test('when the name is gone', async () => {
    await ask();
    upstream.behaviour = saying(3);
    clockMs = 60_000;
    const gone = await ask();
    expect(gone && [gone.from, readReply(gone.reply).rcode]).toEqual(['upstream', 3]);
    // Without SOA that is not kept, and what it takes the place of is forgotten.
    upstream.behaviour = saying(2);
    expect(await ask()).toBeUndefined();
  });

  test('when it is a day old', async () => {
    await ask();
    clockMs = 60_000 + 86_400_000;
    upstream.behaviour = saying(2);
    expect(await ask()).toBeUndefined();
  });

  test('for another upstream', async () => {
    await ask();
    clockMs = 60_000;
    expect(await ask(await deadUpstream())).toBeUndefined();
  });
});

test('for how long a reply may be given elsewhere is told each time', async () => {
  expect(await ask()).toMatchObject({ from: 'upstream', rememberMs: 60_000, upstream: '127.0.0.1' });
  clockMs = 20_500;
  expect(await ask()).toMatchObject({ from: 'cache', rememberMs: 39_500 });
});
