// Port 53 of a sandbox where we answer at 127.0.0.11: who has which address of it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createNameService } from '../../../src/dns/engine.ts';
import type { NameService } from '../../../src/dns/name-service.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { run, succeeds } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { entry, lab, view } from '../../unit/dns/names.ts';
import { rulesIn } from './leading-rules.ts';
import { PinnedNamespaces } from './pinned-namespaces.ts';

const asker = 'asker' as SandboxId;
const ours = ['web. 5 IN A 10.0.0.2'];
const theirs = ['web. 0 IN A 192.0.2.53'];

let namespaces: PinnedNamespaces;
let names: NameService;
let servers: ChildProcess[];
let path: string;

beforeEach(async () => {
  namespaces = new PinnedNamespaces();
  path = await namespaces.create('sandbox');
  run('ip address add 10.9.9.9/24 dev lo', path);
  servers = [];
  names = createNameService({ log: pino({ level: 'silent' }), resolvConf: '/nowhere' });
  names.put(entry('web', lab, { addresses: ['10.0.0.2'] }));
  names.setView(view([lab], { sandboxId: asker, forwarding: 'none' }));
});

afterEach(async () => {
  await names.shutdown();
  for (const server of servers) await end(server);
  await namespaces[Symbol.asyncDispose]();
});

const dig = (question: readonly string[], server?: string) => namespaces.dig(path, question, server);

/** A DNS server of the sandbox's own, at port 53 of an address or of all. */
async function startServer(...listen: string[]): Promise<void> {
  const own = ['--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--pid-file='];
  const command = ['dnsmasq', ...own, '--user=root', '--address=/web/192.0.2.53', ...listen];
  servers.push(spawn('nsenter', [`--net=${path}`, ...command], { stdio: 'ignore' }));
  await waitUntil('the server is bound', () => run('ss -Hlntu', path).match(/:53 /g)?.length === 2);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

const everywhere = ['--listen-address=0.0.0.0', '--bind-interfaces'];

describe.each(['+notcp', '+tcp'])('dig %s', (how) => {
  test.each<[string, () => Promise<void>]>([
    [
      'first',
      async () => {
        await startServer(...everywhere);
        await names.open(asker, path);
      },
    ],
    [
      'later',
      async () => {
        await names.open(asker, path);
        await startServer(...everywhere);
      },
    ],
  ])('a server of the sandbox that takes 0.0.0.0:53 %s has it, but for our address', async (_, open) => {
    await open();
    expect((await dig([how, 'web', 'A'])).answers).toEqual(ours);
    expect((await dig([how, 'web', 'A'], '127.0.0.1')).answers).toEqual(theirs);
    expect((await dig([how, 'web', 'A'], '10.9.9.9')).answers).toEqual(theirs);
  });

  test('rules of the sandbox see port 53, whatever they track, drop and flush', async () => {
    await names.open(asker, path);
    const chain = (hook: string, policy: string) =>
      `add chain ip own ${hook} { type filter hook ${hook} priority 0; policy ${policy}; }`;
    const script = [
      'add table ip own',
      chain('input', 'drop'),
      chain('output', 'drop'),
      ...['udp', 'tcp'].flatMap((protocol) => [
        `add rule ip own output ip daddr 127.0.0.11 ${protocol} dport 53 ct state new,established accept`,
        `add rule ip own output ip saddr 127.0.0.11 ${protocol} sport 53 ct state established accept`,
        `add rule ip own input ip daddr 127.0.0.11 ${protocol} dport 53 ct state new,established accept`,
        `add rule ip own input ip saddr 127.0.0.11 ${protocol} sport 53 ct state established accept`,
      ]),
      'add chain ip own nat { type nat hook output priority -100; }',
    ].join('\n');
    await namespaces.run(path, ['bash', '-c', `nft -f - <<< "$0"`, script]);
    expect((await dig([how, 'web', 'A'])).answers).toEqual(ours);
    run('nft flush ruleset', path);
    expect((await dig([how, 'web', 'A'])).answers).toEqual(ours);
  });

  test('datagrams without a checksum, and those that were summed by their sender, arrive', async () => {
    await names.open(asker, path);
    const SO_NO_CHECK = 11;
    const script = [
      'import socket, sys',
      "question = bytes.fromhex('000101000001000000000000') + b'\\x03web\\0\\0\\1\\0\\1'",
      'for option in (0, 1):',
      '    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
      '    asking.settimeout(5)',
      `    asking.setsockopt(socket.SOL_SOCKET, ${SO_NO_CHECK}, option)`,
      "    asking.connect(('127.0.0.11', 53))",
      '    for part in (question[:7], question[7:]) if option == 0 else (question,):',
      '        last = part[-1:] == question[-1:] and len(part) != 7',
      '        asking.send(part, 0 if last else socket.MSG_MORE)',
      '    print(len(asking.recv(512)))',
    ].join('\n');
    const { stdout } = await namespaces.run(path, ['/usr/bin/python3', '-c', script]);
    expect(stdout).toBe('37\n37\n');
  });
});

test('who has port 53 of that very address keeps it', async () => {
  await startServer('--listen-address=127.0.0.11', '--bind-interfaces');
  await expect(names.open(asker, path)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('127.0.0.11:53'),
  });
  expect((await dig(['web', 'A'])).answers).toEqual(theirs);
  expect(run('ss -Hlntu', path).trim().split('\n')).toHaveLength(2);
});

test('the rules are as documented', async () => {
  await names.open(asker, path);
  expect(rulesIn(path)).toEqual([
    'table ip fairlead-names {',
    'flags owner',
    'type filter hook input priority 500; policy accept;',
    'ip daddr 127.0.0.11 udp dport 53 udp dport set 1011',
    'ip daddr 127.0.0.11 tcp dport 53 tcp dport set 1011',
    'type filter hook output priority -500; policy accept;',
    'ip saddr 127.0.0.11 udp sport 1011 udp sport set 53',
    'ip saddr 127.0.0.11 tcp sport 1011 tcp sport set 53',
  ]);
});

test('a port somebody else took is passed over', async () => {
  const socat = ['socat', '-u', 'UDP4-RECV:1011', 'STDOUT'];
  servers.push(spawn('nsenter', [`--net=${path}`, ...socat], { stdio: 'ignore' }));
  await waitUntil('it is bound', () => run('ss -Hlnu', path).includes(':1011 '));
  await names.open(asker, path);
  expect(run('ss -Hlntu', path).match(/127\.0\.0\.11:1012 /g)).toHaveLength(2);
  expect((await dig(['web', 'A'])).answers).toEqual(ours);
});

test('after close nothing of ours is left', async () => {
  await names.open(asker, path);
  names.close(asker);
  await waitUntil('the rules are gone', () => !succeeds('nft list table ip fairlead-names', path));
  expect(run('ss -Hlntu', path)).toBe('');
});
