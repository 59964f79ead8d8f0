// Upstreams that are slow, dead, lying, cut short or broken, and what askers get all the same.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ReplyCache } from '../../../../src/dns/forwarding/cache.ts';
import type { Upstream } from '../../../../src/dns/forwarding/exchange.ts';
import { Forwarder, type ForwarderOptions } from '../../../../src/dns/forwarding/forwarder.ts';
import type { Query } from '../../../../src/dns/message/query.ts';
import { passOn } from '../../../../src/dns/message/reply.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { answers, from, impatient, query } from '../asking.ts';
import { address, type Behaviour, deadUpstream, FakeUpstream, silent, truthful } from '../fake-upstream.ts';
import { optionOf, readReply } from '../messages.ts';
import { replyTo } from '../upstream-replies.ts';

const started: FakeUpstream[] = [];

async function upstream(behaviour: Behaviour, where?: { tcp?: boolean; address?: string; port?: number }) {
  const fake = await FakeUpstream.start(behaviour, where);
  started.push(fake);
  return fake;
}

afterEach(async () => {
  vi.useRealTimers();
  for (const fake of started.splice(0)) await fake[Symbol.asyncDispose]();
});

/** The replies alone, to one asker. */
function repliesBy(options: ForwarderOptions) {
  const forwarder = new Forwarder(options);
  return {
    forward: async (query: Query, upstreams: readonly Upstream[]) =>
      (await forwarder.forward(query, upstreams, 'asker'))?.reply,
    close: () => forwarder.close(),
  };
}

function forwarder(options: Partial<ForwarderOptions> = {}) {
  return repliesBy({ cache: new ReplyCache(), ...options });
}

describe('the first upstream that can answer does', () => {
  test.each<[string, () => Promise<Upstream>]>([
    ['nobody is at', deadUpstream],
    ['says SERVFAIL', async () => (await upstream((q) => [replyTo(q, { rcode: 2 })])).upstream],
    ['says REFUSED', async () => (await upstream((q) => [replyTo(q, { rcode: 5 })])).upstream],
    ['says NOTIMP', async () => (await upstream((q) => [replyTo(q, { rcode: 4 })])).upstream],
    ['cannot be reached', async () => ({ address: 'fe80::1%nosuch0', port: 53 })],
    [
      'sends a broken reply',
      async () =>
        (await upstream((q) => [replyTo(q, { answers: [address(1, 1)] }).subarray(0, -1)])).upstream,
    ],
  ])('after one that %s', async (_, first) => {
    const second = await upstream(truthful(2));
    const asked = forwarder({ staggerMs: 60_000 }).forward(query(), [await first(), second.upstream]);
    expect(await answers(asked)).toEqual(from(2));
  });

  test('when the one before says nothing for a while', async () => {
    const first = await upstream(silent);
    const second = await upstream(truthful(2));
    const asked = forwarder({ staggerMs: 20 }).forward(query(), [first.upstream, second.upstream]);
    expect(await answers(asked)).toEqual(from(2));
  });

  test('even when it is the slow one', async () => {
    const second = await upstream(silent);
    const first = await upstream(async (question) => {
      await waitUntil('the second was asked too', () => second.received.length > 0);
      return truthful(1)(question, 'udp');
    });
    const asked = forwarder({ staggerMs: 20 }).forward(query(), [first.upstream, second.upstream]);
    expect(await answers(asked)).toEqual(from(1));
  });

  test('and a name that does not exist is an answer', async () => {
    const first = await upstream((question) => [replyTo(question, { rcode: 3 })]);
    const second = await upstream(truthful());
    const reply = await forwarder().forward(query(), [first.upstream, second.upstream]);
    expect(reply && readReply(reply).rcode).toBe(3);
  });
});

describe('nothing is had', () => {
  test.each<[string, () => Promise<readonly Upstream[]>]>([
    ['without upstreams', async () => []],
    ['when none is alive', async () => [await deadUpstream(), await deadUpstream()]],
    ['when all fail', async () => [(await upstream((q) => [replyTo(q, { rcode: 2 })])).upstream]],
  ])('%s', async (_, upstreams) => {
    expect(await forwarder().forward(query(), await upstreams())).toBeUndefined();
  });

  test('from a silent upstream when its time is up', async () => {
    const first = await upstream(silent);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const asked = forwarder().forward(query(), [first.upstream]);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(await asked).toBeUndefined();
  });

  test('once the forwarder is closed', async () => {
    const first = await upstream(silent);
    const closing = forwarder();
    const asked = closing.forward(query(), [first.upstream]);
    await waitUntil('it was asked', () => first.received.length > 0);
    closing.close();
    expect(await asked).toBeUndefined();
  });
});

describe('a reply is taken only', () => {
  const lie = (change: (reply: Buffer) => void) => (question: Buffer) => {
    const reply = replyTo(question, { answers: [address(60, 66)] });
    change(reply);
    return reply;
  };
  test.each<[string, (question: Buffer) => Buffer]>([
    ['with the id of the question', lie((reply) => reply.writeUInt16BE(reply.readUInt16BE(0) ^ 1, 0))],
    ['with the name of the question', lie((reply) => reply.write('f', 13))],
    ['with the type of the question', lie((reply) => reply.writeUInt16BE(28, 12 + 13))],
    ['as a reply', lie((reply) => reply.writeUInt16BE(0x0100, 2))],
    ['with a question', () => Buffer.from('1234818300000000000000', 'hex')],
  ])('%s', async (_, lying) => {
    const first = await upstream((question) => [lying(question), ...truthfulReplies(question)]);
    expect(await answers(forwarder().forward(query(), [first.upstream]))).toEqual(from(1));
  });

  const truthfulReplies = (question: Buffer) => [replyTo(question, { answers: [address(60, 1)] })];

  test('in whatever case it repeats the name', async () => {
    const first = await upstream((question) => {
      question.write(question.toString('latin1', 12).toLowerCase(), 12, 'latin1');
      return truthfulReplies(question);
    });
    const asked = query('eXaMple.COM');
    const reply = await forwarder().forward(asked, [first.upstream]);
    expect(reply && readReply(passOn(asked, reply, 512)).question).toBe('eXaMple.COM');
  });

  test('without what follows its last record', async () => {
    const first = await upstream((question) =>
      truthfulReplies(question).map((reply) => Buffer.concat([reply, Buffer.alloc(600, 0xff)])),
    );
    const asked = query();
    const reply = await forwarder().forward(asked, [first.upstream]);
    const passed = reply && passOn(asked, reply, 512);
    expect(passed && readReply(passed)).toMatchObject({ answers: from(1), flags: ['rd', 'ra'] });
    expect(passed?.length).toBeLessThan(100);
  });

  test('from the upstream that was asked', async () => {
    const stranger = await upstream(silent, { address: '127.0.0.2' });
    const first = await upstream((question) => {
      stranger.sendTo(first.received.at(-1)?.port ?? 0, replyTo(question, { answers: [address(60, 66)] }));
      return first.received.length > 1 ? truthfulReplies(question) : [];
    });
    expect(await answers(forwarder().forward(query(), [impatient(first.upstream)]))).toEqual(from(1));
  });
});

describe('a reply that is cut', () => {
  const long = Array.from({ length: 60 }, (_, i) => address(60, i));
  const cutting: Behaviour = (question, transport) =>
    transport === 'udp' ? [replyTo(question, { flags: 0x0200 })] : [replyTo(question, { answers: long })];

  test('is had whole over TCP', async () => {
    const first = await upstream(cutting);
    expect(await answers(forwarder().forward(query(), [first.upstream]))).toHaveLength(60);
  });

  test('is passed on as it is where there is no TCP, and not kept', async () => {
    const first = await upstream(cutting, { tcp: false });
    const asking = forwarder();
    const reply = await asking.forward(query(), [first.upstream]);
    expect(reply && readReply(reply).flags).toContain('tc');
    first.behaviour = truthful(9);
    expect(await answers(asking.forward(query(), [first.upstream]))).toEqual(from(9));
  });
});

describe('what was asked before', () => {
  test('is answered from the cache, in the case of the asker', async () => {
    const first = await upstream(truthful(1));
    const asking = forwarder();
    await asking.forward(query('example.com'), [first.upstream]);
    first.behaviour = truthful(2);
    const again = query('EXAMPLE.com');
    const reply = await asking.forward(again, [first.upstream]);
    expect(reply && readReply(passOn(again, reply, 512)).answers).toEqual(from(1, 60, 'EXAMPLE.com'));
  });

  test.each<[string, Query]>([
    ['for another type', query('example.com', { type: 28 })],
    ['with DNSSEC', query('example.com', { edns: { dnssecOk: true } })],
    ['without checking', query('example.com', { flags: 0x10 })],
  ])('is asked again %s', async (_, other) => {
    const first = await upstream(truthful(1));
    const asking = forwarder();
    await asking.forward(query('example.com'), [first.upstream]);
    first.behaviour = truthful(2);
    expect(await answers(asking.forward(other, [first.upstream]))).toEqual(from(2));
  });

  test('is asked again of other upstreams', async () => {
    const [first, second] = [await upstream(truthful(1)), await upstream(truthful(2))];
    const asking = forwarder();
    await asking.forward(query(), [first.upstream]);
    expect(await answers(asking.forward(query(), [second.upstream]))).toEqual(from(2));
  });

  test('and has no reply yet is not asked twice', async () => {
    const first = await upstream(truthful(1));
    const asking = forwarder();
    const both = [1, 2].map(() => answers(asking.forward(query(), [first.upstream])));
    expect(await Promise.all(both)).toEqual([from(1), from(1)]);
    expect(first.received).toHaveLength(1);
  });
});

test('EDNS is used towards upstreams where the asker uses it, and the options stay between two', async () => {
  const first = await upstream(truthful(1));
  const plain = await forwarder().forward(query('plain.example'), [first.upstream]);
  const secure = await forwarder().forward(query('secure.example', { edns: { dnssecOk: true } }), [
    first.upstream,
  ]);
  expect(first.received.map(({ question }) => optionOf(question))).toEqual([
    undefined,
    { payloadBytes: 1232, ttl: 0x8000 },
  ]);
  expect([plain, secure].map((reply) => reply && optionOf(reply))).toEqual([undefined, undefined]);
});

test('a datagram that gets lost is sent again', async () => {
  const first = await upstream(silent);
  const asked = forwarder().forward(query(), [impatient(first.upstream)]);
  await waitUntil('it was asked', () => first.received.length > 0);
  first.behaviour = truthful(1);
  expect(await answers(asked)).toEqual(from(1));
});

describe('of an upstream that is the only one there can be', () => {
  const relay = (options: Partial<ForwarderOptions> = {}) => repliesBy({ anyReply: true, ...options });

  test.each([2, 4, 5])('a failure is a reply too: rcode %i', async (rcode) => {
    const only = await upstream((question) => [replyTo(question, { rcode })]);
    const reply = await relay().forward(query(), [only.upstream]);
    expect(reply && readReply(reply).rcode).toBe(rcode);
  });

  test('nothing is kept without a cache, but the same question under way is asked once', async () => {
    const only = await upstream(truthful(1));
    const asking = relay();
    const both = [1, 2].map(() => answers(asking.forward(query(), [only.upstream])));
    expect(await Promise.all(both)).toEqual([from(1), from(1)]);
    expect(only.received).toHaveLength(1);
    only.behaviour = truthful(2);
    expect(await answers(asking.forward(query(), [only.upstream]))).toEqual(from(2));
  });

  test('the patience is the upstream’s own', async () => {
    const only = await upstream(silent);
    const patience = { timeoutMs: 200, resendMs: 20 };
    expect(await relay().forward(query(), [{ ...only.upstream, patience }])).toBeUndefined();
    expect(only.received.length).toBeGreaterThan(1);
  });

  test('its own sockets are what it is asked by, and are closed in the end', async () => {
    const only = await upstream((question, transport) =>
      transport === 'udp' ? [replyTo(question, { flags: 0x200 })] : truthful(1)(question, transport),
    );
    const { address: host, port } = only.upstream;
    const [datagrams, stream] = [createSocket('udp4'), connect({ host, port })];
    const sockets = { udp: async () => datagrams, tcp: async () => stream };
    const reply = await relay().forward(query(), [{ ...only.upstream, sockets }]);
    expect(reply && readReply(reply).answers).toEqual(from(1));
    expect(stream.destroyed).toBe(true);
    expect(() => datagrams.address()).toThrow('Not running');
  });

  test('one that gives up while its socket opens leaves none', async () => {
    const only = await upstream(silent);
    const socket = createSocket('udp4');
    let opened = (_: UdpSocket) => {};
    const udp = () => new Promise<UdpSocket>((resolve) => (opened = resolve));
    const tcp = () => Promise.reject(new Error('not asked over TCP'));
    const asking = relay();
    const asked = asking.forward(query(), [{ ...only.upstream, sockets: { udp, tcp } }]);
    asking.close();
    opened(socket);
    expect(await asked).toBeUndefined();
    expect(() => socket.address()).toThrow('Not running');
  });
});
