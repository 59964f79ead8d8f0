import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { BridgeDriver } from '../../../src/drivers/bridge/bridge.ts';
import { NetnsSandboxes } from '../../../src/sandbox/netns-sandbox.ts';
import type { PinnedNamespace } from '../../../src/sandbox/sandbox.ts';
import { makeWorkspace, requireOwnNetwork, run, showLink } from '../../support/own-network.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';

const driver = new BridgeDriver();
const workspace = makeWorkspace();
const network = makeNetwork({
  driver: 'bridge',
  ipv6: true,
  options: { bridge: 'rp-br', mtu: '1400' },
  pools: [
    { subnet: '10.73.0.0/24', gateway: '10.73.0.1' },
    { subnet: 'fd73::/64', gateway: 'fd73::1' },
  ],
});
const endpoint = makeEndpoint(network, ['10.73.0.2/24', 'fd73::2/64']);
const attachment = driver.attachment(network, endpoint);
const hostEnd = `fv${endpoint.id.slice(0, 10)}`;
const { ipv4, ipv6 } = attachment.gateways;
if (ipv4 === undefined || ipv6 === undefined) throw new Error('the network has gateways');
const routes = { ipv4: { gateway: ipv4, ifname: 'eth0' }, ipv6: { gateway: ipv6, ifname: 'eth0' } };

let sandboxes: NetnsSandboxes;
let namespace: PinnedNamespace;

beforeAll(async () => {
  requireOwnNetwork();
  sandboxes = new NetnsSandboxes(workspace);
  await driver.ensureNetwork(network);
});

afterAll(async () => {
  await driver.removeNetwork(network);
  workspace.remove();
});

beforeEach(async () => {
  namespace = await sandboxes.create('one');
  await sandboxes.attach(namespace, attachment, routes);
});

afterEach(async () => {
  await sandboxes.remove(namespace, [attachment]);
});

test('nothing differs after an attach', async () => {
  expect(await sandboxes.inspect(namespace, [attachment], routes)).toEqual([]);
});

test.each([
  ['taken off the bridge', `ip link set ${hostEnd} nomaster`, 'host', 'no port of bridge rp-br'],
  ['with the host end down', `ip link set ${hostEnd} down`, 'host', 'is down'],
  ['with another port setting', `ip link set ${hostEnd} type bridge_slave isolated on`, 'host', 'isolated'],
  ['with a smaller host end', `ip link set ${hostEnd} mtu 1300`, 'host', 'MTU 1300, not 1400'],
  [
    'without its IPv4 address',
    'ip address delete 10.73.0.2/24 dev eth0',
    'sandbox',
    'lacks address 10.73.0.2/24',
  ],
  [
    'without its IPv6 address',
    'ip address delete fd73::2/64 dev eth0',
    'sandbox',
    'lacks address fd73::2/64',
  ],
  ['with IPv6 off', 'sysctl -qw net/ipv6/conf/eth0/disable_ipv6=1', 'sandbox', 'lacks address fd73::2/64'],
  ['taken down', 'ip link set eth0 down', 'sandbox', 'is down'],
  ['with another MTU', 'ip link set eth0 mtu 1300', 'sandbox', 'MTU 1300, not 1400'],
  ['with another MAC address', 'ip link set eth0 address 02:00:00:00:00:99', 'sandbox', 'MAC address'],
  ['renamed', 'ip link set eth0 down name lost', 'sandbox', 'is missing'],
  ['deleted', 'ip link delete eth0', 'sandbox', 'is missing'],
])('an interface %s is noticed and repaired', async (_, damage, where, problem) => {
  run(damage, where === 'sandbox' ? namespace.path : undefined);
  const found = await sandboxes.inspect(namespace, [attachment], routes);
  expect(found).toContainEqual({ object: 'interface eth0', problem: expect.stringContaining(problem) });
  await sandboxes.repair(namespace, attachment, routes);
  expect(await sandboxes.inspect(namespace, [attachment], routes)).toEqual([]);
});

test.each([
  ['ip route delete default', 'via 10.73.0.1 on eth0 is missing'],
  ['ip -6 route delete default', 'via fd73::1 on eth0 is missing'],
])('after %s the default route is put back', async (damage, problem) => {
  run(damage, namespace.path);
  const found = await sandboxes.inspect(namespace, [attachment], routes);
  expect(found).toEqual([{ object: 'default route', problem }]);
  await sandboxes.repair(namespace, attachment, routes);
  expect(await sandboxes.inspect(namespace, [attachment], routes)).toEqual([]);
});

test('a default route that should not be there is taken away, and one somebody else made is left', async () => {
  const found = await sandboxes.inspect(namespace, [attachment], {});
  expect(found.map(({ object }) => object)).toEqual(['default route', 'default route']);
  await sandboxes.setDefaultRoutes(namespace, {});
  run('ip route add default via 10.73.0.9', namespace.path);
  await sandboxes.setDefaultRoutes(namespace, {});
  expect(run('ip route show default', namespace.path)).toContain('10.73.0.9');
});

test('a small repair leaves the interface itself in place', async () => {
  const before = showLink('eth0', namespace.path)?.ifindex;
  run(`ip link set ${hostEnd} nomaster`);
  run('ip address delete 10.73.0.2/24 dev eth0', namespace.path);
  await sandboxes.repair(namespace, attachment, routes);
  expect(showLink('eth0', namespace.path)?.ifindex).toBe(before);
});

test('after the bridge was deleted and made again, its port is put back', async () => {
  run('ip link delete rp-br');
  expect(await sandboxes.inspect(namespace, [attachment], routes)).not.toEqual([]);
  await driver.ensureNetwork(network);
  await sandboxes.repair(namespace, attachment, routes);
  expect(await sandboxes.inspect(namespace, [attachment], routes)).toEqual([]);
  expect(showLink(hostEnd)?.master).toBe('rp-br');
});
