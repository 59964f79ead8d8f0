// The kernel's answer which way a packet takes, by all its rules and tables.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { readLinks } from '../../../src/kernel/rtnetlink/client.ts';
import { RTN_LOCAL, RTN_UNICAST } from '../../../src/kernel/rtnetlink/constants.ts';
import { lookUpRoute } from '../../../src/kernel/rtnetlink/route-lookup.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';

const ip = (text: string) => text as IpAddress;
let link: number | undefined;

beforeAll(async () => {
  requireOwnNetwork();
  run('ip link add rl-one type veth peer name rl-two');
  run('ip address add 10.65.1.2/24 dev rl-one');
  run('ip address add fd65::2/64 dev rl-one nodad');
  run('ip link set rl-one up');
  run('ip link set rl-two up');
  run('ip route add 10.66.0.0/16 via 10.65.1.1');
  run('ip -6 route add fd66::/48 via fd65::1');
  run('ip route add prohibit 10.67.0.0/16');
  run('ip route add unreachable 10.68.0.0/16');
  run('ip route add blackhole 10.69.0.0/16');
  run('ip route add 10.70.0.0/16 via 10.65.1.9 table 365');
  run('ip rule add ipproto tcp dport 443 lookup 365');
  link = (await readLinks()).find(({ name }) => name === 'rl-one')?.index;
});

afterAll(() => {
  run('ip rule del ipproto tcp dport 443 lookup 365');
  run('ip link delete rl-one');
  for (const kind of ['prohibit 10.67.0.0/16', 'unreachable 10.68.0.0/16', 'blackhole 10.69.0.0/16'])
    run(`ip route del ${kind}`);
});

test.each([
  ['10.65.1.7', '10.65.1.0/24', undefined, '10.65.1.2'],
  ['10.66.3.3', '10.66.0.0/16', '10.65.1.1', '10.65.1.2'],
  ['fd65::7', 'fd65::/64', undefined, 'fd65::2'],
  ['fd66::7', 'fd66::/48', 'fd65::1', 'fd65::2'],
])('a packet to %s goes by %s', async (destination, entry, gateway, source) => {
  expect(await lookUpRoute({ destination: ip(destination) })).toMatchObject({
    type: RTN_UNICAST,
    link,
    gateway,
    source,
    entry: { destination: entry },
  });
});

test.each(['10.65.1.2', 'fd65::2', '127.0.0.1', '::1'])('%s is the namespace itself', async (destination) => {
  expect(await lookUpRoute({ destination: ip(destination) })).toMatchObject({ type: RTN_LOCAL });
});

test.each([
  ['10.67.0.1', 'EACCES'],
  ['10.68.0.1', 'EHOSTUNREACH'],
  ['10.69.0.1', 'EINVAL'],
  ['192.0.2.1', 'ENETUNREACH'],
])('a packet to %s meets %s', async (destination, error) => {
  expect(await lookUpRoute({ destination: ip(destination) })).toBe(error);
});

test('protocol and port choose the table where a rule says so', async () => {
  const packet = { destination: ip('10.70.0.1'), protocol: 6, sourcePort: 49152 };
  expect(await lookUpRoute({ ...packet, destinationPort: 443 })).toMatchObject({ gateway: '10.65.1.9' });
  expect(await lookUpRoute({ ...packet, destinationPort: 80 })).toBe('ENETUNREACH');
});
