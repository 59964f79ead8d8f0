// Names in the reverse trees.
import { expect, test } from 'vitest';
import { addressOfReverseName } from '../../../../src/dns/message/reverse-name.ts';

test.each([
  ['4.3.2.1.in-addr.arpa', '1.2.3.4'],
  ['255.0.0.10.in-addr.arpa', '10.0.0.255'],
  [`1.${'0.'.repeat(29)}d.f.ip6.arpa`, 'fd00::1'],
  ['256.0.0.10.in-addr.arpa', undefined],
  ['3.2.1.in-addr.arpa', undefined],
  ['5.4.3.2.1.in-addr.arpa', undefined],
  ['x.3.2.1.in-addr.arpa', undefined],
  [`${'0.'.repeat(31)}ip6.arpa`, undefined],
  [`${'g.'.repeat(32)}ip6.arpa`, undefined],
  ['4.3.2.1.in-addr.arpa.example', undefined],
])('%s stands for %s', (name, address) => {
  expect(addressOfReverseName(name)).toBe(address);
});
