// The resolver in a network namespace, asked by programs people use: dig over UDP and TCP, and the C library.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createNameService } from '../../../src/dns/engine.ts';
import type { NameService } from '../../../src/dns/name-service.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { resolverConf } from '../../../src/sandbox/resolv-conf.ts';
import { FakeUpstream, truthful } from '../../unit/dns/fake-upstream.ts';
import { entry, lab, view } from '../../unit/dns/names.ts';
import { PinnedNamespaces } from './pinned-namespaces.ts';

const asker = 'asker' as SandboxId;
let namespaces: PinnedNamespaces;
let upstream: FakeUpstream;
let names: NameService;
let path: string;

beforeEach(async () => {
  namespaces = new PinnedNamespaces();
  upstream = await FakeUpstream.start(truthful(1));
  const resolvConf = join(namespaces.directory, 'host-resolv.conf');
  await writeFile(resolvConf, `nameserver ${upstream.upstream.address}\n`);
  const upstreamPort = upstream.upstream.port;
  names = createNameService({ log: pino({ level: 'silent' }), resolvConf, upstreamPort });
  names.put(
    entry('web', lab, {
      names: ['www'],
      addresses: ['10.0.0.2', 'fd00::2'],
      services: [{ protocol: 'tcp', port: 80 }],
    }),
  );
  for (let i = 0; i < 100; i++) {
    names.put(entry(`crowd${i}`, lab, { names: ['crowd'], addresses: [`10.0.1.${i}`] }));
  }
  names.setView(view([lab], { sandboxId: asker }));
  path = await namespaces.create('sandbox');
  await names.open(asker, path);
});

afterEach(async () => {
  await names.shutdown();
  await upstream[Symbol.asyncDispose]();
  await namespaces[Symbol.asyncDispose]();
});

describe.each(['+notcp', '+tcp'])('dig %s', (transport) => {
  const dig = (...question: string[]) => namespaces.dig(path, [transport, ...question]);

  test.each<[string[], string[]]>([
    [['Web', 'A'], ['Web. 5 IN A 10.0.0.2']],
    [['www.LAB', 'AAAA'], ['www.LAB. 5 IN AAAA fd00::2']],
    [['_80._tcp.web', 'SRV'], ['_80._tcp.web. 5 IN SRV 0 0 80 web.Lab.']],
    [['-x', '10.0.0.2'], ['2.0.0.10.in-addr.arpa. 5 IN PTR web.Lab.']],
    [['web', 'ANY'], ['web. 5 IN HINFO "RFC8482" ""']],
    [['web', 'MX'], ['web. 5 IN SOA fairlead. hostmaster.fairlead. 1 3600 600 86400 5']],
    [['web', 'TYPE65280'], ['web. 5 IN SOA fairlead. hostmaster.fairlead. 1 3600 600 86400 5']],
  ])('%s', async (question, answers) => {
    expect(await dig(...question)).toMatchObject({
      status: 'NOERROR',
      answers,
      flags: ['qr', 'aa', 'rd', 'ra'],
    });
  });

  test('gets answers of the host’s upstream', async () => {
    const { answers, flags } = await dig('example.com', 'A');
    expect(answers).toEqual(['example.com. 60 IN A 192.0.2.1']);
    expect(flags).toEqual(['qr', 'rd', 'ra']);
  });

  test('has everything it asks without EDNS answered without', async () => {
    expect((await dig('+noedns', 'web', 'A')).answers).toEqual(['web. 5 IN A 10.0.0.2']);
    expect((await dig('+noedns', 'web', 'A')).text).not.toContain('OPT PSEUDOSECTION');
  });

  test('is told which version of EDNS there is', async () => {
    expect((await dig('+edns=1', '+noednsnegotiation', 'web', 'A')).status).toBe('BADVERS');
  });
});

test('a long answer is cut in a datagram, and dig gets it whole over TCP', async () => {
  const cut = await namespaces.dig(path, ['+notcp', '+ignore', '+noedns', 'crowd', 'A']);
  expect(cut.flags).toContain('tc');
  expect((await namespaces.dig(path, ['+noedns', 'crowd', 'A'])).answers).toHaveLength(100);
});

test('several questions go over one connection', async () => {
  const { answers } = await namespaces.dig(path, [
    '+tcp',
    '+keepopen',
    'web',
    'A',
    'www',
    'A',
    'example.com',
    'A',
  ]);
  expect(answers).toHaveLength(3);
});

describe('the C library', () => {
  // It asks only for families of which the asker has an address beside loopback's.
  beforeEach(async () => {
    for (const address of ['10.0.0.9/24', 'fd00::9/64']) {
      await namespaces.run(path, ['ip', 'address', 'add', address, 'dev', 'lo']);
    }
  });

  const getent = async (...query: string[]) => {
    const file = join(namespaces.directory, 'resolv.conf');
    await writeFile(file, resolverConf({ servers: [], search: ['lab'], options: [] }, ''));
    const script = 'mount --bind "$0" /etc/resolv.conf && exec getent "$@"';
    const inOwnMounts = ['unshare', '--mount', '--propagation', 'private'];
    return namespaces.run(path, ['bash', '-c', script, file, ...query], inOwnMounts);
  };

  test.each<[string[], RegExp]>([
    [['ahostsv4', 'web'], /^10\.0\.0\.2 +STREAM web\n/],
    [['ahostsv6', 'www'], /^fd00::2 +STREAM www\n/],
    [['ahosts', 'WEB.lab'], /10\.0\.0\.2 +STREAM/],
    [['hosts', '10.0.0.2'], /^10\.0\.0\.2 +web\.Lab\n/],
    [['ahostsv4', 'example.com'], /^192\.0\.2\.1 +STREAM example\.com\n/],
  ])('getent %s', async (query, expected) => {
    expect((await getent(...query)).stdout).toMatch(expected);
  });
});

test('a port 53 somebody else has is left to them, and said so', async () => {
  const taken = await namespaces.create('taken');
  names.setView(view([lab], { sandboxId: 'first' as SandboxId }));
  await names.open('first' as SandboxId, taken);
  const error = await names.open('second' as SandboxId, taken).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'conflict', message: expect.stringContaining('127.0.0.11:53') });
});

test('after close nothing of ours is left in the namespace', async () => {
  await namespaces.dig(path, ['+tcp', 'web', 'A']);
  names.close(asker);
  const { stdout } = await namespaces.run(path, ['ss', '-Hlntu']);
  expect(stdout).toBe('');
});

test('questions reach upstreams from the host’s namespace', async () => {
  await namespaces.dig(path, ['+tcp', 'other.example', 'A']);
  expect(upstream.received.map(({ transport }) => transport)).toEqual(['udp']);
});
