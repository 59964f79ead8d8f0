// One question to one upstream that lies, floods, answers in pieces or not at all.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { askUpstream, type Upstream } from '../../../../src/dns/forwarding/exchange.ts';
import { Forwarder } from '../../../../src/dns/forwarding/forwarder.ts';
import { frame } from '../../../../src/dns/forwarding/framing.ts';
import { recordSpans } from '../../../../src/dns/message/message.ts';
import { passOn } from '../../../../src/dns/message/reply.ts';
import { Random } from '../../../support/random.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { from, query } from '../asking.ts';
import { address, type Behaviour, FakeUpstream, silent, truthful } from '../fake-upstream.ts';
import { questionBytes, readReply } from '../messages.ts';
import { replyTo } from '../upstream-replies.ts';

const started: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of started.splice(0)) await one[Symbol.asyncDispose]();
});

async function start(behaviour: Behaviour, where?: { address?: string; tcp?: boolean }) {
  const fake = await FakeUpstream.start(behaviour, where);
  started.push(fake);
  return fake;
}

const never = new AbortController().signal;
/** On a busy machine too. */
const patience = { timeoutMs: 15_000, resendMs: 1_000 };
const ask = (upstream: Upstream) =>
  askUpstream({ ...upstream, patience }, questionBytes('example.com', { id: 7 }), never);
const asked = async (upstream: Upstream) => readReply(await ask(upstream)).answers;

/** A reply somebody makes up who does not know the id. */
const forgery = (question: Buffer, guess: number) => {
  const reply = replyTo(question, { answers: [address(60, 66)] });
  reply.writeUInt16BE((question.readUInt16BE(0) + guess) & 0xffff, 0);
  return reply;
};
const forgeries = (question: Buffer, count: number) =>
  Array.from({ length: count }, (_, i) => forgery(question, i + 1));

describe('replies nobody asked for', () => {
  test('are passed over, many of them', async () => {
    const upstream = await start((question) => [...forgeries(question, 99), ...truth(question)]);
    expect(await asked(upstream.upstream)).toEqual(from(1));
    expect(upstream.received.map(({ transport }) => transport)).toEqual(['udp']);
  });

  test('are so many that somebody guesses: then it is asked over TCP', async () => {
    const upstream = await start((question, transport) =>
      transport === 'tcp' ? truth(question) : forgeries(question, 100),
    );
    expect(await asked(upstream.upstream)).toEqual(from(1));
  });

  test('are never taken, even where there is no TCP', async () => {
    const upstream = await start((question) => forgeries(question, 150), { tcp: false });
    await expect(ask(upstream.upstream)).rejects.toThrow('ECONNREFUSED');
  });

  const truth = (question: Buffer) => [replyTo(question, { answers: [address(60, 1)] })];
});

test.each(['127.0.0.1', '::1'])(
  'an upstream at %s is asked, and over TCP when its reply is cut',
  async (where) => {
    const cutting: Behaviour = (question, transport) =>
      transport === 'udp' ? [replyTo(question, { flags: 0x0200 })] : truthful(2)(question, transport);
    const upstream = await start(cutting, { address: where });
    expect(await asked(upstream.upstream)).toEqual(from(2));
  },
);

test('a datagram as long as any is taken whole', async () => {
  const records = Array.from({ length: 4_000 }, (_, i) => address(60, i & 0xff));
  const upstream = await start((question) => [replyTo(question, { answers: records })]);
  expect(await asked(upstream.upstream)).toHaveLength(4_000);
});

describe('over TCP', () => {
  /** Says that its datagrams are cut, and does as told with connections. */
  async function cutting(serve: (connection: Socket, question: Buffer) => void): Promise<Upstream> {
    const upstream = await start((question) => [replyTo(question, { flags: 0x0200 })], { tcp: false });
    const tcp = createServer((connection) => {
      connection.on('error', () => undefined);
      connection.once('data', (chunk: Buffer) => serve(connection, chunk.subarray(2)));
    }).listen(upstream.upstream.port, '127.0.0.1');
    await once(tcp, 'listening');
    started.push({ [Symbol.asyncDispose]: async () => void tcp.close() });
    return upstream.upstream;
  }

  const whole = (question: Buffer) => replyTo(question, { answers: [address(60, 3)] });

  test.each<[string, (question: Buffer) => readonly Buffer[]]>([
    ['in pieces', (question) => [...frame(whole(question))].map((byte) => Buffer.from([byte]))],
    ['after another', (question) => [frame(forgery(question, 1)), frame(whole(question))]],
    ['after an empty one', (question) => [frame(Buffer.alloc(0)), frame(whole(question))]],
  ])('a reply is taken %s', async (_, pieces) => {
    const upstream = await cutting((connection, question) => {
      connection.setNoDelay(true);
      for (const piece of pieces(question)) connection.write(piece);
    });
    expect(await asked(upstream)).toEqual(from(3));
  });

  test.each<[string, (connection: Socket, question: Buffer) => void]>([
    ['closes', (connection) => connection.end()],
    ['breaks off', (connection, question) => connection.end(frame(whole(question)).subarray(0, -1))],
    ['resets', (connection) => connection.resetAndDestroy()],
    ['says only what was not asked', (connection, question) => connection.end(frame(forgery(question, 1)))],
  ])('of one that %s what came before is taken, cut as it is', async (_, serve) => {
    const reply = readReply(await ask(await cutting(serve)));
    expect([reply.flags.includes('tc'), reply.answers]).toEqual([true, []]);
  });
});

test('who asks may stop, and nothing is open then', async () => {
  const upstream = await start(silent);
  const stop = new AbortController();
  const asking = askUpstream(upstream.upstream, questionBytes('example.com'), stop.signal);
  await waitUntil('it was asked', () => upstream.received.length > 0);
  stop.abort(new Error('enough'));
  await expect(asking).rejects.toThrow('enough');
});

test('of replies with anything wrong in them none is taken that cannot be passed on', async () => {
  const seed = 20_261_121;
  const random = new Random(seed);
  const soa = { type: 6, ttl: 60, data: Array<number>(22).fill(0) };
  const upstream = await start(
    (question) => {
      const reply = replyTo(question, { answers: [address(60, 1), address(30, 2)], authority: [soa] });
      for (let changes = 1 + random.below(4); changes > 0; changes--) {
        reply[2 + random.below(reply.length - 2)] = random.below(256);
      }
      const wrong = random.below(4) === 0 ? reply.subarray(0, 12 + random.below(reply.length - 12)) : reply;
      return [wrong, replyTo(question, { answers: [address(60, 3)] })];
    },
    { tcp: false },
  );
  const forwarder = new Forwarder({});
  const names = Array.from({ length: 500 }, (_, i) => query(`n${i}.example`, { edns: {} }));
  const replies = await Promise.all(
    names.map((one, i) => forwarder.forward(one, [upstream.upstream], `asker${i % 4}`)),
  );
  for (const [i, forwarded] of replies.entries()) {
    if (forwarded === undefined) continue;
    const passed = passOn(names[i] ?? query(), forwarded.reply, 1232);
    expect(recordSpans(passed), `seed ${seed}, ${passed.toString('hex')}`).toBeDefined();
  }
  // Some are refused as broken; some are passed over, and the right one comes after.
  expect(new Set(replies.map((reply) => reply?.from))).toEqual(new Set(['upstream', undefined]));
});
