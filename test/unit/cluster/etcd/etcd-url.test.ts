import { expect, test } from 'vitest';
import { etcdUrl, parseEtcdUrls } from '../../../../src/cluster/etcd/etcd-url.ts';

test.each<[string, object]>([
  ['http://10.0.0.1:2379', { addresses: [{ host: '10.0.0.1', port: 2379 }], tls: false }],
  ['https://etcd.example', { addresses: [{ host: 'etcd.example', port: 2379 }], tls: true }],
  ['http://[2001:db8::1]:4001/', { addresses: [{ host: '2001:db8::1', port: 4001 }] }],
  ['http://host:80', { addresses: [{ host: 'host', port: 80 }] }],
  ['https://host:443/', { addresses: [{ host: 'host', port: 443 }] }],
  ['HTTP://host', { addresses: [{ host: 'host', port: 2379 }], tls: false }],
  ['http://host/a/b//', { prefix: '/a/b' }],
  ['http://host/with%20space', { prefix: '/with space' }],
  ['http://u:p%40s%3As@host', { user: { name: 'u', password: 'p@s:s' } }],
])('reads %s', (text, expected) => {
  expect(parseEtcdUrls([text])).toMatchObject(expected);
});

test('needs no port, user or prefix', () => {
  expect(parseEtcdUrls(['http://host'])).toEqual({
    addresses: [{ host: 'host', port: 2379 }],
    tls: false,
    prefix: '/fairlead',
  });
});

test('takes several members, each once', () => {
  const { addresses } = parseEtcdUrls(['http://b/x', 'http://a/x/', 'http://b:2379/x']);
  expect(addresses.map(({ host }) => host)).toEqual(['b', 'a']);
});

test.each([
  ['scheme', 'http://a', 'https://b'],
  ['prefix', 'http://a/x', 'http://b/y'],
  ['user or password', 'http://u:p@a', 'http://b'],
  ['user or password', 'http://u:p@a', 'http://u:q@b'],
])('refuses members that differ in their %s', (difference, one, other) => {
  expect(() => parseEtcdUrls([one, other])).toThrow(`differ in their ${difference}`);
});

test.each([
  ['10.0.0.1:2379', 'has to begin with http:// or https://'],
  ['tcp://host', 'has to begin with http:// or https://'],
  ['http://', 'is not a URL'],
  ['http://host:99999', 'is not a URL'],
  ['http://host:0', 'no port'],
  ['http://u@host', 'needs a user and a password'],
  ['http://host/?a=b', 'more than'],
  ['http://host/%zz', 'percent sign'],
])('refuses %s', (text, reason) => {
  expect(() => parseEtcdUrls([text])).toThrow(reason);
});

test.each([
  ['http://u:secret@host?x=1', 'http://u:***@host?x=1'],
  ['http://u:secret@part@host/?x=1', 'http://u:***@host/?x=1'],
  ['ftp://u:secret@host', 'ftp://u:***@host'],
  ['u:secret@host', 'u:***@host'],
])('names %s without its password', (text, shown) => {
  expect(() => parseEtcdUrls([text])).toThrow(`etcd URL ${shown} `);
  expect(() => parseEtcdUrls([text])).not.toThrow('secret');
});

test('names two that differ without their passwords', () => {
  expect(() => parseEtcdUrls(['http://u:secret1@a', 'http://u:secret2@b'])).toThrow(
    'etcd URLs http://u:***@a and http://u:***@b differ',
  );
});

test('refuses to begin without a URL', () => {
  expect(() => parseEtcdUrls([])).toThrow('no URL of etcd is given');
});

test('writes an address as a URL has it', () => {
  expect(etcdUrl({ host: '::1', port: 2379 }, true)).toBe('https://[::1]:2379');
  expect(etcdUrl({ host: 'a', port: 1 }, false)).toBe('http://a:1');
});
