// What is counted of questions that dig asks in a network namespace, whoever answers them.
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { createNameService } from '../../../src/dns/engine.ts';
import type { NameService } from '../../../src/dns/name-service.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { FakeUpstream, silent, truthful } from '../../unit/dns/fake-upstream.ts';
import { back, entry, lab, view } from '../../unit/dns/names.ts';
import { replyTo } from '../../unit/dns/upstream-replies.ts';
import { PinnedNamespaces } from './pinned-namespaces.ts';

const [asker, closed] = ['asker' as SandboxId, 'closed' as SandboxId];
let namespaces: PinnedNamespaces;
let upstream: FakeUpstream;
let names: NameService;

beforeEach(async () => {
  namespaces = new PinnedNamespaces();
  upstream = await FakeUpstream.start(truthful(1));
  const { address, port: upstreamPort } = upstream.upstream;
  const upstreams = [address as IpAddress];
  names = createNameService({ log: pino({ level: 'silent' }), upstreams, upstreamPort });
  names.put(entry('web', lab, { names: ['store'], addresses: ['10.0.0.2'] }));
  names.put(entry('db', back, { names: ['store'], addresses: ['10.0.1.2'] }));
});

afterEach(async () => {
  await names.shutdown();
  await upstream[Symbol.asyncDispose]();
  await namespaces[Symbol.asyncDispose]();
});

async function opened(sandboxId: SandboxId, forwarding: 'host' | 'none') {
  const path = await namespaces.create(sandboxId);
  names.setView(view([lab, back], { sandboxId, forwarding }));
  await names.open(sandboxId, path);
  return (...question: readonly string[]) => namespaces.dig(path, question);
}

const none = { answered: 0, noData: 0, noName: 0, cached: 0, forwarded: 0, failed: 0, refused: 0 };

test('each question counts once, by what became of it, and for each network whose names answered it', async () => {
  const dig = await opened(asker, 'host');
  const digInside = await opened(closed, 'none');
  for (const question of [
    ['web'],
    ['+tcp', 'store'],
    ['web', 'MX'],
    ['elsewhere.example'],
    ['elsewhere.example'],
  ])
    await dig(...question);
  await dig('web', 'AXFR', '+notcp');
  upstream.behaviour = (question) => [replyTo(question, { rcode: 2 })];
  await dig('broken.example');
  await digInside('elsewhere.example');
  const { askers, networks, upstreams, cache } = names.statistics();
  expect(askers).toEqual(
    expect.arrayContaining([
      {
        ...none,
        sandboxId: asker,
        questions: 7,
        answered: 2,
        noData: 1,
        cached: 1,
        forwarded: 1,
        failed: 1,
        refused: 1,
      },
      { ...none, sandboxId: closed, questions: 1, noName: 1 },
    ]),
  );
  expect(networks).toEqual(
    expect.arrayContaining([
      { networkId: lab, answered: 2 },
      { networkId: back, answered: 1 },
    ]),
  );
  expect(upstreams).toMatchObject([
    { address: '127.0.0.1', asked: 2, replied: 1, failed: 1, isFailing: false },
  ]);
  expect(cache).toMatchObject({ entries: 1, hits: 1, stale: 0 });
});

test('what is asked in a sandbox’s place is told as its own questions are answered, and not counted', async () => {
  const dig = await opened(asker, 'host');
  const query = async (name: string, type = 'A') => names.query(asker, { name, type });
  for (const [name, type] of [
    ['web', 'A'],
    ['web', 'AAAA'],
    ['nothere.example', 'A'],
  ] as const) {
    const { status, records } = await query(name, type);
    const told = await dig(name, type);
    expect({ status, records }).toEqual({
      status: told.status,
      records: told.answers.filter((line) => !line.includes(' SOA ')),
    });
  }
  expect((await query('nothere.example')).source).toEqual({ kind: 'cache' });
  upstream.behaviour = silent;
  expect(names.statistics().askers).toMatchObject([{ sandboxId: asker, questions: 3 }]);
});

test('who is gone before its question has an answer is counted no more', async () => {
  const dig = await opened(asker, 'host');
  let answer = () => {};
  const held = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const received = new Promise<void>((resolve) => {
    upstream.behaviour = async (question) => {
      resolve();
      await held;
      return [replyTo(question, {})];
    };
  });
  void dig('+time=1', 'late.example');
  await received;
  names.close(asker);
  answer();
  await waitUntil('the upstream was heard', () => names.statistics().upstreams[0]?.replied === 1);
  expect(names.statistics().askers).toEqual([]);
});

test('an upstream that fails, and works again, is told of once', async () => {
  const told: string[] = [];
  await names.shutdown();
  const { address, port: upstreamPort } = upstream.upstream;
  names = createNameService({
    log: pino({ level: 'silent' }),
    upstreams: [address as IpAddress],
    upstreamPort,
    onUpstream: (change) => told.push(`${change.address} ${change.isFailing ? 'fails' : 'works'}`),
  });
  names.setView(view([lab], { sandboxId: asker, forwarding: 'host' }));
  upstream.behaviour = (question) => [replyTo(question, { rcode: 2 })];
  const query = (name: string) => names.query(asker, { name: `${name}.example`, type: 'A' });
  for (const name of ['a', 'b', 'c', 'd', 'e']) await query(name);
  expect(told).toEqual(['127.0.0.1 fails']);
  upstream.behaviour = truthful(1);
  for (const name of ['f', 'g']) await query(name);
  expect(told).toEqual(['127.0.0.1 fails', '127.0.0.1 works']);
});
