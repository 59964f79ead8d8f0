// Changes as the name server's thread is told them, against bytes written by hand.
import { expect, test } from 'vitest';
import { putEndpoint, removeEndpoint, removeView, setView } from '../../../../src/dns/names/table-changes.ts';
import type { EndpointId } from '../../../../src/model/ids.ts';
import type { NameEntry } from '../../../../src/model/name-entry.ts';
import { entry, lab } from '../names.ts';

const bare: NameEntry = { ...entry('w', lab, { addresses: [] }), endpointId: 'e' as EndpointId };
const numbers = { endpoint: 1, network: 2, sandbox: 0x01020304 };
/** In groups as they are in the format. */
const hex = (...parts: string[]) => parts.join('').replaceAll(' ', '');

test.each<[string, Buffer, string]>([
  [
    'an endpoint with one name',
    putEndpoint(numbers, bare),
    hex(
      '01 0000002f 00000001 00000002 01020304',
      '04 036c6162',
      '03 770065',
      '06 0177034c6162',
      '00000001 02 0177',
      '00000000 00000000 00000000',
    ),
  ],
  [
    'an endpoint with all there is',
    putEndpoint(numbers, {
      ...bare,
      names: ['W', 'a.b', 'w', 'ö'],
      addresses: ['10.0.0.2', 'fd00::2', '10.0.0.3'] as unknown as NameEntry['addresses'],
      services: [
        { protocol: 'tcp', port: 80 },
        { protocol: 'sctp', port: 0x1234 },
        { protocol: 'udp', port: 53 },
      ],
    }),
    hex(
      '01 00000059 00000001 00000002 01020304',
      '04 036c6162',
      '03 570065',
      '06 0157034c6162',
      '00000003 02 0177 04 01610162 03 02c3b6',
      '00000002 0a000002 0a000003',
      '00000001 fd000000000000000000000000000002',
      '00000003 06 0050 84 1234 11 0035',
    ),
  ],
  [
    'an endpoint whose own name and network no message can hold',
    putEndpoint(numbers, { ...bare, names: ['x'.repeat(64), 'a..b', 'w'], networkName: 'a..b' }),
    hex(
      '01 00000064 00000001 00000002 01020304',
      '00',
      `42 ${'78'.repeat(64)} 0065`,
      '00',
      '00000001 02 0177',
      '00000000 00000000 00000000',
    ),
  ],
  ['an endpoint that is gone', removeEndpoint(7), hex('02 00000004 00000007')],
  [
    'a view',
    setView({
      sandbox: 1,
      group: 9,
      networks: [3, 2],
      links: [
        { alias: 'Peer', target: 4 },
        { alias: '', target: 5 },
      ],
    }),
    hex('03 00000022 00000001 00000009', '00000002 00000003 00000002', '00000001 05 0470656572 00000004'),
  ],
  [
    'a view of nothing',
    setView({ sandbox: 1, group: 0, networks: [], links: [] }),
    hex('03 00000010 00000001 00000000 00000000 00000000'),
  ],
  ['a view that is gone', removeView(8), hex('04 00000004 00000008')],
])('%s', (_, change, expected) => {
  expect(change.toString('hex')).toBe(expected);
});

test('what orders endpoints has 255 bytes at most, the id among them', () => {
  const order = putEndpoint(numbers, { ...bare, names: ['x'.repeat(300)] });
  const start = 5 + 12 + 5;
  expect(order[start]).toBe(255);
  expect(order.subarray(start + 254, start + 256).toString()).toBe('\0e');
});
