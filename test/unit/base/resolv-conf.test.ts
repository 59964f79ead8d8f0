// What a resolv.conf says.
import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameserversOf, parseResolvConf } from '../../../src/base/resolv-conf.ts';

test.each<[string, string, string[]]>([
  ['are taken in order', 'nameserver 192.0.2.1\nnameserver 2001:db8::1\n', ['192.0.2.1', '2001:db8::1']],
  ['may have a zone', 'nameserver fe80::1%eth0', ['fe80::1%eth0']],
  ['have one form', 'nameserver FD00:0::1\nnameserver ::ffff:192.0.2.1', ['fd00::1', '192.0.2.1']],
  ['may have blanks around and line ends of other systems', '\tnameserver\t 192.0.2.1 \r\n', ['192.0.2.1']],
  ['are not in comments', '# nameserver 192.0.2.1\nnameserver 192.0.2.2 # here\n;x', ['192.0.2.2']],
  ['are addresses', 'nameserver dns.example\nnameserver\nnameserver 1.2.3', []],
  ['are not what other lines say', 'search nameserver 192.0.2.1\noptions rotate', []],
  ['are none in an empty file', '', []],
])('nameservers %s', (_, file, expected) => {
  expect(nameserversOf(file)).toEqual(expected);
});

test('every address node knows is taken', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      expect(nameserversOf(`nameserver ${address}`)).toHaveLength(isIP(address) === 0 ? 0 : 1);
    }),
  );
});

test.each([
  ['nothing of an empty file', '', {}],
  [
    'name servers, domain, search list and options',
    'nameserver 192.0.2.1\ndomain example.org\nsearch a.example b.example # two\noptions ndots:5 rotate\noptions edns0\n',
    {
      nameservers: ['192.0.2.1'],
      domain: 'example.org',
      search: ['a.example', 'b.example'],
      options: ['ndots:5', 'rotate', 'edns0'],
    },
  ],
  ['the last search list of several', 'search a\nsearch b c', { search: ['b', 'c'] }],
])('tells %s', (_, file, expected) => {
  expect(parseResolvConf(file)).toEqual(expected);
});
