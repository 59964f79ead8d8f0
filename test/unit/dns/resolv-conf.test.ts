// resolv.conf: what is read from the host's, and what sandboxes get.
import { describe, expect, test } from 'vitest';
import { formatResolvConf, parseResolvConf, sandboxResolvConf } from '../../../src/dns/resolv-conf.ts';

const host = {
  nameservers: ['192.0.2.1'],
  search: ['corp.example', 'example'],
  options: ['ndots:2', 'timeout:1'],
};

describe('reading', () => {
  test.each<[string, string, object]>([
    [
      'nameservers in order',
      'nameserver 192.0.2.1\nnameserver 2001:db8::1\n',
      { nameservers: ['192.0.2.1', '2001:db8::1'] },
    ],
    ['a zone', 'nameserver fe80::1%eth0', { nameservers: ['fe80::1%eth0'] }],
    [
      'tabs, spaces and line ends of other systems',
      '\tnameserver\t 192.0.2.1 \r\n',
      { nameservers: ['192.0.2.1'] },
    ],
    [
      'nothing of comments',
      '# nameserver 192.0.2.1\nnameserver 192.0.2.2 # here\n;x',
      { nameservers: ['192.0.2.2'] },
    ],
    [
      'nothing of what is no address',
      'nameserver dns.example\nnameserver\nnameserver 1.2.3',
      { nameservers: [] },
    ],
    ['the last of the search lists', 'search a b\ndomain c\nsearch d e', { search: ['d', 'e'] }],
    ['a domain as a search list of one', 'search a b\ndomain c d', { search: ['c'] }],
    ['all options', 'options ndots:1\noptions rotate edns0', { options: ['ndots:1', 'rotate', 'edns0'] }],
    ['an empty file', '', { nameservers: [], search: [], options: [] }],
  ])('takes %s', (_, text, expected) => {
    expect(parseResolvConf(text)).toMatchObject(expected);
  });
});

test('what is written is read back the same', () => {
  expect(formatResolvConf(host)).toBe(
    'nameserver 192.0.2.1\nsearch corp.example example\noptions ndots:2 timeout:1\n',
  );
  expect(parseResolvConf(formatResolvConf(host))).toEqual(host);
});

describe('a sandbox', () => {
  test.each<[string, { search?: string[]; options?: string[] }, string]>([
    [
      'has our resolver, the search domains and options of the host, and tries single names as they are',
      {},
      'nameserver 127.0.0.11\nsearch corp.example example\noptions timeout:1 ndots:0\n',
    ],
    [
      'has search domains and options of its own',
      { search: ['lab'], options: ['rotate'] },
      'nameserver 127.0.0.11\nsearch lab\noptions rotate ndots:0\n',
    ],
    [
      'has no search domains if it wants none',
      { search: ['.'] },
      'nameserver 127.0.0.11\noptions timeout:1 ndots:0\n',
    ],
    [
      'has the ndots it wants',
      { options: ['ndots:5'] },
      'nameserver 127.0.0.11\nsearch corp.example example\noptions ndots:5\n',
    ],
  ])('%s', (_, { search = [], options = [] }, expected) => {
    expect(formatResolvConf(sandboxResolvConf({ search, options }, host))).toBe(expected);
  });
});
