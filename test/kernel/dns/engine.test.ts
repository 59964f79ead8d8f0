// The engine on loopback: forwarding as the sandbox's view says, and askers with manners of their own.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createNameService, type NameServiceOptions } from '../../../src/dns/engine.ts';
import { FrameReader, frame } from '../../../src/dns/forwarding/framing.ts';
import type { NameService } from '../../../src/dns/name-service.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import type { ResolverView } from '../../../src/model/name-entry.ts';
import { requireOwnNetwork } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { FakeUpstream, truthful } from '../../unit/dns/fake-upstream.ts';
import { questionBytes, readReply } from '../../unit/dns/messages.ts';
import { entry, lab, view } from '../../unit/dns/names.ts';
import { openOwnSockets, testPort } from './own-sockets.ts';

const asker = 'asker' as SandboxId;
let directory: string;
let upstream: FakeUpstream;
let names: NameService;

beforeAll(requireOwnNetwork);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'engine-'));
  upstream = await FakeUpstream.start(truthful(1));
});

afterEach(async () => {
  await names.shutdown();
  await upstream[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const openSockets = () => openOwnSockets('127.0.0.1');

async function start(sandbox: Partial<ResolverView> = {}, options: Partial<NameServiceOptions> = {}) {
  const resolvConf = join(directory, 'resolv.conf');
  await writeFile(resolvConf, 'nameserver 127.0.0.1\n');
  const upstreamPort = upstream.upstream.port;
  names = createNameService({
    log: pino({ level: 'silent' }),
    resolvConf,
    upstreamPort,
    openSockets,
    ...options,
  });
  names.put(entry('web', lab, { addresses: ['10.0.0.2'] }));
  names.setView({ ...view([lab], { sandboxId: asker }), ...sandbox });
  await names.open(asker, 'loopback');
}

async function overUdp(question: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  socket.send(question, testPort, '127.0.0.1');
  const [reply] = await once(socket, 'message');
  socket.close();
  return reply;
}

/** Sends the pieces, closes its side, and reads until the other side is closed. */
async function overTcp(pieces: readonly Buffer[]): Promise<readonly Buffer[]> {
  const socket = connect(testPort, '127.0.0.1');
  const frames = new FrameReader();
  const replies: Buffer[] = [];
  socket.on('data', (chunk) => replies.push(...frames.push(chunk)));
  for (const piece of pieces) socket.write(piece);
  socket.end();
  await once(socket, 'close');
  return replies;
}

const outside = () => overUdp(questionBytes('example.com')).then(readReply);
const addresses = (list: readonly string[]) => list as unknown as ResolverView['forwarding'];

describe('names nobody here has', () => {
  test('are asked for at the host’s nameservers', async () => {
    await start();
    expect((await outside()).answers).toEqual(['example.com 60 A 192.0.2.1']);
  });

  test('are asked for at the nameservers of the view', async () => {
    await start({ forwarding: addresses(['127.0.0.2']), namespacePath: '/proc/self/ns/net' });
    await using other = await FakeUpstream.start(truthful(2), {
      address: '127.0.0.2',
      port: upstream.upstream.port,
    });
    expect((await outside()).answers).toEqual(['example.com 60 A 192.0.2.2']);
    expect(other.received).toHaveLength(1);
  });

  test('are said again by the thread, until the nameservers are others', async () => {
    await start();
    for (let i = 0; i < 3; i++) expect((await outside()).answers).toEqual(['example.com 60 A 192.0.2.1']);
    expect(upstream.received).toHaveLength(1);
    expect(names.statistics().askers).toMatchObject([{ questions: 3, forwarded: 1, cached: 2 }]);
    await using other = await FakeUpstream.start(truthful(2), {
      address: '127.0.0.2',
      port: upstream.upstream.port,
    });
    const own = { forwarding: addresses([other.upstream.address]), namespacePath: '/proc/self/ns/net' };
    names.setView({ ...view([lab], { sandboxId: asker }), ...own });
    expect((await outside()).answers).toEqual(['example.com 60 A 192.0.2.2']);
    names.setView({ ...view([lab], { sandboxId: asker }), forwarding: 'none' });
    expect((await outside()).rcode).toBe(3);
  });

  test('are asked for at other nameservers of the host as soon as it has others', async () => {
    await start();
    await outside();
    await using other = await FakeUpstream.start(truthful(2), {
      address: '127.0.0.2',
      port: upstream.upstream.port,
    });
    await writeFile(join(directory, 'resolv.conf'), `nameserver ${other.upstream.address}\n`);
    await waitUntil('the other one answers', async () => {
      return (await outside()).answers[0] === 'example.com 60 A 192.0.2.2';
    });
  });

  test('are asked for at the nameservers given in place of the host’s', async () => {
    await start({}, { resolvConf: join(directory, 'missing'), upstreams: addresses(['127.0.0.1']) as never });
    expect((await outside()).answers).toEqual(['example.com 60 A 192.0.2.1']);
  });

  test('fail at once when the only nameserver is our own resolver', async () => {
    await start({ forwarding: addresses(['127.0.0.11']) });
    expect(await outside()).toMatchObject({ rcode: 2, answers: [] });
  });

  test('do not exist without forwarding, and nobody is asked', async () => {
    await start({ forwarding: 'none' });
    expect((await outside()).rcode).toBe(3);
    expect(upstream.received).toEqual([]);
  });
});

describe('over TCP', () => {
  const both = [questionBytes('web', { id: 1 }), questionBytes('example.com', { id: 2 })].map(frame);

  test('an asker that closes its side gets all its answers first', async () => {
    await start();
    const replies = (await overTcp(both)).map(readReply);
    expect(replies.map(({ id, rcode }) => [id, rcode])).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  test('questions may come in any pieces', async () => {
    await start();
    const stream = Buffer.concat(both);
    const pieces = [
      stream.subarray(0, 1),
      stream.subarray(1, 20),
      stream.subarray(20, 45),
      stream.subarray(45),
    ];
    expect(await overTcp(pieces)).toHaveLength(2);
  });

  test('garbage between questions does not harm them', async () => {
    await start();
    const garbage = [Buffer.alloc(0), Buffer.alloc(5), Buffer.alloc(30, 0xff)].map(frame);
    const replies = await overTcp([...garbage, ...both]);
    expect(replies.map((reply) => reply.readUInt16BE(0))).toEqual(expect.arrayContaining([1, 2]));
  });

  test('a connection is closed by shutdown', async () => {
    await start();
    const socket = connect(testPort, '127.0.0.1');
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    socket.write(both[0] ?? '');
    await once(socket, 'data');
    await names.shutdown();
    await closed;
  });
});

test('a sandbox without a view is refused', async () => {
  names = createNameService({
    log: pino({ level: 'silent' }),
    resolvConf: join(directory, 'none'),
    openSockets,
  });
  await names.open(asker, 'loopback');
  expect((await overUdp(questionBytes('web')).then(readReply)).rcode).toBe(5);
});

test('a name no message can hold is a failure, not the end of the service', async () => {
  await start();
  names.put({ ...entry('long', lab, { addresses: ['10.0.0.3'] }), names: ['x'.repeat(64), 'long'] });
  const reverse = await overUdp(questionBytes('3.0.0.10.in-addr.arpa', { type: 12 }));
  expect(readReply(reverse).rcode).toBe(2);
  expect(readReply(await overUdp(questionBytes('web'))).rcode).toBe(0);
});
