// Settings of a cluster: what is read, what is refused, and that no refusal tells a password.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/bin/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'fairlead-cluster-settings-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(content: string): string {
  const path = join(directory, `netd-${files++}.json`);
  writeFileSync(path, content);
  return path;
}

/** Of a host that was told of a server, and of what else is given. */
function cluster(...args: readonly string[]) {
  return readConfig(['--etcd', 'https://root:hush@192.0.2.9:2379/prod', ...args], {})?.cluster;
}

test('without etcd there is no cluster', () => {
  expect(readConfig([], {})).not.toHaveProperty('cluster');
  expect(readConfig([], { FAIRLEAD_ETCD: '' })).not.toHaveProperty('cluster');
});

test('what is not given is left open', () => {
  expect(cluster()).toEqual({ urls: ['https://root:hush@192.0.2.9:2379/prod'] });
});

test('every setting is read', () => {
  const files = '--etcd-ca /etc/ca.pem --etcd-cert /etc/host.pem --etcd-key /etc/host.key';
  const rest = '--advertise 2001:DB8::1 --cluster-lease 5 --cluster-grace 5';
  expect(cluster(...files.split(' '), ...rest.split(' '))).toEqual({
    urls: ['https://root:hush@192.0.2.9:2379/prod'],
    ca: '/etc/ca.pem',
    cert: '/etc/host.pem',
    key: '/etc/host.key',
    advertise: '2001:db8::1',
    leaseSeconds: 5,
    graceSeconds: 5,
  });
});

test('several servers are given as flags, in a variable or in the file', () => {
  const urls = ['http://192.0.2.8:2379', 'http://192.0.2.9:2379'];
  const flags = urls.flatMap((url) => ['--etcd', url]);
  expect(readConfig(flags, {})?.cluster?.urls).toEqual(urls);
  expect(readConfig([], { FAIRLEAD_ETCD: urls.join(' ') })?.cluster?.urls).toEqual(urls);
  expect(readConfig(['--config', file(JSON.stringify({ etcd: urls }))], {})?.cluster?.urls).toEqual(urls);
});

test.each([
  [['--cluster-lease', '4'], '--cluster-lease: 4 is no number of seconds from 5 to 300'],
  [['--cluster-lease', '301'], '--cluster-lease: 301 is no number of seconds from 5 to 300'],
  [['--cluster-lease', '7.5'], '--cluster-lease: 7.5 is no number of seconds'],
  [['--cluster-lease', '1e2'], '--cluster-lease: 1e2 is no number of seconds'],
  [['--cluster-grace', '29'], '--cluster-grace: 29 is no number of seconds from 30 to 604800, no less than'],
  [['--cluster-lease', '60', '--cluster-grace', '59'], 'from 60 to 604800, no less than the lease'],
  [['--cluster-grace', '604801'], '--cluster-grace: 604801 is no number of seconds from 30 to 604800'],
  [['--advertise', 'eth0'], '--advertise: eth0 is not an IP address'],
  [['--advertise', '127.0.0.1'], '--advertise: 127.0.0.1 is in 127.0.0.0/8, where no other host can send to'],
  [['--advertise', '::'], '--advertise: :: is in ::/127'],
  [['--advertise', 'fe80::1'], '--advertise: fe80::1 is in fe80::/10'],
  [['--etcd-ca', 'ca.pem'], '--etcd-ca: ca.pem is not an absolute path'],
  [['--etcd-cert', '/etc/host.pem'], '--etcd-cert is of use with --etcd-key alone'],
  [['--etcd-key', '/etc/host.key'], '--etcd-key is of use with --etcd-cert alone'],
])('refuses %j', (args, message) => {
  expect(() => cluster(...args)).toThrow(message);
});

test.each([
  [['--advertise', '192.0.2.1'], '--advertise is of use with --etcd URL alone'],
  [['--cluster-lease', '30'], '--cluster-lease is of use with --etcd URL alone'],
  [['--etcd-ca', '/etc/ca.pem'], '--etcd-ca is of use with --etcd URL alone'],
  [
    ['--etcd', 'http://192.0.2.9:2379', '--etcd-ca', '/etc/ca.pem'],
    '--etcd-ca is of use with https://… alone',
  ],
])('refuses %j where there is nothing it could mean', (args, message) => {
  expect(() => readConfig(args, {})).toThrow(message);
});

describe('a password', () => {
  const url = 'http://root:hu@sh@192.0.2.9:notaport';

  test.each([
    ['in a URL that is refused', ['--etcd', url], {}],
    ['in a word too many', ['--etcd', 'http://192.0.2.9:2379', url], {}],
    ['given for something else', ['--dns', url], {}],
    ['in a variable', [], { FAIRLEAD_ETCD: url }],
    ['in a file', ['--config', file(JSON.stringify({ etcd: { url } }))], {}],
  ])('%s is not told', (_, args, env) => {
    expect(() => readConfig(args, env)).toThrow();
    expect(() => readConfig(args, env)).not.toThrow(/hu|sh@|root/);
  });

  test('in a file that is not JSON is not told', () => {
    const path = file(`{"etcd": ${url}}`);
    const refused = () => readConfig(['--config', path], {});
    expect(refused).toThrow(`config file ${path} is not JSON: SyntaxError: Unexpected token 'h'`);
    expect(refused).not.toThrow(/http|root/);
  });
});

test('variables and keys are named as the flags are', () => {
  const env = { FAIRLEAD_ETCD: 'http://192.0.2.9:2379', FAIRLEAD_CLUSTER_LEASE: '60' };
  const path = file('{"clusterGrace": "120", "advertise": "192.0.2.1"}');
  expect(readConfig(['--config', path], env)?.cluster).toMatchObject({
    advertise: '192.0.2.1',
    leaseSeconds: 60,
    graceSeconds: 120,
  });
});
