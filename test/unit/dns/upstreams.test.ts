// Which nameservers are the host's, and how changes of its files are followed.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followHostUpstreams, type HostUpstreams } from '../../../src/dns/upstreams.ts';
import { waitUntil } from '../../support/wait-until.ts';

let directory: string;
let upstreams: HostUpstreams | undefined;
const log = pino({ level: 'silent' });

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'upstreams-'));
});

afterEach(async () => {
  upstreams?.close();
  await rm(directory, { recursive: true });
});

const path = (name: string) => join(directory, name);
const write = (name: string, ...addresses: string[]) =>
  writeFile(path(name), addresses.map((address) => `nameserver ${address}\n`).join(''));

function follow(): HostUpstreams {
  upstreams = followHostUpstreams({
    log,
    resolvConf: path('resolv.conf'),
    stubResolvConf: path('resolved/resolv.conf'),
  });
  return upstreams;
}

async function become(...addresses: string[]): Promise<void> {
  await waitUntil(`the upstreams are ${addresses}`, () => upstreams?.addresses.join() === addresses.join());
}

test('the nameservers of the host are its upstreams, but for our own resolver', async () => {
  await write('resolv.conf', '192.0.2.1', '127.0.0.11', '2001:db8::1');
  expect(follow().addresses).toEqual(['192.0.2.1', '2001:db8::1']);
});

test('a host without resolv.conf has none, until there is one', async () => {
  expect(follow().addresses).toEqual([]);
  await write('resolv.conf', '192.0.2.1');
  await become('192.0.2.1');
});

test.each<[string, string[], string[]]>([
  ['alone stands for what is behind it', ['127.0.0.53'], ['192.0.2.9']],
  ['among others is one of them', ['127.0.0.53', '192.0.2.1'], ['127.0.0.53', '192.0.2.1']],
])("systemd-resolved's stub %s", async (_, listed, expected) => {
  await mkdir(path('resolved'));
  await write('resolved/resolv.conf', '192.0.2.9');
  await write('resolv.conf', ...listed);
  expect(follow().addresses).toEqual(expected);
});

test('the stub is asked itself when nothing is known behind it', async () => {
  await write('resolv.conf', '127.0.0.53');
  expect(follow().addresses).toEqual(['127.0.0.53']);
});

test('a change behind the stub is followed', async () => {
  await mkdir(path('resolved'));
  await write('resolved/resolv.conf', '192.0.2.9');
  await write('resolv.conf', '127.0.0.53');
  follow();
  await write('resolved/resolv.conf', '192.0.2.10');
  await become('192.0.2.10');
});

test('a file written in place is followed, again and again', async () => {
  await write('resolv.conf', '192.0.2.1');
  follow();
  for (const address of ['192.0.2.2', '192.0.2.3']) {
    await write('resolv.conf', address);
    await become(address);
  }
});

test('a file replaced by another is followed, again and again', async () => {
  await write('resolv.conf', '192.0.2.1');
  follow();
  for (const address of ['192.0.2.2', '192.0.2.3']) {
    await write('new', address);
    await rename(path('new'), path('resolv.conf'));
    await become(address);
  }
});

test('a link is followed to its file, and to another when it is changed', async () => {
  await mkdir(path('elsewhere'));
  await write('elsewhere/one', '192.0.2.1');
  await write('elsewhere/two', '192.0.2.5');
  await symlink(path('elsewhere/one'), path('resolv.conf'));
  expect(follow().addresses).toEqual(['192.0.2.1']);
  await write('elsewhere/new', '192.0.2.2');
  await rename(path('elsewhere/new'), path('elsewhere/one'));
  await become('192.0.2.2');
  await symlink(path('elsewhere/two'), path('link'));
  await rename(path('link'), path('resolv.conf'));
  await become('192.0.2.5');
});

test('a file that is removed leaves no upstreams', async () => {
  await write('resolv.conf', '192.0.2.1');
  follow();
  await rm(path('resolv.conf'));
  await become();
});
