// A resolver before that of a container engine, both on loopback: whose answer it is.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { View } from '../../../src/dns/answer.ts';
import { BesideResolver } from '../../../src/dns/beside-resolver.ts';
import { LeftCounts } from '../../../src/dns/statistics.ts';
import { ThreadListeners } from '../../../src/dns/thread-listeners.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { FakeUpstream, silent, truthful } from '../../unit/dns/fake-upstream.ts';
import { questionBytes, readReply } from '../../unit/dns/messages.ts';
import { lab, smallWorld, view } from '../../unit/dns/names.ts';
import { openOwnSockets, testPort } from './own-sockets.ts';

let engine: FakeUpstream;
let thread: ThreadListeners;
let released: () => void;
let seen: View | undefined;
let resolver: BesideResolver;

beforeAll(requireOwnNetwork);

beforeEach(async () => {
  engine = await FakeUpstream.start(truthful(7));
  const { sockets } = await openOwnSockets('127.0.0.1');
  const gone = new Promise<void>((resolve) => {
    released = resolve;
  });
  thread = new ThreadListeners();
  resolver = new BesideResolver(
    { engine: engine.upstream, giveWay: () => gone },
    {
      table: smallWorld(),
      counts: new LeftCounts(() => true),
      view: () => seen,
      // The thread knows no names here: all is left.
      listen: (respond) =>
        thread.listen(
          { sockets },
          {
            role: { sandbox: 1, unknownIsElsewhere: true },
            limits: { datagramBytes: 4096, connectionsMax: 64 },
            respond,
          },
        ),
      log: pino({ level: 'silent' }),
    },
  );
});

afterEach(async () => {
  released();
  await resolver.close();
  thread.stop();
  await engine[Symbol.asyncDispose]();
});

const listens = () => run('ss -Hlntu').includes(`:${testPort} `);

async function ask(name: string) {
  const socket = createSocket('udp4');
  const replied = once(socket, 'message');
  socket.send(questionBytes(name), testPort, '127.0.0.1');
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
  expect(listens()).toBe(true);
  released();
  await closing;
  expect(listens()).toBe(false);
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
