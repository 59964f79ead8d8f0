import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import type { Sandbox } from '../../../src/model/sandbox.ts';
import { HostsFiles } from '../../../src/sandbox/hosts-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'fairlead-files-'));
const resolvConf = join(directory, 'host-resolv.conf');
const files = new HostsFiles({ directory: join(directory, 'sandboxes'), resolvConf });
const ip = (text: string) => text as IpAddress;

afterAll(() => rmSync(directory, { recursive: true }));

const sandbox: Sandbox = {
  id: 'a'.repeat(64) as SandboxId,
  name: 'web',
  createdAt: '2026-01-01T00:00:00.000Z',
  bootId: 'boot',
  namespace: { kind: 'pinned', path: '/run/netns/web', device: 4, inode: 7 },
  hostname: 'web.example',
  dns: { servers: [], search: [], options: [] },
  extraHosts: [{ name: 'db', address: ip('192.0.2.5') }],
  labels: {},
  autoRemove: false,
};
const named = { usesResolver: true, addresses: [ip('10.1.0.2'), ip('fd01::2')] };
const unnamed = { ...named, usesResolver: false };

test('the hosts file has loopback, the sandbox’s own addresses and the added hosts', async () => {
  const paths = await files.write(sandbox, named);
  expect(readFileSync(paths.hosts, 'utf8').split('\n')).toEqual([
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::\tip6-localnet',
    'ff00::\tip6-mcastprefix',
    'ff02::1\tip6-allnodes',
    'ff02::2\tip6-allrouters',
    '10.1.0.2\tweb.example',
    'fd01::2\tweb.example',
    '192.0.2.5\tdb',
    '',
  ]);
  expect(readFileSync(paths.hostname, 'utf8')).toBe('web.example\n');
});

const host =
  '# made by hand\nnameserver 127.0.0.53\nnameserver 9.9.9.9 # far\nsearch old\nsearch lan corp\noptions edns0 ndots:2\n';
const dns = (changes: Partial<Sandbox['dns']>) => ({ ...sandbox, dns: { ...sandbox.dns, ...changes } });

test.each([
  [
    'our resolver and the host’s search domains',
    sandbox,
    named,
    'nameserver 127.0.0.11\nsearch lan corp\noptions ndots:0\n',
  ],
  [
    'given search domains and options',
    dns({ search: ['a.b'], options: ['ndots:3'] }),
    named,
    'nameserver 127.0.0.11\nsearch a.b\noptions ndots:3\n',
  ],
  [
    'no search domains for a dot',
    dns({ search: ['.'], options: ['edns0'] }),
    named,
    'nameserver 127.0.0.11\noptions edns0 ndots:0\n',
  ],
  [
    'our resolver even where servers are given',
    dns({ servers: [ip('1.1.1.1')] }),
    named,
    'nameserver 127.0.0.11\nsearch lan corp\noptions ndots:0\n',
  ],
  [
    'the host’s servers but those on loopback',
    sandbox,
    unnamed,
    'nameserver 9.9.9.9\nsearch lan corp\noptions edns0 ndots:2\n',
  ],
  [
    'given servers',
    dns({ servers: [ip('1.1.1.1'), ip('fd00::53')] }),
    unnamed,
    'nameserver 1.1.1.1\nnameserver fd00::53\nsearch lan corp\noptions edns0 ndots:2\n',
  ],
])('resolv.conf has %s', async (_, which, view, expected) => {
  writeFileSync(resolvConf, host);
  const paths = await files.write(which, view);
  expect(readFileSync(paths.resolvConf, 'utf8')).toBe(expected);
});

test('a host without resolv.conf has no servers and no search domains', async () => {
  rmSync(resolvConf, { force: true });
  const paths = await files.write(sandbox, unnamed);
  expect(readFileSync(paths.resolvConf, 'utf8')).toBe('');
});

test('files are rewritten in place, so that bind mounts follow', async () => {
  const paths = await files.write(sandbox, named);
  const before = statSync(paths.hosts).ino;
  await files.write(sandbox, { ...named, addresses: [] });
  expect(statSync(paths.hosts).ino).toBe(before);
  expect(readFileSync(paths.hosts, 'utf8')).not.toContain('10.1.0.2');
});

test.each([
  ['running 123 456\n', { running: { pid: 123, startTime: 456 } }],
  ['exited 137\n', { exited: 137 }],
  ['', undefined],
])('the supervisor’s %j is read', async (text, state) => {
  const { state: path } = await files.write(sandbox, named);
  writeFileSync(path, text);
  expect(files.supervisorState(sandbox)).toEqual(state);
});

test('nothing is left of a removed sandbox, and removing it again is fine', async () => {
  await files.write(sandbox, named);
  await files.remove(sandbox);
  await files.remove(sandbox);
  expect(files.supervisorState(sandbox)).toBeUndefined();
  expect(() => statSync(files.paths(sandbox).hosts)).toThrow('ENOENT');
});
