// The thread that answers for names: questions in datagrams, what it answers by itself, and what it leaves to the event loop.
import { beforeAll, describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { putEndpoint, setView } from '../../../src/dns/names/table-changes.ts';
import type { LeftQuestion, NameServer } from '../../../src/kernel/name-server.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../../src/model/ids.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';
import { optionOf, questionBytes, readReply, types } from '../../unit/dns/messages.ts';
import {
  Asker,
  askOnce,
  asReply,
  freshAddress,
  listenAt,
  openSockets,
  roomy,
  sandbox1,
  startServer,
  tell,
} from './name-server-lab.ts';
import { until } from './until.ts';

const entry = {
  endpointId: '1' as EndpointId,
  networkId: '1' as NetworkId,
  networkName: 'lab',
  sandboxId: '1' as SandboxId,
  services: [],
};

const rcode = { SERVFAIL: 2 } as const;

beforeAll(() => {
  requireOwnNetwork();
  run('ip address add fd53::1/128 dev lo nodad');
});

/** A server that keeps what is left to it, and says nothing. */
function silentServer(): { server: NameServer; left: LeftQuestion[] } {
  const left: LeftQuestion[] = [];
  return { server: startServer((question) => left.push(question)), left };
}

async function manyQuestions(address: string, count: number): Promise<Asker> {
  const asker = await Asker.of(address);
  for (let id = 0; id < count; id++) asker.socket.send(questionBytes('web', { id }));
  return asker;
}

describe('what it knows', () => {
  test('it answers by itself', async () => {
    const { server, left } = silentServer();
    const { address } = await listenAt(server);
    tell(server, { name: 'web', address: '10.0.0.2' });
    const reply = readReply(await askOnce(address, questionBytes('WeB', { id: 9 })));
    expect(reply).toMatchObject({ id: 9, question: 'WeB', answers: ['WeB 5 A 10.0.0.2'] });
    expect(left).toEqual([]);
  });

  test('is what the next question sees, whatever changes', async () => {
    const { server } = silentServer();
    const { address } = await listenAt(server);
    const asker = await Asker.of(address);
    for (let host = 1; host <= 250; host++) {
      tell(server, { name: 'web', address: `10.0.0.${host}` });
      const { answers } = readReply(await asker.ask(questionBytes('web')));
      expect(answers).toEqual([`web 5 A 10.0.0.${host}`]);
    }
  });

  test('may change ten thousand times before it is asked', async () => {
    const { server } = silentServer();
    const { address } = await listenAt(server);
    for (let i = 1; i <= 10_000; i++) {
      server.apply(
        putEndpoint(
          { endpoint: i, network: 1, sandbox: 1 },
          { ...entry, names: [`web${i}`], addresses: [`10.1.${i >> 8}.${i & 255}` as IpAddress] },
        ),
      );
    }
    server.apply(setView({ sandbox: 1, group: 0, networks: [1], links: [] }));
    for (const i of [1, 5000, 10_000]) {
      const { answers } = readReply(await askOnce(address, questionBytes(`web${i}`)));
      expect(answers).toEqual([`web${i} 5 A 10.1.${i >> 8}.${i & 255}`]);
    }
  });

  test('may be told before anybody listens, however much it is', async () => {
    const { server } = silentServer();
    for (let i = 0; i < 1000; i++) tell(server, { name: `${'w'.repeat(60)}`, address: `10.0.0.${i % 250}` });
    tell(server, { name: 'web', address: '10.0.0.2' });
    const { address } = await listenAt(server);
    expect(readReply(await askOnce(address, questionBytes('web'))).answers).toEqual(['web 5 A 10.0.0.2']);
  });

  test('is for each sandbox what it may see', async () => {
    const { server } = silentServer();
    tell(server, { name: 'web', address: '10.0.0.2', number: 1 });
    tell(server, { name: 'web', address: '10.0.0.3', number: 2 });
    for (const sandbox of [1, 2]) {
      const { address } = await listenAt(server, { role: { sandbox, unknownIsElsewhere: false } });
      const { answers } = readReply(await askOnce(address, questionBytes('web')));
      expect(answers).toEqual([`web 5 A 10.0.0.${sandbox + 1}`]);
    }
  });

  test('is told at a gateway to who has an address on the network', async () => {
    const { server, left } = silentServer();
    const { address } = await listenAt(server, { role: { network: 1 } });
    const member = freshAddress();
    tell(server, { name: 'web', address: member });
    const { answers } = readReply(await askOnce(address, questionBytes('web'), member));
    expect(answers).toEqual([`web 5 A ${member}`]);
    const stranger = await Asker.of(address, freshAddress());
    stranger.socket.send(questionBytes('web'));
    await until(() => left.length === 1);
    expect(left[0]?.from).toBe(stranger.socket.address().address);
  });

  test('is cut to what a listener lets through', async () => {
    const { server } = silentServer();
    const { address } = await listenAt(server, { limits: { datagramBytes: 512 } });
    const addresses = Array.from({ length: 100 }, (_, i) => `10.0.0.${i + 1}` as IpAddress);
    server.apply(
      putEndpoint({ endpoint: 1, network: 1, sandbox: 1 }, { ...entry, names: ['web'], addresses }),
    );
    server.apply(setView({ sandbox: 1, group: 0, networks: [1], links: [] }));
    const reply = await askOnce(address, questionBytes('web', { edns: { payloadBytes: 4096 } }));
    expect(reply.length).toBeLessThanOrEqual(512);
    expect(readReply(reply).flags).toContain('tc');
  });

  test('is counted', async () => {
    const { server } = silentServer();
    const { address } = await listenAt(server);
    tell(server, { name: 'web', address: '10.0.0.2' });
    for (const [name, type] of [
      ['web', types.A],
      ['web', types.MX],
      ['nobody', types.A],
    ] as const) {
      await askOnce(address, questionBytes(name, { type }));
    }
    const { sandboxes, networks } = server.counts();
    expect(sandboxes).toEqual([
      { sandbox: 1, questions: 3, answered: 1, noData: 1, noName: 1, remembered: 0, left: 0 },
    ]);
    expect(networks).toEqual([{ network: 1, answered: expect.any(Number) }]);
  });

  test('may be served at every port there is', async () => {
    const server = startServer();
    const { address } = await listenAt(server);
    const numbers = { endpoint: 1, network: 1, sandbox: 1 };
    const services = (['tcp', 'udp'] as const).flatMap((protocol) =>
      Array.from({ length: 65_535 }, (_, index) => ({ protocol, port: index + 1 })),
    );
    server.apply(
      putEndpoint(numbers, { ...entry, names: ['web'], addresses: ['10.0.0.2' as IpAddress], services }),
    );
    server.apply(setView({ sandbox: 1, group: 0, networks: [1], links: [] }));
    const reply = await askOnce(address, questionBytes('_65535._udp.web', { type: types.SRV }));
    expect(readReply(reply).answers).toHaveLength(1);
  });

  test('stays what it was when malformed changes come, and the next call says so', async () => {
    const { server } = silentServer();
    const { address } = await listenAt(server);
    tell(server, { name: 'web', address: '10.0.0.2' });
    server.apply(Buffer.from([9, 0, 0, 0, 0]));
    expect(readReply(await askOnce(address, questionBytes('web'))).answers).toHaveLength(1);
    expect(() => tell(server, { name: 'web', address: '10.0.0.3' })).toThrow(/malformed/);
    tell(server, { name: 'web', address: '10.0.0.4' });
    expect(readReply(await askOnce(address, questionBytes('web'))).answers).toEqual(['web 5 A 10.0.0.4']);
  });
});

describe('what it leaves to the event loop', () => {
  test('comes with who asked, by which transport and listener', async () => {
    const { server, left } = silentServer();
    const listener = server.listen(await openSockets('fd53::1'), sandbox1, roomy);
    const question = questionBytes('web');
    (await Asker.of('fd53::1')).socket.send(question);
    await until(() => left.length === 1);
    expect(left).toEqual([
      { ticket: expect.any(Number), listener, transport: 'udp', from: 'fd53::1', message: question },
    ]);
  });

  test('is answered at once', async () => {
    const { address } = await listenAt(startServer());
    const question = questionBytes('web', { id: 7 });
    expect(await askOnce(address, question)).toEqual(asReply(question));
  });

  test('is answered later, in any order', async () => {
    const { server, left } = silentServer();
    const { address } = await listenAt(server);
    const asker = await manyQuestions(address, 100);
    await until(() => left.length === 100);
    for (const { ticket, message } of [...left].reverse()) server.reply(ticket, asReply(message));
    await until(() => asker.replies.length === 100);
    const ids = asker.replies.map((reply) => reply.readUInt16BE(0));
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, id) => id));
  });

  test('is answered to whom it was asked by, at each listener', async () => {
    const { server, left } = silentServer();
    const places = await Promise.all(Array.from({ length: 20 }, () => listenAt(server)));
    const askers = await Promise.all(places.map(({ address }) => Asker.of(address)));
    askers.forEach((asker, id) => {
      asker.socket.send(questionBytes('web', { id }));
    });
    await until(() => left.length === 20);
    for (const { ticket, message } of left) server.reply(ticket, asReply(message));
    await until(() => askers.every(({ replies }) => replies.length === 1));
    expect(askers.map(({ replies }) => replies[0]?.readUInt16BE(0))).toEqual(askers.map((_, id) => id));
  });

  test('is answered once', async () => {
    const server = startServer(({ ticket, message }) => {
      for (let i = 0; i < 3; i++) server.reply(ticket, asReply(message));
    });
    const { address } = await listenAt(server);
    const asker = await Asker.of(address);
    for (const id of [1, 2, 3]) await asker.ask(questionBytes('web', { id }));
    expect(asker.replies.map((reply) => reply.readUInt16BE(0))).toEqual([1, 2, 3]);
  });

  test('is not answered when there is no reply', async () => {
    const server = startServer(({ ticket, message }) => {
      server.reply(ticket, message.readUInt16BE(0) === 1 ? undefined : asReply(message));
    });
    const { address } = await listenAt(server);
    const asker = await manyQuestions(address, 3);
    await until(() => asker.replies.length === 2);
    expect(asker.replies.map((reply) => reply.readUInt16BE(0))).toEqual([0, 2]);
  });

  test('is not left again for as long as its reply is remembered', async () => {
    const left: LeftQuestion[] = [];
    const server = startServer((question) => {
      left.push(question);
      server.reply(question.ticket, asReply(question.message), 60_000);
    });
    const { address } = await listenAt(server);
    tell(server, { name: 'web', address: '10.0.0.2', group: 1 });
    for (const id of [1, 2, 3]) {
      const reply = await askOnce(address, questionBytes('example.com', { id }));
      expect(reply.readUInt16BE(0)).toBe(id);
    }
    expect(left).toHaveLength(1);
    expect(server.counts().sandboxes).toMatchObject([{ questions: 3, left: 1, remembered: 2 }]);
  });

  test('is not remembered for others when its asker has come to ask elsewhere meanwhile', async () => {
    const { server, left } = silentServer();
    const [moving, staying] = [
      await listenAt(server),
      await listenAt(server, { role: { ...sandbox1, sandbox: 2 } }),
    ];
    tell(server, { name: 'web', address: '10.0.0.2', group: 1 });
    tell(server, { name: 'db', address: '10.0.0.3', number: 2, group: 1 });
    const question = questionBytes('example.com');
    const asked = askOnce(moving.address, question);
    await until(() => left.length === 1);
    for (const group of [7, 1]) tell(server, { name: 'web', address: '10.0.0.2', group });
    const [first] = left;
    if (first !== undefined) server.reply(first.ticket, asReply(question), 60_000);
    await asked;
    (await Asker.of(staying.address)).socket.send(question);
    await until(() => left.length === 2);
    expect(server.counts().sandboxes.map(({ remembered }) => remembered)).toEqual([0, 0]);
  });

  test('is at most 512 questions of an asker: others are refused at once', async () => {
    const { server, left } = silentServer();
    const { address } = await listenAt(server);
    const asker = await fill(address, left, 600);
    expect(left).toHaveLength(512);
    expect(asker.replies.map((reply) => readReply(reply).rcode)).toEqual(Array(88).fill(rcode.SERVFAIL));
    expect(server.counts().overflowed).toBe(88);
    while (left.length > 0) {
      for (const { ticket, message } of left.splice(0, 100)) server.reply(ticket, asReply(message));
      await until(() => asker.replies.length === 600 - left.length);
    }
    await fill(address, left, 1);
    expect(left).toHaveLength(1);
  });

  test('is of each asker no more than what is left to the others of its listener', async () => {
    const { server, left } = silentServer();
    const { address } = await listenAt(server, { role: { network: 1 } });
    const askers = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4'];
    for (const from of askers) await fill(address, left, 600, from);
    expect(askers.map((asker) => left.filter(({ from }) => from === asker).length)).toEqual([
      512, 256, 128, 64,
    ]);
    const elsewhere = await listenAt(server, { role: { network: 2 } });
    await fill(elsewhere.address, left, 600);
    expect(left.filter(({ listener }) => listener === elsewhere.listener)).toHaveLength(512);
  });

  test('is refused with the question, and the OPT record of an asker that sent one', async () => {
    const { server, left } = silentServer();
    const { address } = await listenAt(server);
    await fill(address, left, 512);
    const reply = await askOnce(address, questionBytes('web', { id: 5, edns: { dnssecOk: true } }));
    expect(readReply(reply)).toMatchObject({
      id: 5,
      rcode: rcode.SERVFAIL,
      flags: ['rd', 'ra'],
      question: 'web',
    });
    expect(optionOf(reply)).toEqual({ payloadBytes: 4096, ttl: 0x8000 });
  });

  test('is of whoever asks little, however many others flood', async () => {
    const { server, left } = silentServer();
    const flooded = await Promise.all(Array.from({ length: 10 }, () => listenAt(server)));
    for (const { address } of flooded) await fill(address, left, 600);
    expect(left.length).toBeLessThan(4096);
    const { address, listener } = await listenAt(server);
    await fill(address, left, 10);
    expect(left.filter((question) => question.listener === listener)).toHaveLength(10);
  });

  test('has the place of those of a closed listener', async () => {
    const { server, left } = silentServer();
    const places = await Promise.all(Array.from({ length: 8 }, () => listenAt(server)));
    for (const { address } of places) await fill(address, left, 600);
    expect(left).toHaveLength(7 * 512 + 256);
    server.close(places[0]?.listener ?? 0);
    await fill(places[7]?.address ?? '', left, 100);
    expect(left).toHaveLength(7 * 512 + 356);
  });

  test('is not told any more once its listener is closed', async () => {
    const { server, left } = silentServer();
    const { address, listener } = await listenAt(server);
    await fill(address, left, 10);
    server.close(listener);
    const again = await listenAt(server, { at: address });
    for (const { ticket, message } of left) server.reply(ticket, asReply(message));
    const asker = await fill(address, left, 1);
    expect(left).toHaveLength(11);
    expect(left[10]?.listener).toBe(again.listener);
    expect(asker.replies).toEqual([]);
  });
});

/** Asks so many questions and returns when each has been left or refused; in parts, so that no queue of a socket overflows. */
async function fill(
  address: string,
  left: readonly LeftQuestion[],
  count: number,
  from?: string,
): Promise<Asker> {
  const asker = await Asker.of(address, from);
  const before = left.length;
  for (let sent = 0; sent < count; ) {
    const end = Math.min(sent + 100, count);
    for (; sent < end; sent++) asker.socket.send(questionBytes('web', { id: sent }));
    await until(() => left.length - before + asker.replies.length === end);
  }
  return asker;
}
