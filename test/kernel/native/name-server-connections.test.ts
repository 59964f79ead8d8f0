// The thread that answers for names: questions that come by TCP.
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { frame } from '../../../src/dns/forwarding/framing.ts';
import type { LeftQuestion } from '../../../src/kernel/name-server.ts';
import { requireOwnNetwork } from '../../support/own-network.ts';
import { questionBytes, readReply } from '../../unit/dns/messages.ts';
import {
  asReply,
  Connection,
  freshAddress,
  listenAt,
  openSockets,
  roomy,
  sandbox1,
  startServer,
  tell,
} from './name-server-lab.ts';
import { until } from './until.ts';

beforeAll(requireOwnNetwork);

function idsOf({ replies }: Connection): readonly number[] {
  return replies.map((reply) => reply.readUInt16BE(0));
}

describe('a connection', () => {
  test('takes any number of questions, known and left', async () => {
    const server = startServer();
    const { address } = await listenAt(server);
    tell(server, { name: 'web', address: '10.0.0.2', group: 1 });
    const connection = await Connection.to(address);
    const questions = Array.from({ length: 500 }, (_, id) =>
      questionBytes(id % 2 === 0 ? 'web' : 'example.com', { id }),
    );
    connection.ask(...questions);
    await until(() => connection.replies.length === 500);
    expect(idsOf(connection).toSorted((a, b) => a - b)).toEqual(questions.map((_, id) => id));
    expect(new Set(connection.replies.flatMap((reply) => readReply(reply).answers))).toEqual(
      new Set(['web 5 A 10.0.0.2']),
    );
  });

  test('tells what is ready before what was asked earlier', async () => {
    const left: LeftQuestion[] = [];
    const server = startServer((question) => left.push(question));
    const { address } = await listenAt(server);
    const connection = await Connection.to(address);
    connection.ask(...[1, 2, 3].map((id) => questionBytes('web', { id })));
    await until(() => left.length === 3);
    for (const { ticket, message } of [...left].reverse()) server.reply(ticket, asReply(message));
    await until(() => connection.replies.length === 3);
    expect(idsOf(connection)).toEqual([3, 2, 1]);
    expect(left.map(({ transport, from }) => `${transport} ${from}`)).toEqual(
      Array(3).fill(`tcp ${connection.socket.localAddress}`),
    );
  });

  test.each([1, 2, 3, 7, 1000])('takes messages in pieces of %i bytes', async (size) => {
    const { address } = await listenAt(startServer());
    const connection = await Connection.to(address);
    connection.socket.setNoDelay(true);
    const questions = [questionBytes('web'), questionBytes('web', { edns: {} }), padded(3000)];
    const stream = Buffer.concat(questions.map(frame));
    for (let at = 0; at < stream.length; at += size) {
      connection.socket.write(stream.subarray(at, at + size));
      if (at % 16 === 0) await new Promise(setImmediate);
    }
    await until(() => connection.replies.length === 3);
    expect(connection.replies).toEqual(questions.map(asReply));
  });

  test('takes the longest message there is, between others', async () => {
    const { address } = await listenAt(startServer());
    const connection = await Connection.to(address);
    const questions = [questionBytes('web'), padded(65_535), padded(65_535), questionBytes('web')];
    connection.ask(...questions);
    await until(() => connection.replies.length === 4);
    expect(connection.replies.map(({ length }) => length)).toEqual(questions.map(({ length }) => length));
  });

  test('passes over messages of no length', async () => {
    const { address } = await listenAt(startServer());
    const connection = await Connection.to(address);
    connection.ask(Buffer.alloc(0), questionBytes('web', { id: 1 }), Buffer.alloc(0), Buffer.alloc(0));
    connection.ask(questionBytes('web', { id: 2 }));
    await until(() => connection.replies.length === 2);
    expect(idsOf(connection)).toEqual([1, 2]);
  });

  test('waits for its turn with what it asked all at once', async () => {
    const left: LeftQuestion[] = [];
    const server = startServer((question) => left.push(question));
    const address = freshAddress();
    const sockets = await openSockets(address);
    for (const first of [0, 1000]) {
      const connection = await Connection.to(address);
      const questions = Array.from({ length: 200 }, (_, i) => questionBytes('web', { id: first + i }));
      await new Promise<void>((sent) => {
        connection.socket.write(Buffer.concat(questions.map(frame)), () => sent());
      });
    }
    server.listen(sockets, sandbox1, roomy);
    await until(() => left.length === 400);
    const ids = left.map(({ message }) => message.readUInt16BE(0));
    expect(ids.indexOf(1000)).toBeLessThan(100);
    expect(ids.toSorted((a, b) => a - b)).toEqual(
      [0, 1000].flatMap((first) => Array.from({ length: 200 }, (_, i) => first + i)),
    );
  });

  test('that is ended by its asker still gets the answers, and ends then', async () => {
    const left: LeftQuestion[] = [];
    const server = startServer((question) => left.push(question));
    const { address } = await listenAt(server);
    tell(server, { name: 'web', address: '10.0.0.2', group: 1 });
    const connection = await Connection.to(address);
    connection.socket.end(Buffer.concat([questionBytes('web'), questionBytes('example.com')].map(frame)));
    await until(() => connection.replies.length === 1 && left.length === 1);
    expect(connection.isClosed).toBe(false);
    for (const { ticket, message } of left) server.reply(ticket, asReply(message));
    await until(() => connection.isClosed);
    expect(connection.replies).toHaveLength(2);
    expect(server.counts().connections).toBe(0);
  });

  test('that is ended ends also when there is no reply', async () => {
    const server = startServer(({ ticket }) => server.reply(ticket, undefined));
    const { address } = await listenAt(server);
    const connection = await Connection.to(address);
    connection.socket.end(frame(questionBytes('web')));
    await until(() => connection.isClosed);
  });

  test('that is reset while its questions are left is forgotten', async () => {
    const left: LeftQuestion[] = [];
    const server = startServer((question) => left.push(question));
    const { address } = await listenAt(server);
    for (const hasEnded of [false, true]) {
      const connection = await Connection.to(address);
      connection.ask(questionBytes('web'));
      if (hasEnded) connection.socket.end();
      await until(() => left.length === 1);
      connection.socket.resetAndDestroy();
      await until(() => server.counts().connections === 0);
      for (const { ticket, message } of left.splice(0)) server.reply(ticket, asReply(message));
    }
    const next = await Connection.to(address);
    next.ask(questionBytes('web'));
    await until(() => left.length === 1);
  });

  test('of an asker that does not read is cut', async () => {
    const server = startServer();
    const { address } = await listenAt(server);
    const connection = await Connection.to(address);
    connection.socket.pause();
    const question = frame(padded(60_000));
    const asking = setInterval(() => connection.socket.write(question), 1);
    onTestFinished(() => clearInterval(asking));
    await until(() => connection.socket.destroyed);
    expect(server.counts().connections).toBe(0);
  });

  test('that holds much is cut when many do, and who asks meanwhile is answered', async () => {
    const server = startServer();
    const { address } = await listenAt(server);
    const beginning = frame(padded(65_535)).subarray(0, 60_000);
    const holders: Connection[] = [];
    for (const from of Array.from({ length: 5 }, freshAddress)) {
      for (let i = 0; i < 60; i++) {
        const holder = new Connection(address, from);
        holder.socket.write(beginning);
        holders.push(holder);
      }
    }
    await until(() => holders.some(({ isClosed }) => isClosed));
    const asker = await Connection.to(address);
    asker.ask(questionBytes('web'));
    await until(() => asker.replies.length === 1);
  });

  test('may be read late', async () => {
    let answered = 0;
    const server = startServer(({ ticket, message }) => {
      answered++;
      server.reply(ticket, asReply(message));
    });
    const { address } = await listenAt(server);
    const connection = await Connection.to(address);
    connection.socket.pause();
    connection.ask(...Array.from({ length: 100 }, () => padded(2400)));
    await until(() => answered === 100);
    connection.socket.resume();
    await until(() => connection.replies.length === 100);
  });
});

describe('idle connections are closed', () => {
  test.each([
    ['that never asked', Buffer.alloc(0)],
    ['that were answered', frame(questionBytes('web'))],
    ['with the beginning of a message', frame(questionBytes('web')).subarray(0, 9)],
  ])('%s', async (_, bytes) => {
    const server = startServer();
    const { address } = await listenAt(server, { limits: { idleMs: 100 } });
    const connection = await Connection.to(address);
    connection.socket.write(bytes);
    await until(() => connection.isClosed);
    expect(server.counts().connections).toBe(0);
  });
});

describe('too many connections', () => {
  test('of one asker: the newcomer is closed, others are served', async () => {
    const server = startServer();
    const { address } = await listenAt(server);
    const open = await Promise.all(Array.from({ length: 64 }, () => Connection.to(address)));
    await until(() => server.counts().connections === 64);
    const newcomer = await Connection.to(address);
    await until(() => newcomer.isClosed);
    expect(open.some(({ isClosed }) => isClosed)).toBe(false);
    const other = new Connection(address, freshAddress());
    other.ask(questionBytes('web'));
    await until(() => other.replies.length === 1);
    open[0]?.socket.destroy();
    await until(() => server.counts().connections === 64);
    const next = await Connection.to(address);
    next.ask(questionBytes('web'));
    await until(() => next.replies.length === 1);
  });

  test('of a listener: the newcomer is closed, other listeners serve', async () => {
    const server = startServer();
    const { address } = await listenAt(server, { limits: { connectionsMax: 2 } });
    await Promise.all([Connection.to(address), Connection.to(address)]);
    await until(() => server.counts().connections === 2);
    const newcomer = await Connection.to(address);
    await until(() => newcomer.isClosed);
    const elsewhere = await Connection.to((await listenAt(server)).address);
    elsewhere.ask(questionBytes('web'));
    await until(() => elsewhere.replies.length === 1);
  });
});

test('a listener that is closed closes its connections and no others', async () => {
  const server = startServer(() => undefined);
  const [one, other] = [await listenAt(server), await listenAt(server)];
  const connections = await Promise.all([one, one, other].map(({ address }) => Connection.to(address)));
  connections[0]?.ask(questionBytes('web'));
  await until(() => server.counts().connections === 3);
  server.close(one.listener);
  expect(server.counts().connections).toBe(1);
  await until(() => connections.filter(({ isClosed }) => isClosed).length === 2);
  expect(connections[2]?.isClosed).toBe(false);
  await expect(once(connect(53, one.address), 'connect')).rejects.toThrow('ECONNREFUSED');
});

/** A question that is as long as wanted, by an option of EDNS that pads it (RFC 7830). */
function padded(length: number): Buffer {
  const question = questionBytes('web', { edns: {} });
  const padding = Buffer.alloc(length - question.length);
  question.writeUInt16BE(padding.length, question.length - 2);
  padding.writeUInt16BE(12, 0);
  padding.writeUInt16BE(padding.length - 4, 2);
  return Buffer.concat([question, padding]);
}
