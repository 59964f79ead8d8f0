import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultRouteLink, egressLink, hostSubnetsInUse } from '../../../src/kernel/host-subnets.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';

const directory = mkdtempSync(join(tmpdir(), 'fairlead-subnets-'));
const resolvConf = join(directory, 'resolv.conf');

beforeAll(() => {
  requireOwnNetwork();
  run('ip link add hs-one mtu 1444 type veth peer name hs-two');
  run('ip address add 10.65.1.2/24 dev hs-one');
  run('ip address add fd65::2/64 dev hs-one nodad');
  run('ip link set hs-one up');
  run('ip link set hs-two up');
});

afterAll(() => {
  run('ip link delete hs-one');
  rmSync(directory, { recursive: true });
});

test('routes of every table, addresses and nameservers are in use', async () => {
  writeFileSync(resolvConf, '# nameserver 1.1.1.1\nnameserver 192.0.2.53\nnameserver fd99::53%eth0\n');
  run('ip route add 10.66.0.0/16 via 10.65.1.1 table 365');
  run('ip route add unreachable 10.67.0.0/16 table 366');
  run('ip -6 route add fd66::/48 via fd65::1 table 365');
  try {
    const inUse = await hostSubnetsInUse(resolvConf);
    expect(inUse).toEqual(
      expect.arrayContaining([
        '127.0.0.0/8',
        '10.65.1.0/24',
        '10.66.0.0/16',
        '10.67.0.0/16',
        'fd65::/64',
        'fd66::/48',
        '192.0.2.53/32',
        'fd99::53/128',
      ]),
    );
    expect(inUse).not.toContain('1.1.1.1/32');
    expect(inUse).not.toContain('0.0.0.0/0');
  } finally {
    run('ip route flush table 365');
    run('ip route flush table 366');
    run('ip -6 route flush table 365');
  }
});

test('a resolv.conf that is not there has no nameservers', async () => {
  expect(await hostSubnetsInUse(join(directory, 'nothing'))).toContain('10.65.1.0/24');
});

test('the egress link is that of the default route with the lowest metric, in IPv4 first', async () => {
  run('ip -6 route add default via fd65::1 dev hs-one metric 50');
  expect(await defaultRouteLink(4)).toBeUndefined();
  expect(await egressLink()).toMatchObject({ name: 'hs-one', mtuBytes: 1444 });
  run('ip route add default dev hs-two metric 20');
  run('ip route add default via 10.65.1.1 dev hs-one metric 30');
  expect((await egressLink())?.name).toBe('hs-two');
  run('ip route delete default dev hs-two');
  expect((await egressLink())?.name).toBe('hs-one');
  run('ip route delete default');
  run('ip -6 route delete default');
});
