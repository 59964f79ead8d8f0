// Names in a namespace where a container engine has a resolver of its own at 127.0.0.11, asked by dig.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createNameService } from '../../../src/dns/engine.ts';
import type { NameService } from '../../../src/dns/name-service.ts';
import { unpinNamespace } from '../../../src/kernel/netns.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { run, showLink, succeeds } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { address, silent, truthful } from '../../unit/dns/fake-upstream.ts';
import { entry, lab, view } from '../../unit/dns/names.ts';
import { replyTo } from '../../unit/dns/upstream-replies.ts';
import { canMakeRules, EngineResolver, ruleMakers } from './engine-resolver.ts';
import { rulesIn } from './leading-rules.ts';
import { PinnedNamespaces } from './pinned-namespaces.ts';

const asker = 'asker' as SandboxId;
const other = 'other' as SandboxId;
const ours = ['web. 5 IN A 10.0.0.2'];
const engines = (name: string) => [`${name}. 60 IN A 192.0.2.7`];

let namespaces: PinnedNamespaces;
let names: NameService;
let engine: EngineResolver;
let path: string;

beforeEach(async () => {
  namespaces = new PinnedNamespaces();
  path = await namespaces.create('container');
  engine = await EngineResolver.start(path, truthful(7));
  names = createNameService({ log: pino({ level: 'silent' }), resolvConf: '/nowhere' });
  names.put(entry('web', lab, { addresses: ['10.0.0.2'] }));
  names.setView(view([lab], { sandboxId: asker, forwarding: 'none' }));
});

afterEach(async () => {
  await names.shutdown();
  await engine[Symbol.asyncDispose]();
  await namespaces[Symbol.asyncDispose]();
});

const dig = (...question: string[]) => namespaces.dig(path, question);
const table = () => succeeds('nft list table ip fairlead-names', path);

describe.each(ruleMakers.map((maker) => ({ maker, missing: !canMakeRules(maker) })))(
  'beside rules made with $maker',
  ({ maker, missing }) => {
    test.skipIf(missing).each(['+notcp', '+tcp'])(
      'dig %s: our names are ours, others the engine’s',
      async (how) => {
        engine.addRules(maker);
        expect((await dig(how, 'web', 'A')).answers).toEqual(engines('web'));
        await names.openBeside(asker, path);
        expect((await dig(how, 'web', 'A')).answers).toEqual(ours);
        expect((await dig(how, 'web', 'AAAA')).answers[0]).toContain('SOA fairlead.');
        expect((await dig(how, 'elsewhere', 'A')).answers).toEqual(engines('elsewhere'));
        names.close(asker);
        await waitUntil('the table is gone', () => !table());
        expect((await dig(how, 'web', 'A')).answers).toEqual(engines('web'));
      },
    );

    test.skipIf(missing)('rules the engine makes later change nothing', async () => {
      await names.openBeside(asker, path);
      expect((await dig('web', 'A')).answers).toEqual(ours);
      engine.addRules(maker);
      expect((await dig('web', 'A')).answers).toEqual(ours);
      expect((await dig('elsewhere', 'A')).answers).toEqual(engines('elsewhere'));
    });
  },
);

describe('beside an engine’s resolver', () => {
  beforeEach(async () => {
    engine.addRules('nft');
    await names.openBeside(asker, path);
  });

  test('the rules are as documented', () => {
    const lead = (protocol: string) =>
      `ip saddr != 127.0.0.12 ip daddr 127.0.0.11 ${protocol} dport 53 ${protocol} dport set 1011`;
    const back = (protocol: string) => `ip saddr 127.0.0.11 ${protocol} sport 1011 ${protocol} sport set 53`;
    expect(rulesIn(path)).toEqual([
      'table ip fairlead-names {',
      'flags owner',
      'type filter hook output priority -500; policy accept;',
      lead('udp'),
      lead('tcp'),
      'type filter hook postrouting priority 500; policy accept;',
      back('udp'),
      back('tcp'),
    ]);
  });

  test.each([
    [2, 'SERVFAIL'],
    [3, 'NXDOMAIN'],
    [5, 'REFUSED'],
  ])('what the engine says is passed on: rcode %i', async (rcode, status) => {
    engine.upstream.behaviour = (question) => [replyTo(question, { rcode })];
    expect((await dig('elsewhere', 'A')).status).toBe(status);
  });

  test('what the engine cut is asked for over TCP', async () => {
    engine.upstream.behaviour = (question, transport) =>
      transport === 'udp'
        ? [replyTo(question, { flags: 0x200 })]
        : [replyTo(question, { answers: [1, 2, 3].map((last) => address(60, last)) })];
    expect((await dig('+notcp', 'long', 'A')).answers).toHaveLength(3);
    expect(engine.upstream.received.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
  });

  test('nothing the engine said is kept: it may be another thing a moment later', async () => {
    await dig('elsewhere', 'A');
    engine.upstream.behaviour = truthful(8);
    expect((await dig('elsewhere', 'A')).answers).toEqual(['elsewhere. 60 IN A 192.0.2.8']);
  });

  test('questions that are asked at once are each answered', async () => {
    const asked = Array.from({ length: 50 }, (_, i) => [`host${i}.example`, 'A']).flat();
    expect((await dig(...asked)).answers).toHaveLength(50);
  });

  test('of a dead engine’s names nobody waits for an answer', async () => {
    await engine[Symbol.asyncDispose]();
    expect((await dig('+time=2', 'elsewhere', 'A')).status).toBe('SERVFAIL');
    expect((await dig('web', 'A')).answers).toEqual(ours);
  });

  test('of an engine that came back at other ports, names are answered again', async () => {
    await dig('elsewhere', 'A');
    await engine[Symbol.asyncDispose]();
    run('nft delete table ip docker-dns', path);
    engine = await EngineResolver.start(path, truthful(9));
    engine.addRules('nft');
    expect((await dig('elsewhere', 'A')).answers).toEqual(['elsewhere. 60 IN A 192.0.2.9']);
  });

  test('processes there can have port 53 of every address', async () => {
    const listeners = ['UDP4-RECV:53', 'TCP4-LISTEN:53'].map((from) =>
      spawn('nsenter', [`--net=${path}`, 'socat', '-u', from, 'STDOUT'], { stdio: 'ignore' }),
    );
    const bound = () => run('ss -Hlntu', path).match(/0\.0\.0\.0:53 /g)?.length === 2;
    await waitUntil('both are bound', bound);
    expect((await dig('web', 'A')).answers).toEqual(ours);
    expect((await dig('+tcp', 'web', 'A')).answers).toEqual(ours);
    await Promise.all(listeners.map((child) => end(child)));
  });

  test('a flush of all rules there passes ours by', async () => {
    run('nft flush ruleset', path);
    expect((await dig('web', 'A')).answers).toEqual(ours);
  });

  test('the later of the two ways to open replaces the other', async () => {
    await names.open(asker, path);
    expect(rulesIn(path)).toContain('type filter hook input priority 500; policy accept;');
    await names.openBeside(asker, path);
    expect(rulesIn(path)).not.toContain('type filter hook input priority 500; policy accept;');
    expect((await dig('web', 'A')).answers).toEqual(ours);
  });

  test('a namespace can have one', async () => {
    await expect(names.openBeside(other, path)).rejects.toMatchObject({ code: 'unavailable' });
    expect((await dig('web', 'A')).answers).toEqual(ours);
  });

  test('after close the engine answers everything, and nothing of ours is left', async () => {
    const before = run('ss -Hlntu', path).split('\n').length;
    names.close(asker);
    await waitUntil('the sockets are gone', () => run('ss -Hlntu', path).split('\n').length === before - 2);
    expect(table()).toBe(false);
    expect((await dig('web', 'A')).answers).toEqual(engines('web'));
    await names.openBeside(asker, path);
    expect((await dig('web', 'A')).answers).toEqual(engines('web'));
    names.setView(view([lab], { sandboxId: asker, forwarding: 'none' }));
    expect((await dig('web', 'A')).answers).toEqual(ours);
  });

  test('who waits for the engine when it is closed is told that there is no answer', async () => {
    engine.upstream.behaviour = silent;
    const waiting = dig('elsewhere', 'A');
    await waitUntil('the engine was asked', () => engine.upstream.received.length > 0);
    names.close(asker);
    expect((await waiting).status).toBe('SERVFAIL');
  });

  test('after close the namespace can end, whatever is under way', async () => {
    // An interface goes with the namespace it is in, and its peer with it.
    run(`ip link add name ct-peer type veth peer name eth0 netns ${path}`);
    engine.upstream.behaviour = silent;
    const waiting = [dig('+notcp', 'elsewhere', 'A'), dig('+tcp', 'elsewhere', 'A')];
    await waitUntil('the engine was asked', () => engine.upstream.received.length > 0);
    names.close(asker);
    await Promise.all(waiting);
    await engine[Symbol.asyncDispose]();
    await unpinNamespace(path);
    await waitUntil('the namespace ended', () => showLink('ct-peer') === undefined);
  });
});

test('what is asked in the container’s place is answered as its own questions are', async () => {
  engine.addRules('nft');
  const query = async (name: string) => {
    const { records, source } = await names.query(asker, { name, type: 'A' });
    return { records, kind: source.kind };
  };
  expect(await query('elsewhere')).toEqual({ records: [], kind: 'nowhere' });
  await names.openBeside(asker, path);
  expect(await query('web')).toEqual({ records: ours, kind: 'networks' });
  expect(await query('elsewhere')).toEqual({ records: engines('elsewhere'), kind: 'upstream' });
  names.close(asker);
  names.setView(view([lab], { sandboxId: asker, forwarding: 'none' }));
  expect(await query('elsewhere')).toEqual({ records: [], kind: 'nowhere' });
});

test('when the daemon is killed, the engine answers everything', async () => {
  engine.addRules('nft');
  const daemon = await startOther();
  expect((await dig('web', 'A')).answers).toEqual(ours);
  await end(daemon);
  expect(table()).toBe(false);
  expect((await dig('web', 'A')).answers).toEqual(engines('web'));
  await names.openBeside(asker, path);
  expect((await dig('web', 'A')).answers).toEqual(ours);
});

/** Another daemon's process, answering in the namespace. */
async function startOther(): Promise<ChildProcess> {
  const script = new URL('./other-daemon.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('ready\n');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
