// Parts of rules, as `iptables-save` of 1.8.9 prints them.
import { expect, test } from 'vitest';
import type { Cidr } from '../../../../src/base/cidr.ts';
import { cidrText, fromEach, toPorts } from '../../../../src/firewall/iptables/rule-text.ts';

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['fd82::2/128', 'fd82::2/128'],
  ['::1/128', '::1/128'],
  ['::102:304/128', '::1.2.3.4/128'],
])('the subnet %s is printed as %s', (cidr, text) => {
  expect(cidrText(cidr as Cidr)).toBe(text);
});

test.each([
  { what: 'everybody', from: undefined, rules: ['-j X'] },
  { what: 'nobody', from: [], rules: [] },
  {
    what: 'some',
    from: ['10.0.0.0/8', '192.0.2.1/32'],
    rules: ['-s 10.0.0.0/8 -j X', '-s 192.0.2.1/32 -j X'],
  },
  { what: 'every address there is', from: ['10.0.0.0/8', '0.0.0.0/0'], rules: ['-j X'] },
])('a rule for $what', ({ from, rules }) => {
  expect(fromEach(from as readonly Cidr[] | undefined, '-j X')).toEqual(rules);
});

test('one port, and several', () => {
  expect(toPorts({ protocol: 'tcp', first: 80, count: 1 })).toBe('-p tcp -m tcp --dport 80');
  expect(toPorts({ protocol: 'udp', first: 80, count: 3 })).toBe('-p udp -m udp --dport 80:82');
});
