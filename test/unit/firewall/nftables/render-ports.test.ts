// Where published ports are kept: single ones in hash tables, ranges and ports for some askers alone in interval sets.
import { expect, test } from 'vitest';
import { type Cidr, fromBytes, type IpAddress } from '../../../../src/base/cidr.ts';
import { destinationText } from '../../../../src/firewall/nftables/key.ts';
import { renderRuns } from '../../../../src/firewall/nftables/render-ports.ts';
import type { PortForward } from '../../../../src/model/policy.ts';

const anywhere = '0.0.0.0' as IpAddress;
const base: PortForward = {
  protocol: 'tcp',
  hostAddress: anywhere,
  hostPort: 8000,
  address: '10.1.0.2' as IpAddress,
  port: 8000,
  keepSource: true,
};
const opened = { hostAddress: '10.1.0.2' as IpAddress };
const onLoopback = { hostAddress: '127.0.0.1' as IpAddress };
const everybody = '0.0.0.0-255.255.255.255';
const askers = { from: ['10.9.0.0/24', '10.9.1.0/24', '10.9.0.7/32', '192.0.2.1/32'] as Cidr[] };

function rendered(more: Partial<PortForward>, size: number): readonly string[] {
  return renderRuns([{ first: { ...base, ...more }, size }]).map(({ set, key, lastKey, data }) => {
    const lead = data instanceof Uint8Array ? ` : ${leadText(data)}` : '';
    return `${set} ${destinationText(key, lastKey)}${lead}`;
  });
}

function leadText(data: Uint8Array): string {
  const bytes = data.length > 8 ? 16 : 4;
  const address = fromBytes(data.subarray(0, bytes));
  const rest = data.subarray(bytes);
  return rest.length === 0 ? address : `${address} ${((rest[0] ?? 0) << 8) | (rest[1] ?? 0)}`;
}

test.for<{ what: string; more: Partial<PortForward>; size?: number; elements: readonly string[] }>([
  { what: 'a single port', more: { port: 80 }, elements: ['ports-ipv4 8000/tcp : 10.1.0.2 80'] },
  {
    what: 'a single port on one address',
    more: { ...onLoopback, keepSource: false },
    elements: [
      'address-ports-ipv4 8000/tcp on 127.0.0.1 : 10.1.0.2 8000',
      'loopback-ports 8000/tcp on 127.0.0.1',
      'masqueraded-ipv4 8000/tcp on 10.1.0.2',
    ],
  },
  {
    what: 'a range',
    more: {},
    size: 10,
    elements: [`ranges-ipv4 8000-8009/tcp on ${everybody} for ${everybody} : 10.1.0.2`],
  },
  {
    what: 'a range on one address',
    more: { ...onLoopback, keepSource: false },
    size: 2,
    elements: [
      `ranges-ipv4 8000-8001/tcp on 127.0.0.1 for ${everybody} : 10.1.0.2`,
      'loopback-ranges 8000-8001/tcp on 127.0.0.1',
      'masqueraded-ranges-ipv4 8000-8001/tcp on 127.0.0.1',
    ],
  },
  {
    what: 'a range over IPv6',
    more: {
      hostAddress: 'fd00::1' as IpAddress,
      address: 'fd01::2' as IpAddress,
      from: ['fd02::/64' as Cidr],
    },
    size: 2,
    elements: ['ranges-ipv6 8000-8001/tcp on fd00::1 for fd02::-fd02::ffff:ffff:ffff:ffff : fd01::2'],
  },
  {
    what: 'a port for some',
    more: { ...askers, port: 80 },
    elements: [
      `restricted-ports-ipv4 8000/tcp on ${everybody} for 10.9.0.0-10.9.1.255 : 10.1.0.2 80`,
      `restricted-ports-ipv4 8000/tcp on ${everybody} for 192.0.2.1 : 10.1.0.2 80`,
    ],
  },
  {
    what: 'a port for some that is the same at the endpoint',
    more: { from: ['192.0.2.1/32' as Cidr] },
    elements: [`ranges-ipv4 8000/tcp on ${everybody} for 192.0.2.1 : 10.1.0.2`],
  },
  { what: 'a port for nobody', more: { from: [] }, elements: [] },
  { what: 'an open port', more: opened, elements: ['open-ports-ipv4 8000/tcp on 10.1.0.2'] },
  {
    what: 'open ports',
    more: opened,
    size: 3,
    elements: [`open-ranges-ipv4 8000-8002/tcp on 10.1.0.2 for ${everybody}`],
  },
  {
    what: 'an open port for some',
    more: { ...opened, from: ['192.0.2.0/31' as Cidr] },
    elements: ['open-ranges-ipv4 8000/tcp on 10.1.0.2 for 192.0.2.0-192.0.2.1'],
  },
])('$what', ({ more, size = 1, elements }) => {
  expect(rendered(more, size)).toEqual(elements);
});
