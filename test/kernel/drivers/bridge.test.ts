import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { NetError } from '../../../src/base/errors.ts';
import { BridgeDriver } from '../../../src/drivers/bridge/bridge.ts';
import { NetnsSandboxes } from '../../../src/sandbox/netns-sandbox.ts';
import {
  makeWorkspace,
  reaches,
  requireOwnNetwork,
  run,
  showLink,
  succeeds,
} from '../../support/own-network.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';

const driver = new BridgeDriver();
const workspace = makeWorkspace();
let sandboxes: NetnsSandboxes;

beforeAll(() => {
  requireOwnNetwork();
  sandboxes = new NetnsSandboxes(workspace);
});
afterAll(() => workspace.remove());

const network = makeNetwork({
  driver: 'bridge',
  ipv6: true,
  options: { mtu: '1400', bridge: 'br-test' },
  pools: [
    { subnet: '10.81.0.0/24', gateway: '10.81.0.1' },
    { subnet: 'fd81::/64', gateway: 'fd81::1' },
  ],
});
const plain = makeNetwork({
  driver: 'bridge',
  options: { mtu: '1500', bridge: 'br-plain' },
  pools: [{ subnet: '10.82.0.0/24', gateway: '10.82.0.1' }],
});

afterEach(async () => {
  await driver.removeNetwork(network);
  await driver.removeNetwork(plain);
});

test('a bridge is made up, with its gateway addresses, MTU and a MAC address that stays', async () => {
  await driver.ensureNetwork(network);
  const made = showLink('br-test');
  expect(made).toMatchObject({ mtu: 1400, ifalias: `fairlead network ${network.id}` });
  expect(made?.flags).toContain('UP');
  expect(made?.linkinfo?.info_data).toMatchObject({ mcast_snooping: 0, forward_delay: 0 });
  expect(addresses('br-test')).toEqual(['10.81.0.1/24', 'fd81::1/64']);
  await driver.removeNetwork(network);
  await driver.ensureNetwork(network);
  expect(showLink('br-test')?.address).toBe(made?.address);
  expect(await driver.inspectNetwork(network)).toEqual([]);
});

test('a bridge keeps its MTU when its last port has gone', async () => {
  await driver.ensureNetwork(network);
  run('ip link add port mtu 1400 master br-test type veth peer name other');
  run('ip link delete port');
  expect(showLink('br-test')?.mtu).toBe(1400);
});

test('a bridge without IPv6 has it switched off, and one with it takes no advertisements', async () => {
  await driver.ensureNetwork(network);
  await driver.ensureNetwork(plain);
  expect(sysctl('net/ipv6/conf/br-plain/disable_ipv6')).toBe('1');
  expect(sysctl('net/ipv6/conf/br-test/disable_ipv6')).toBe('0');
  expect(sysctl('net/ipv6/conf/br-test/accept_ra')).toBe('0');
});

test('with inhibit_ipv4 the gateway address is left to somebody else', async () => {
  const options = { ...plain.options, inhibit_ipv4: 'true' };
  await driver.ensureNetwork({ ...plain, options });
  expect(addresses('br-plain')).toEqual([]);
});

test('on an isolated network the host has no address, answers no ARP and speaks no IPv6', async () => {
  const options = { ...network.options, gateway_mode_ipv4: 'isolated', gateway_mode_ipv6: 'isolated' };
  const isolated = { ...network, internal: true, options };
  await driver.ensureNetwork(isolated);
  expect(addresses('br-test')).toEqual([]);
  expect(run('ip -6 address show dev br-test')).toBe('');
  expect(sysctl('net/ipv4/conf/br-test/arp_ignore')).toBe('8');
  expect(sysctl('net/ipv4/conf/br-test/route_localnet')).toBe('0');
  expect(sysctl('net/ipv6/conf/br-test/disable_ipv6')).toBe('1');
  expect(await driver.inspectNetwork(isolated)).toEqual([]);
});

test('a network isolated over one family has its gateway in the other', async () => {
  const half = (family: 4 | 6) => ({
    ...network,
    internal: true,
    options: { ...network.options, [`gateway_mode_ipv${family}`]: 'isolated' },
  });
  await driver.ensureNetwork(half(4));
  expect(addresses('br-test')).toEqual(['fd81::1/64']);
  expect(sysctl('net/ipv6/conf/br-test/disable_ipv6')).toBe('0');
  await driver.removeNetwork(network);
  await driver.ensureNetwork(half(6));
  expect(addresses('br-test')).toEqual(['10.81.0.1/24']);
  expect(sysctl('net/ipv4/conf/br-test/arp_ignore')).toBe('0');
});

test('a subnet the network gets later brings its gateway address', async () => {
  await driver.ensureNetwork(plain);
  const more = { subnet: '10.84.0.0/24' as Cidr, gateway: '10.84.0.1' as IpAddress, reserved: {} };
  const wider = { ...plain, ipam: { ...plain.ipam, pools: [...plain.ipam.pools, more] } };
  expect(await driver.inspectNetwork(wider)).toMatchObject([{ problem: 'lacks address 10.84.0.1/24' }]);
  await driver.ensureNetwork(wider);
  expect(addresses('br-plain')).toEqual(['10.82.0.1/24', '10.84.0.1/24']);
});

test.each(['made', 'adopted'])('a %s bridge is promiscuous where that is asked for', async (kind) => {
  if (kind === 'adopted') run('ip link add br-test type bridge');
  onTestFinished(() => void succeeds('ip link delete br-test'));
  const wanted = { ...network, options: { ...network.options, promiscuous: 'true' } };
  await driver.ensureNetwork(wanted);
  expect(showLink('br-test')?.flags).toContain('PROMISC');
  expect(await driver.inspectNetwork(wanted)).toEqual([]);
  run('ip link set br-test promisc off');
  expect(await driver.inspectNetwork(wanted)).toMatchObject([{ problem: 'is not promiscuous' }]);
  await driver.ensureNetwork(wanted);
  expect(showLink('br-test')?.flags).toContain('PROMISC');
  expect(await driver.inspectNetwork(network)).toEqual([]);
});

test.each([
  ['a removed address', 'ip address delete 10.81.0.1/24 dev br-test', /lacks address 10\.81\.0\.1\/24/],
  ['a bridge taken down', 'ip link set br-test down', /is down/],
  ['another MTU', 'ip link set br-test mtu 1300', /has MTU 1300, not 1400/],
  ['another MAC address', 'ip link set br-test address 02:00:00:00:00:99', /has MAC address/],
  ['switched-on snooping', 'ip link set br-test type bridge mcast_snooping 1', /snooping/],
  ['a changed sysctl', 'sysctl -qw net/ipv4/conf/br-test/route_localnet=0', /route_localnet = 0, not 1/],
  ['a deleted bridge', 'ip link delete br-test', /is missing/],
])('%s is noticed and repaired', async (_, damage, problem) => {
  await driver.ensureNetwork(network);
  run(damage);
  const found = await driver.inspectNetwork(network);
  expect(found[0]?.object).toBe('bridge br-test');
  expect(found.map((difference) => difference.problem)).toContainEqual(expect.stringMatching(problem));
  await driver.ensureNetwork(network);
  expect(await driver.inspectNetwork(network)).toEqual([]);
});

test('a bridge that was there is used as it is, and stays', async () => {
  run('ip link add br-test mtu 1450 type bridge');
  try {
    await driver.ensureNetwork(network);
    expect(await driver.inspectNetwork(network)).toEqual([]);
    expect(addresses('br-test')).toEqual(['10.81.0.1/24', 'fd81::1/64']);
    expect(showLink('br-test')?.mtu).toBe(1450);
    await driver.removeNetwork(network);
    expect(showLink('br-test')).toBeDefined();
  } finally {
    run('ip link delete br-test');
  }
});

test('removing a network twice is fine', async () => {
  await driver.ensureNetwork(plain);
  await driver.removeNetwork(plain);
  await driver.removeNetwork(plain);
  expect(showLink('br-plain')).toBeUndefined();
});

test('a bridge that a crash left without its mark is ours by its MAC address', async () => {
  await driver.ensureNetwork(plain);
  run(`ip link set br-plain alias ${''}`);
  expect(await driver.inspectNetwork(plain)).toMatchObject([{ problem: 'is not marked as ours' }]);
  await driver.removeNetwork(plain);
  expect(showLink('br-plain')).toBeUndefined();
});

test('an interface of another kind, a bridge of another network and a taken default name are refused', async () => {
  run('ip link add br-veth type veth peer name br-veth2');
  run(`ip link add fl-${network.id.slice(0, 10)} type bridge`);
  try {
    await refused(driver.resolve({ ...network, options: { bridge: 'br-veth' } }, []), 'conflict');
    await refused(driver.resolve({ ...network, options: { bridge: 'br-plain' } }, [plain]), 'conflict');
    await refused(driver.resolve({ ...network, options: {} }, []), 'conflict');
    await refused(
      driver.ensureNetwork({ ...network, options: { ...network.options, bridge: 'br-veth' } }),
      'conflict',
    );
  } finally {
    run('ip link delete br-veth');
    run(`ip link delete fl-${network.id.slice(0, 10)}`);
  }
});

test('the MTU is that of the link the default route leaves by, or 1500 without one', async () => {
  const { id } = makeNetwork({ driver: 'bridge' });
  const draft = { ...network, id, options: {} };
  const bridge = `fl-${id.slice(0, 10)}`;
  expect(await driver.resolve(draft, [])).toEqual({ bridge, mtu: '1500' });
  run('ip link add br-egress mtu 1442 type bridge');
  run('ip link set br-egress up');
  run('ip address add 10.83.0.2/24 dev br-egress');
  run('ip route add default via 10.83.0.1');
  try {
    expect(await driver.resolve(draft, [])).toEqual({ bridge, mtu: '1442' });
    expect(await driver.resolve({ ...draft, options: { mtu: '1300' } }, [])).toEqual({ bridge, mtu: '1300' });
    await refused(driver.resolve({ ...draft, options: { mtu: '1200' } }, []), 'invalid_parameter');
  } finally {
    run('ip link delete br-egress');
  }
});

test('sandboxes on two networks reach each other through a host that forwards, when nothing forbids it', async () => {
  const [one, two] = [await sandboxes.create('one'), await sandboxes.create('two')];
  const attachments = [
    driver.attachment(network, makeEndpoint(network, ['10.81.0.2/24', 'fd81::2/64'])),
    driver.attachment(plain, makeEndpoint(plain, ['10.82.0.2/24'])),
  ] as const;
  await driver.ensureNetwork(network);
  await driver.ensureNetwork(plain);
  for (const [index, namespace] of [one, two].entries()) {
    const attachment = attachments[index];
    if (attachment === undefined) continue;
    const gateway = attachment.gateways.ipv4;
    const routes = gateway === undefined ? {} : { ipv4: { gateway, ifname: 'eth0' } };
    await sandboxes.attach(namespace, attachment, routes);
  }
  run('sysctl -qw net/ipv4/ip_forward=1');
  expect(reaches('10.82.0.2', one.path)).toBe(true);
  run('sysctl -qw net/ipv4/ip_forward=0');
  expect(reaches('10.82.0.2', one.path)).toBe(false);
  // The host's switch is no matter of a single network.
  expect(await driver.inspectNetwork(plain)).toEqual([]);
  run('sysctl -qw net/ipv4/ip_forward=1');
  expect(reaches('10.82.0.2', one.path)).toBe(true);
  expect(reaches('10.81.0.2', two.path)).toBe(true);
  await sandboxes.remove(one, [attachments[0]]);
  await sandboxes.remove(two, [attachments[1]]);
});

async function refused(work: Promise<unknown>, code: string): Promise<void> {
  await expect(work).rejects.toSatisfy((error) => error instanceof NetError && error.code === code);
}

function addresses(name: string): readonly string[] {
  const all = showLink(name)?.addr_info ?? [];
  return all.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

function sysctl(path: string): string {
  return run(`sysctl -n ${path}`).trim();
}
