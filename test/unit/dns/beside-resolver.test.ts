// A resolver before that of a container engine, both on loopback: whose answer it is.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { View } from '../../../src/dns/answer.ts';
import { BesideResolver } from '../../../src/dns/beside-resolver.ts';
import type { ResolverSockets } from '../../../src/dns/listener.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { FakeUpstream, silent, truthful } from './fake-upstream.ts';
import { questionBytes, readReply } from './messages.ts';
import { lab, smallWorld, view } from './names.ts';

let engine: FakeUpstream;
let sockets: ResolverSockets;
let released: () => void;
let seen: View | undefined;
let resolver: BesideResolver;

beforeEach(async () => {
  engine = await FakeUpstream.start(truthful(7));
  const tcp = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await Promise.all([once(tcp, 'listening'), once(udp, 'listening')]);
  sockets = { udp, tcp };
  const gone = new Promise<void>((resolve) => {
    released = resolve;
  });
  resolver = new BesideResolver(
    { sockets, engine: engine.upstream, giveWay: () => gone, release: async () => {} },
    { table: smallWorld(), view: () => seen, log: pino({ level: 'silent' }) },
  );
});

afterEach(async () => {
  released();
  await resolver.close();
  await engine[Symbol.asyncDispose]();
});

async function ask(name: string) {
  const socket = createSocket('udp4');
  const replied = once(socket, 'message');
  socket.send(questionBytes(name), sockets.udp.address().port, '127.0.0.1');
  const reply = readReply((await replied)[0] as Buffer);
  socket.close();
  return reply;
}

test.each<[string, View | undefined, string, readonly string[]]>([
  ['a name of ours', view([lab]), 'web', ['web 5 A 10.0.0.2']],
  ['a name the asker may not see', view([lab]), 'db2', ['db2 60 A 192.0.2.7']],
  ['another name', view([lab]), 'x.example', ['x.example 60 A 192.0.2.7']],
  ['one that may not leave', view([lab], { forwarding: 'none' }), 'x.example', ['x.example 60 A 192.0.2.7']],
  ['anything, of an asker nobody knows', undefined, 'web', ['web 60 A 192.0.2.7']],
])('%s', async (_, asker, name, expected) => {
  seen = asker;
  expect((await ask(name)).answers).toEqual(expected);
});

test('it answers until nothing is led to it any more', async () => {
  seen = view([lab]);
  const closing = resolver.close();
  expect((await ask('x.example')).answers).toEqual(['x.example 60 A 192.0.2.7']);
  expect(sockets.tcp.listening).toBe(true);
  released();
  await closing;
  expect(sockets.tcp.listening).toBe(false);
});

test('who still waits then is told that there is no answer', async () => {
  seen = view([lab]);
  engine.behaviour = silent;
  const waiting = ask('x.example');
  await waitUntil('the engine was asked', () => engine.received.length > 0);
  released();
  await resolver.close();
  expect((await waiting).rcode).toBe(2);
});
