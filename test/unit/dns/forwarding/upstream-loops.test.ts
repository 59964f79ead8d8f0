// Upstreams that ask us what we ask them.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Forwarder } from '../../../../src/dns/forwarding/forwarder.ts';
import type { UpstreamChange } from '../../../../src/dns/forwarding/upstream-ranking.ts';
import { passOn } from '../../../../src/dns/message/reply.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { from, query, queryOf, told } from '../asking.ts';
import { type Behaviour, FakeUpstream, silent, truthful } from '../fake-upstream.ts';
import { replyTo } from '../upstream-replies.ts';

let clockMs: number;
let upstream: FakeUpstream;
let changes: UpstreamChange[];
let forwarder: Forwarder;

/** A nameserver of the host that asks our gateway for everything. */
const askingBack: Behaviour = async (question) => {
  const asked = queryOf(question);
  const forwarded = await forwarder.forward(asked, [upstream.upstream], 'host');
  return [forwarded === undefined ? replyTo(question, { rcode: 2 }) : passOn(asked, forwarded.reply, 512)];
};

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  clockMs = 0;
  changes = [];
  upstream = await FakeUpstream.start(askingBack);
  forwarder = new Forwarder({ now: () => clockMs, onUpstream: (change) => changes.push(change) });
});

afterEach(async () => {
  forwarder.close();
  vi.useRealTimers();
  await upstream[Symbol.asyncDispose]();
});

const ask = (name?: string) => forwarder.forward(query(name), [upstream.upstream], 'sandbox');
const asked = (count: number) =>
  waitUntil(`it was asked ${count} times`, () => upstream.received.length >= count);

describe('an upstream that asks us', () => {
  test('is found out within a second or so, told of, and not asked for a minute', async () => {
    const going = ask();
    await asked(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await going).toBeUndefined();
    const { address } = upstream.upstream;
    expect(changes).toEqual([{ address, isFailing: true, reason: 'it asks us what we ask it' }]);
    const before = upstream.received.length;
    expect(await ask('another.example')).toBeUndefined();
    expect(upstream.received).toHaveLength(before);
    expect(forwarder.statistics()).toMatchObject([{ address, isFailing: true }]);
  });

  test('is asked again when it does so no longer', async () => {
    const going = ask();
    await asked(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await going;
    upstream.behaviour = truthful(1);
    clockMs = 60_000;
    expect(await told(ask())).toEqual(['upstream', ...from(1)]);
    expect(changes.map(({ isFailing }) => isFailing)).toEqual([true, false]);
  });

  test('leaves the answer to the next one', async () => {
    await using second = await FakeUpstream.start(silent);
    const going = forwarder.forward(query(), [upstream.upstream, second.upstream], 'sandbox');
    upstream.behaviour = async (question) => {
      const both = [upstream.upstream, second.upstream];
      await forwarder.forward(queryOf(question), both, 'host');
      return [];
    };
    await waitUntil('both were asked', () => second.received.length > 0 && upstream.received.length > 0);
    await vi.advanceTimersByTimeAsync(1_000);
    await waitUntil('it was found out', () => changes.length > 0);
    second.behaviour = truthful(2);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await told(going)).toEqual(['upstream', ...from(2)]);
  });
});

describe('no upstream is taken for one that asks us', () => {
  test('because two askers have the same question for long', async () => {
    upstream.behaviour = silent;
    const going = [ask(), ask()];
    await asked(1);
    await vi.advanceTimersByTimeAsync(1_000);
    // The question sent again, and one that only it knows.
    await asked(3);
    upstream.behaviour = truthful(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await Promise.all(going.map(told))).toEqual([
      ['upstream', ...from(1)],
      ['upstream', ...from(1)],
    ]);
    expect(changes).toEqual([]);
  });

  test('or asked what nobody else asks', async () => {
    upstream.behaviour = silent;
    const going = ask();
    await asked(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await asked(2);
    const [first, again] = upstream.received.map(({ question }) => queryOf(question).name);
    expect(again).toBe(first);
    forwarder.close();
    await going;
  });

  test('because somebody asks for a name like ours', async () => {
    upstream.behaviour = truthful(1);
    const name = `${'0'.repeat(32)}.test`;
    expect(forwarder.isUnderWay(query(name))).toBe(false);
    expect(await told(ask(name))).toEqual(['upstream', ...from(1, 60, name)]);
  });
});
