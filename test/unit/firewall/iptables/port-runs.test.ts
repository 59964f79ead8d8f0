// Which ports one rule can say together.
import { expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import { runsOf } from '../../../../src/firewall/iptables/port-runs.ts';
import type { PortForward } from '../../../../src/model/policy.ts';
import { addressOf, forward } from '../../../kernel/firewall/lan.ts';

/** A port that keeps its number. */
function same(port: number, more: Partial<PortForward> = {}): PortForward {
  return forward(port, addressOf(1, 2), { port, ...more });
}

const some = { from: ['10.0.0.0/8' as Cidr] };
const loopback = { hostAddress: '127.0.0.1' as IpAddress };

test.each([
  { what: 'neighbours are one', forwards: [same(80), same(81), same(82)], runs: ['80 3'] },
  { what: 'in whatever order', forwards: [same(82), same(80), same(81)], runs: ['80 3'] },
  { what: 'a gap parts them', forwards: [same(80), same(82), same(83)], runs: ['80 1', '82 2'] },
  {
    what: 'those of other protocols, addresses and askers are others',
    forwards: [same(80), same(81, { protocol: 'udp' }), same(82, loopback), same(83, some)],
    runs: ['80 1', '81 1', '82 1', '83 1'],
  },
  {
    what: 'two ranges that are mixed are told apart',
    forwards: [same(80), same(80, loopback), same(81), same(81, loopback)],
    runs: ['80 2', '80 2'],
  },
  { what: 'of the same askers', forwards: [same(80, some), same(81, { ...some })], runs: ['80 2'] },
  {
    what: 'no askers are not everybody',
    forwards: [same(80, { from: [] }), same(81)],
    runs: ['80 1', '81 1'],
  },
  {
    what: 'ports that change on the way stay single',
    forwards: [forward(9000, addressOf(1, 2), { port: 80 }), forward(9001, addressOf(1, 2), { port: 81 })],
    runs: ['9000 1', '9001 1'],
  },
  { what: 'none are none', forwards: [], runs: [] },
])('$what', ({ forwards, runs }) => {
  expect(runsOf(forwards).map(({ hostPort, count }) => `${hostPort} ${count}`)).toEqual(runs);
});
