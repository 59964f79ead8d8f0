// The nameservers of a resolv.conf.
import { expect, test } from 'vitest';
import { nameserversOf } from '../../../src/dns/resolv-conf.ts';

test.each<[string, string, string[]]>([
  ['are taken in order', 'nameserver 192.0.2.1\nnameserver 2001:db8::1\n', ['192.0.2.1', '2001:db8::1']],
  ['may have a zone', 'nameserver fe80::1%eth0', ['fe80::1%eth0']],
  ['may have blanks around and line ends of other systems', '\tnameserver\t 192.0.2.1 \r\n', ['192.0.2.1']],
  ['are not in comments', '# nameserver 192.0.2.1\nnameserver 192.0.2.2 # here\n;x', ['192.0.2.2']],
  ['are addresses', 'nameserver dns.example\nnameserver\nnameserver 1.2.3', []],
  ['are not what other lines say', 'search nameserver 192.0.2.1\noptions rotate', []],
  ['are none in an empty file', '', []],
])('nameservers %s', (_, file, expected) => {
  expect(nameserversOf(file)).toEqual(expected);
});
