// Which nameservers are the host's, and how changes of its files are followed.
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  followHostUpstreams,
  type HostUpstreams,
  type HostUpstreamsOptions,
} from '../../../../src/dns/forwarding/upstreams.ts';
import { waitUntil } from '../../../support/wait-until.ts';

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

/** By what the kernel tells alone, unless said otherwise. */
function follow(options: Partial<HostUpstreamsOptions> = {}): HostUpstreams {
  upstreams = followHostUpstreams({
    log,
    resolvConf: path('resolv.conf'),
    stubResolvConf: path('resolved/resolv.conf'),
    rereadMs: 3_600_000,
    ...options,
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
  ['as a mere proxy does so too', ['127.0.0.54'], ['192.0.2.9']],
  ['at both its addresses does so too', ['127.0.0.53', '127.0.0.54'], ['192.0.2.9']],
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

test('a link is followed that leads nowhere yet, through directories that are not there', async () => {
  await symlink('run/deep/file', path('resolv.conf'));
  expect(follow().addresses).toEqual([]);
  await mkdir(path('run/deep'), { recursive: true });
  await write('run/deep/file', '192.0.2.1');
  await become('192.0.2.1');
});

test('a link to a link is followed when either is changed', async () => {
  await write('one', '192.0.2.1');
  await write('two', '192.0.2.2');
  await symlink('one', path('middle'));
  await symlink('middle', path('resolv.conf'));
  expect(follow().addresses).toEqual(['192.0.2.1']);
  await symlink('two', path('link'));
  await rename(path('link'), path('middle'));
  await become('192.0.2.2');
  await write('two', '192.0.2.3');
  await become('192.0.2.3');
});

test('links that lead to each other are no file', async () => {
  await symlink('two', path('resolv.conf'));
  await symlink('resolv.conf', path('two'));
  expect(follow().addresses).toEqual([]);
});

test('what is behind the stub is found when its directory comes, and when it comes again', async () => {
  await write('resolv.conf', '127.0.0.53');
  expect(follow().addresses).toEqual(['127.0.0.53']);
  for (const address of ['192.0.2.9', '192.0.2.10']) {
    await mkdir(path('resolved'));
    await write('resolved/resolv.conf', address);
    await become(address);
    await rm(path('resolved'), { recursive: true });
    await become('127.0.0.53');
  }
});

test('what no watch tells of is found all the same', async () => {
  await mkdir(path('etc'));
  await write('etc/resolv.conf', '192.0.2.1');
  await mkdir(path('other'));
  await write('other/resolv.conf', '192.0.2.2');
  await symlink('etc', path('way'));
  follow({ resolvConf: path('way/resolv.conf'), rereadMs: 10 });
  await symlink('other', path('link'));
  await rename(path('link'), path('way'));
  await become('192.0.2.2');
});

test('changes are told, what stays the same is not', async () => {
  await write('resolv.conf', '192.0.2.1');
  const told: string[] = [];
  follow({ onChange: () => told.push(upstreams?.addresses.join() ?? '') });
  await writeFile(path('resolv.conf'), 'search lab\nnameserver 192.0.2.1\noptions rotate\n');
  await write('resolv.conf', '192.0.2.1', '192.0.2.2');
  await become('192.0.2.1', '192.0.2.2');
  expect(told).toEqual(['192.0.2.1,192.0.2.2']);
});

test('after close nothing is followed, and nothing is left open', async () => {
  await write('resolv.conf', '192.0.2.1');
  const descriptors = () =>
    readdirSync('/proc/self/fdinfo')
      .map(inotifyWatches)
      .reduce((a, b) => a + b, 0);
  const before = descriptors();
  follow();
  expect(descriptors()).toBeGreaterThan(before);
  upstreams?.close();
  expect(descriptors()).toBe(before);
});

/** How many watches a descriptor has, see proc_pid_fdinfo(5). */
function inotifyWatches(fd: string): number {
  try {
    return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/^inotify wd/gm)?.length ?? 0;
  } catch {
    return 0;
  }
}

test('a file that is removed leaves no upstreams', async () => {
  await write('resolv.conf', '192.0.2.1');
  follow();
  await rm(path('resolv.conf'));
  await become();
});
