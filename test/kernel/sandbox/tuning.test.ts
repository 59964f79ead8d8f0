import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCidr, parseIp } from '../../../src/base/cidr.ts';
import { parseMac } from '../../../src/base/mac.ts';
import type { InterfaceTuning } from '../../../src/model/interface-settings.ts';
import type { PinnedNamespace } from '../../../src/sandbox/sandbox.ts';
import { reaches, run, showLink, showLinks } from '../../support/own-network.ts';
import { attachment, bridge, json, refused, routes, useLab } from './lab.ts';

const { sandboxes } = useLab();
let one: PinnedNamespace;

beforeEach(async () => {
  one = await sandboxes.create('one');
});

afterEach(() => sandboxes.remove(one, [attachment(1)]));

const tuned = (tuning: InterfaceTuning) => attachment(1, { tuning });

test('promiscuous, all multicast and the length of the queue are set, compared and mended', async () => {
  const wanted = tuned({ promiscuous: true, allMulticast: true, txQueueLength: 250 });
  await sandboxes.attach(one, wanted, routes);
  const link = () => json('ip -json link show dev eth0', one.path)[0];
  const asWanted = { txqlen: 250, flags: expect.arrayContaining(['PROMISC', 'ALLMULTI', 'UP']) };
  expect(link()).toMatchObject(asWanted);
  expect(await sandboxes.inspect(one, [wanted], routes)).toEqual([]);
  run('ip link set eth0 promisc off allmulticast off txqueuelen 1000', one.path);
  const found = await sandboxes.inspect(one, [wanted], routes);
  expect(found.map(({ problem }) => problem)).toEqual([
    'is not promiscuous',
    'takes not all multicast',
    'has a transmit queue of 1000 packets, not 250',
  ]);
  await sandboxes.repair(one, wanted, routes);
  expect(link()).toMatchObject(asWanted);
});

test('sysctls are written in the sandbox and nowhere else', async () => {
  const path = 'net/ipv4/conf/eth0/arp_filter';
  const sysctls = { [path]: '1', 'net/ipv4/ip_unprivileged_port_start': '0', 'net/core/somaxconn': '77' };
  const before = readFileSync('/proc/sys/net/core/somaxconn', 'utf8');
  await sandboxes.attach(one, tuned({ sysctls }), routes);
  for (const [name, value] of Object.entries(sysctls)) {
    expect(run(`cat /proc/sys/${name}`, one.path).trim(), name).toBe(value);
  }
  expect(readFileSync('/proc/sys/net/core/somaxconn', 'utf8')).toBe(before);
});

test.each([
  [
    'that does not exist',
    'net/ipv4/conf/eth0/no_such',
    '1',
    /sysctl net\/ipv4\/conf\/eth0\/no_such .*\b1\b.*does not exist/,
  ],
  [
    'whose value the kernel refuses',
    'net/core/somaxconn',
    'many',
    /sysctl net\/core\/somaxconn cannot be "many"/,
  ],
  ['of another part of the kernel', 'kernel/hostname', 'x', /"kernel\/hostname" is not a path below net\//],
  [
    'that leads out',
    'net/../kernel/hostname',
    'x',
    /"net\/\.\.\/kernel\/hostname" is not a path below net\//,
  ],
])('a sysctl %s is refused, and nothing is left', async (_, path, value, message) => {
  await refused(
    sandboxes.attach(one, tuned({ sysctls: { [path]: value } }), routes),
    'invalid_parameter',
    message,
  );
  expect(showLink('lab-1')).toBeUndefined();
  expect(showLinks(one.path).map(({ ifname }) => ifname)).toEqual(['lo']);
});

test('an interface to be left down has its addresses and no routes, and nothing differs', async () => {
  const route = { destination: parseCidr('10.99.0.0/16', 'test'), gateway: parseIp('10.71.0.9', 'test') };
  const wanted = attachment(1, { tuning: { down: true }, routes: [route] });
  await sandboxes.attach(one, wanted, routes);
  expect(showLink('eth0', one.path)?.flags).not.toContain('UP');
  expect(showLink('eth0', one.path)?.addr_info.map(({ local }) => local)).toContain('10.71.0.2');
  expect(await sandboxes.inspect(one, [wanted], routes)).toEqual([]);
  await sandboxes.setDefaultRoutes(one, routes);
  await sandboxes.repair(one, wanted, routes);
  expect(showLink('eth0', one.path)?.flags).not.toContain('UP');
  run('ip link set eth0 up', one.path);
  expect(await sandboxes.inspect(one, [wanted], routes)).toEqual([]);
});

test('a port that checks source addresses lets only the interface’s own through', async () => {
  const wanted = tuned({ checkSourceMac: true });
  await sandboxes.attach(one, wanted, routes);
  expect(reaches('10.71.0.1', one.path)).toBe(true);
  expect(await sandboxes.inspect(one, [wanted], routes)).toEqual([]);
  run('ip link set eth0 address 02:00:00:00:00:99', one.path);
  run('ip neighbour flush dev eth0', one.path);
  expect(reaches('10.71.0.1', one.path)).toBe(false);
  await sandboxes.repair(one, wanted, routes);
  expect(reaches('10.71.0.1', one.path)).toBe(true);
});

test.each([
  [
    'unlocked',
    'ip link set lab-1 type bridge_slave locked off',
    'port lab-1 is isolated, hairpin, locked or guarded otherwise',
  ],
  [
    'that learns',
    'ip link set lab-1 type bridge_slave learning on',
    'port lab-1 is isolated, hairpin, locked or guarded otherwise',
  ],
  [
    'that does not know its address',
    'bridge fdb delete 02:00:00:00:02:02 dev lab-1 master',
    'port lab-1 lets MAC address 02:00:00:00:02:02 not through',
  ],
  ['taken off the bridge', 'ip link set lab-1 nomaster', 'its host end lab-1 is no port of bridge'],
])('a checking port %s is noticed and mended', async (_, damage, problem) => {
  const wanted = tuned({ checkSourceMac: true });
  await sandboxes.attach(one, wanted, routes);
  run(damage);
  const found = await sandboxes.inspect(one, [wanted], routes);
  expect(found).toContainEqual({ object: 'interface eth0', problem: expect.stringContaining(problem) });
  await sandboxes.repair(one, wanted, routes);
  expect(await sandboxes.inspect(one, [wanted], routes)).toEqual([]);
  expect(reaches('10.71.0.1', one.path)).toBe(true);
});

test('routes have their table, metric, scope and sizes, and come back when they are lost', async () => {
  const gateway = parseIp('10.71.0.9', 'test');
  const subnet = (text: string) => parseCidr(text, 'test');
  const wanted = attachment(1, {
    routes: [
      { destination: subnet('10.99.0.0/16'), gateway, metric: 50, mtuBytes: 1300, advertisedMssBytes: 1200 },
      { destination: subnet('10.98.0.0/16'), scope: 253 },
      { destination: subnet('0.0.0.0/0'), gateway, table: 1000 },
      { destination: subnet('0.0.0.0/0'), gateway, metric: 900 },
      { destination: subnet('fd99::/64'), gateway: parseIp('fd71::9', 'test'), table: 77, scope: 0 },
    ],
  });
  const check = () => {
    expect(json('ip -json route show 10.99.0.0/16', one.path)).toMatchObject([
      { gateway: '10.71.0.9', dev: 'eth0', metric: 50, metrics: [{ mtu: 1300, advmss: 1200 }] },
    ]);
    expect(json('ip -json route show 10.98.0.0/16', one.path)).toMatchObject([
      { dev: 'eth0', scope: 'link' },
    ]);
    expect(json('ip -json route show table 1000', one.path)).toMatchObject([
      { dst: 'default', gateway: '10.71.0.9' },
    ]);
    expect(json('ip -json route show default metric 900', one.path)).toMatchObject([
      { gateway: '10.71.0.9' },
    ]);
    expect(json('ip -json -6 route show table 77', one.path)).toMatchObject([
      { dst: 'fd99::/64', gateway: 'fd71::9' },
    ]);
  };
  await sandboxes.attach(one, wanted, routes);
  check();
  expect(await sandboxes.inspect(one, [wanted], routes)).toEqual([]);
  run('ip route flush 10.99.0.0/16', one.path);
  run('ip route flush table 1000', one.path);
  expect((await sandboxes.inspect(one, [wanted], routes)).map(({ problem }) => problem)).toEqual([
    'lacks the route to 10.99.0.0/16',
    'lacks the route to 0.0.0.0/0',
  ]);
  await sandboxes.repair(one, wanted, routes);
  check();
  await sandboxes.setDefaultRoutes(one, {});
  expect(json('ip -json route show default', one.path)).toMatchObject([{ metric: 900 }]);
});

test.each([
  ['MAC address', 'ip link set eth0 address 02:00:00:00:00:99'],
  ['MTU', 'ip link set eth0 mtu 1300'],
  ['default route', 'ip route delete default'],
  ['route', 'ip route delete 10.99.0.0/16'],
])('another %s of an interface shared with others is no fault', async (_, change) => {
  const route = { destination: parseCidr('10.99.0.0/16', 'test'), gateway: parseIp('10.71.0.9', 'test') };
  const shared = attachment(1, { sharedWithOthers: true, routes: [route] });
  await sandboxes.attach(one, shared, routes);
  run(change, one.path);
  const before = [showLink('eth0', one.path), run('ip route show', one.path)];
  expect(await sandboxes.inspect(one, [shared], routes)).toEqual([]);
  await sandboxes.repair(one, shared, routes);
  expect([showLink('eth0', one.path), run('ip route show', one.path)]).toEqual(before);
});

test('mending one interface leaves the default routes of another to whoever shares that', async () => {
  const shared = attachment(1, { sharedWithOthers: true });
  const second = attachment(2, { ifname: 'eth1', addresses: [] });
  await sandboxes.attach(one, shared, routes);
  await sandboxes.attach(one, second, routes);
  run('ip route delete default', one.path);
  await sandboxes.repair(one, second, routes);
  await sandboxes.repair(one, shared, routes);
  expect(run('ip route show default', one.path)).toBe('');
  await sandboxes.detach(one, second, routes);
  expect(run('ip route show default', one.path)).toContain('via 10.71.0.1');
});

test.each([
  ['without an address', 'ip address delete 10.71.0.2/24 dev eth0', true, 'lacks address 10.71.0.2/24'],
  ['taken off its bridge', 'ip link set lab-1 nomaster', false, 'is no port of bridge'],
  ['with its host end down', 'ip link set lab-1 down', false, 'its host end lab-1 is down'],
  ['that is gone', 'ip link delete eth0', true, 'is missing'],
])('an interface shared with others %s is a fault, and mended', async (_, damage, inside, problem) => {
  const shared = attachment(1, { sharedWithOthers: true });
  await sandboxes.attach(one, shared, routes);
  run(damage, inside ? one.path : undefined);
  const found = await sandboxes.inspect(one, [shared], routes);
  expect(found).toContainEqual({ object: 'interface eth0', problem: expect.stringContaining(problem) });
  await sandboxes.repair(one, shared, routes);
  expect(await sandboxes.inspect(one, [shared], routes)).toEqual([]);
});

test('an interface too small for IPv6 is made', async () => {
  const [ipv4] = attachment(1).addresses;
  const small = attachment(1, { mtuBytes: 1000, addresses: ipv4 === undefined ? [] : [ipv4] });
  await sandboxes.attach(one, small, { ipv4: routes.ipv4 });
  expect(showLink('eth0', one.path)).toMatchObject({ mtu: 1000 });
  expect(await sandboxes.inspect(one, [small], { ipv4: routes.ipv4 })).toEqual([]);
});

test('one too small for the IPv6 address it is to have is refused, naming the limit', async () => {
  const small = attachment(1, { mtuBytes: 1000 });
  await refused(
    sandboxes.attach(one, small, {}),
    'invalid_parameter',
    /eth0 .*MTU 1000: IPv6 needs at least 1280/,
  );
  expect(showLink('lab-1')).toBeUndefined();
});

test('source addresses of a macvlan are not checked: it is refused', async () => {
  const macvlan = attachment(1, {
    link: { kind: 'macvlan', parent: bridge, mode: 'bridge' },
    mac: parseMac('02:00:00:00:02:22', 'test'),
    tuning: { checkSourceMac: true },
  });
  await refused(sandboxes.attach(one, macvlan, {}), 'invalid_parameter', /eth0 .*only on a bridge/);
  expect(showLink('eth0', one.path)).toBeUndefined();
});
