import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseInterfaceAddress, parseIp } from '../../../src/base/cidr.ts';
import { parseMac } from '../../../src/base/mac.ts';
import type { Attachment } from '../../../src/model/attachment.ts';
import { NetnsSandboxes } from '../../../src/sandbox/netns-sandbox.ts';
import type { PinnedNamespace } from '../../../src/sandbox/sandbox.ts';
import {
  makeWorkspace,
  reaches,
  requireOwnNetwork,
  run,
  showLink,
  showLinks,
} from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';

const bridge = 'at-br';
const workspace = makeWorkspace();
let sandboxes: NetnsSandboxes;

beforeAll(() => {
  requireOwnNetwork();
  run(`ip link add ${bridge} address 02:00:00:00:01:01 type bridge mcast_snooping 0 forward_delay 0`);
  run(`ip address add 10.71.0.1/24 dev ${bridge}`);
  run(`ip address add fd71::1/64 dev ${bridge} nodad`);
  run(`ip link set ${bridge} up`);
  sandboxes = new NetnsSandboxes(workspace);
});

afterAll(() => {
  run(`ip link delete ${bridge}`);
  workspace.remove();
});

let one: PinnedNamespace;
let two: PinnedNamespace;

beforeEach(async () => {
  one = await sandboxes.create('one');
  two = await sandboxes.create('two');
});

afterEach(async () => {
  await sandboxes.remove(one, [attachment(1), attachment(2)]);
  await sandboxes.remove(two, [attachment(2)]);
});

const gateways = { ipv4: parseIp('10.71.0.1', 'test'), ipv6: parseIp('fd71::1', 'test') };
const routes = {
  ipv4: { gateway: gateways.ipv4, ifname: 'eth0' },
  ipv6: { gateway: gateways.ipv6, ifname: 'eth0' },
};

function attachment(number: number, changes: Partial<Attachment> = {}): Attachment {
  const host = number + 1;
  const hex = host.toString(16);
  return {
    link: { kind: 'veth', hostIfname: `at-${number}`, bridge, isolated: false, hairpin: false },
    ifname: 'eth0',
    mac: parseMac(`02:00:00:00:02:${hex.padStart(2, '0')}`, 'test'),
    mtuBytes: 1400,
    addresses: [
      parseInterfaceAddress(`10.71.0.${host}/24`, 'test'),
      parseInterfaceAddress(`fd71::${hex}/64`, 'test'),
    ],
    routes: [],
    gateways,
    ...changes,
  };
}

test('two sandboxes on a bridge reach each other and the host over both families', async () => {
  await sandboxes.attach(one, attachment(1), routes);
  await sandboxes.attach(two, attachment(2), routes);
  for (const address of ['10.71.0.3', 'fd71::3', '10.71.0.1', 'fd71::1']) {
    expect(reaches(address, one.path), address).toBe(true);
  }
});

test('the interface has its name, addresses, MAC address and MTU, and the default routes', async () => {
  await sandboxes.attach(one, attachment(1), routes);
  const link = showLink('eth0', one.path);
  expect(link).toMatchObject({ mtu: 1400, address: '02:00:00:00:02:02' });
  expect(link?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`)).toEqual([
    '10.71.0.2/24',
    'fd71::2/64',
    'fe80::ff:fe00:202/64',
  ]);
  expect(run('ip route show default', one.path)).toContain('via 10.71.0.1 dev eth0');
  expect(run('ip -6 route show default', one.path)).toContain('via fd71::1 dev eth0');
  expect(showLink('at-1')).toMatchObject({ mtu: 1400, master: bridge });
});

test('an interface without an IPv6 address has no IPv6, in a namespace of ours and in an adopted one', async () => {
  const adopted = await sandboxes.adopt({ path: two.path });
  run('sysctl -qw net.ipv6.conf.default.disable_ipv6=0', two.path);
  for (const [namespace, number] of [
    [one, 1],
    [adopted, 2],
  ] as const) {
    const plain = attachment(number);
    await sandboxes.attach(namespace, { ...plain, addresses: plain.addresses.slice(0, 1) }, {});
    expect(showLink('eth0', namespace.path)?.addr_info.map(({ local }) => local)).toEqual([
      `10.71.0.${number + 1}`,
    ]);
  }
});

test('a port that is guarded lets no frame pass by what guards it', async () => {
  const plain = attachment(1);
  const port = { hostIfname: 'at-1', bridge, isolated: false, hairpin: false, guarded: true } as const;
  await sandboxes.attach(one, { ...plain, link: { kind: 'veth', ...port } }, routes);
  expect(showLink('at-1')?.linkinfo?.info_slave_data).toMatchObject({ group_fwd_mask: '0xfffd' });
});

test('a port is isolated and hairpin as asked for', async () => {
  const plain = attachment(1);
  await sandboxes.attach(
    one,
    { ...plain, link: { kind: 'veth', hostIfname: 'at-1', bridge, isolated: true, hairpin: true } },
    routes,
  );
  expect(showLink('at-1')?.linkinfo?.info_slave_data).toMatchObject({ isolated: true, hairpin: true });
});

test('isolated ports reach the host and not each other', async () => {
  for (const [namespace, number] of [
    [one, 1],
    [two, 2],
  ] as const) {
    const link = {
      kind: 'veth',
      hostIfname: `at-${number}`,
      bridge,
      isolated: true,
      hairpin: false,
    } as const;
    await sandboxes.attach(namespace, attachment(number, { link }), routes);
  }
  expect(reaches('10.71.0.1', one.path)).toBe(true);
  expect(reaches('10.71.0.3', one.path)).toBe(false);
});

test('a connection made at once after an attach loses no packet', async () => {
  const server = spawn('nsenter', [
    `--net=${one.path}`,
    'socat',
    'TCP4-LISTEN:8080,fork,reuseaddr,backlog=64',
    'SYSTEM:true',
  ]);
  try {
    await waitUntil('the server listens', () => run('ss -Htln sport = :8080', one.path) !== '');
    // The neighbour is known beforehand, so that what is lost can only be a segment, and is counted.
    run(`ip neighbour replace 10.71.0.2 lladdr 02:00:00:00:02:02 nud permanent dev ${bridge}`);
    const before = retransmissions();
    for (let round = 0; round < 60; round++) {
      await sandboxes.attach(one, attachment(1), routes);
      const socket = connect({ host: '10.71.0.2', port: 8080 });
      await once(socket, 'connect');
      socket.resetAndDestroy(); // a close would be sent again to whoever is gone by then
      await sandboxes.detach(one, attachment(1), {});
    }
    expect(retransmissions() - before).toBe(0);
  } finally {
    run(`ip neighbour delete 10.71.0.2 dev ${bridge}`);
    server.kill();
    await once(server, 'close');
  }
});

test('a detached interface is gone on both sides when the call returns', async () => {
  const before = showLinks().map(({ ifname }) => ifname);
  await sandboxes.attach(one, attachment(1), routes);
  await sandboxes.detach(one, attachment(1), {});
  expect(showLinks().map(({ ifname }) => ifname)).toEqual(before);
  expect(showLink('eth0', one.path)).toBeUndefined();
  await sandboxes.detach(one, attachment(1), {});
});

test('forty interfaces detached together, some of them gone already, are all gone', async () => {
  const many = Array.from({ length: 40 }, (_, i) => ({
    ...attachment(i + 1),
    ifname: `eth${i}`,
    addresses: [],
  }));
  for (const each of many) await sandboxes.attach(one, each, {});
  run('ip link delete at-3');
  run('ip link delete at-20');
  await Promise.all(many.map((each) => sandboxes.detach(one, each, {})));
  expect(showLinks(one.path).map(({ ifname }) => ifname)).toEqual(['lo']);
});

test('the default route moves to the interface that is named', async () => {
  const second = {
    ...attachment(2),
    ifname: 'eth1',
    addresses: [parseInterfaceAddress('10.72.0.2/24', 'test')],
  };
  await sandboxes.attach(one, attachment(1), routes);
  const moved = { ipv4: { gateway: parseIp('10.72.0.1', 'test'), ifname: 'eth1' }, ipv6: routes.ipv6 };
  await sandboxes.attach(one, second, moved);
  expect(run('ip route show default', one.path)).toMatch(/^default via 10\.72\.0\.1 dev eth1 [^\n]*\n$/);
  await sandboxes.setDefaultRoutes(one, routes);
  expect(run('ip route show default', one.path)).toMatch(/^default via 10\.71\.0\.1 dev eth0 [^\n]*\n$/);
  await sandboxes.setDefaultRoutes(one, {});
  expect(run('ip route show default', one.path)).toBe('');
  await sandboxes.setDefaultRoutes(one, moved);
  await sandboxes.detach(one, second, routes);
  expect(run('ip route show default', one.path)).toMatch(/^default via 10\.71\.0\.1 dev eth0 [^\n]*\n$/);
});

function retransmissions(): number {
  const [names = '', values = ''] = readFileSync('/proc/self/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'));
  return Number(values.split(' ')[names.split(' ').indexOf('RetransSegs')]);
}
