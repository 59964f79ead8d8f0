// Interfaces that somebody else made: what is ours on them comes and goes, and the rest stays.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCidr, parseIp } from '../../../src/base/cidr.ts';
import { parseMac } from '../../../src/base/mac.ts';
import type { Attachment } from '../../../src/model/attachment.ts';
import type { InterfaceSettings } from '../../../src/model/interface-settings.ts';
import type { AdoptedNamespace, PinnedNamespace } from '../../../src/sandbox/sandbox.ts';
import { reaches, run, showLink, showLinks } from '../../support/own-network.ts';
import { attachment, bridge, json, refused, useLab } from './lab.ts';

const { sandboxes } = useLab();
let pinned: PinnedNamespace;
let pod: AdoptedNamespace;

const formerMac = parseMac('02:00:00:00:0f:01', 'test');
const former = {
  mac: formerMac,
  mtuBytes: 1500,
  promiscuous: false,
  allMulticast: false,
  txQueueLength: 1000,
} as const;
const shaping = {
  toSandbox: { bitsPerSecond: 80_000_000, burstBits: 800_000 },
  fromSandbox: { bitsPerSecond: 40_000_000, burstBits: 400_000 },
  ifbName: 'lab-ifb',
};

/** As the driver of foreign networks has it: everything as before but for the changes. */
function foreign(changes: Partial<Attachment> = {}, before: InterfaceSettings = former): Attachment {
  return attachment(1, {
    link: { kind: 'foreign', former: before },
    mac: formerMac,
    mtuBytes: former.mtuBytes,
    ...changes,
  });
}

beforeEach(async () => {
  pinned = await sandboxes.create('pod');
  pod = await sandboxes.adopt({ path: pinned.path });
  run('ip link add fo-host type veth peer name fo-inner');
  run(`ip link set fo-host master ${bridge} up`);
  run(`ip link set fo-inner address ${formerMac} netns ${pod.path} name eth0`);
  run('ip link set eth0 up', pod.path);
  run('ip address add 10.71.0.2/24 dev eth0', pod.path);
  run('ip route add default via 10.71.0.1', pod.path);
});

afterEach(async () => {
  for (const name of ['fo-host', 'lab-ifb']) if (showLink(name) !== undefined) run(`ip link delete ${name}`);
  await sandboxes.remove(pinned, []);
});

/** All there is to know of a namespace, but for what changes by itself. */
function state(namespacePath?: string): readonly unknown[] {
  const links = showLinks(namespacePath)
    .filter(({ ifname }) => ifname !== 'lo')
    .map(({ ifindex, ifname, flags, mtu, address, addr_info }) => [
      ifindex,
      ifname,
      flags,
      mtu,
      address,
      addr_info,
    ]);
  const commands = ['ip route show table all', 'tc qdisc show', 'ip -o link show type veth'];
  return [links, ...commands.map((command) => run(command, namespacePath))];
}

test('an attachment that changes nothing changes nothing', async () => {
  const before = [state(), state(pod.path)];
  expect(await sandboxes.attach(pod, foreign(), {})).toEqual([]);
  expect(await sandboxes.inspect(pod, [foreign()], {})).toEqual([]);
  await sandboxes.repair(pod, foreign(), {});
  await sandboxes.detach(pod, foreign(), {});
  expect([state(), state(pod.path)]).toEqual(before);
});

test('settings, sysctls and routes are set, and all but the sysctls put back', async () => {
  const before = state(pod.path);
  const wanted = foreign({
    mac: parseMac('02:00:00:00:0f:99', 'test'),
    mtuBytes: 1300,
    tuning: {
      mtuBytes: 1300,
      promiscuous: true,
      allMulticast: true,
      txQueueLength: 77,
      sysctls: { 'net/ipv4/conf/eth0/arp_filter': '1' },
    },
    routes: [{ destination: parseCidr('10.99.0.0/16', 'test'), gateway: parseIp('10.71.0.9', 'test') }],
  });
  await sandboxes.attach(pod, wanted, {});
  expect(json('ip -json link show dev eth0', pod.path)).toMatchObject([
    {
      mtu: 1300,
      txqlen: 77,
      address: '02:00:00:00:0f:99',
      flags: expect.arrayContaining(['PROMISC', 'ALLMULTI']),
    },
  ]);
  expect(run('ip route show 10.99.0.0/16', pod.path)).toContain('via 10.71.0.9');
  expect(run('cat /proc/sys/net/ipv4/conf/eth0/arp_filter', pod.path)).toBe('1\n');
  expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([]);
  await sandboxes.detach(pod, wanted, {});
  expect(state(pod.path)).toEqual(before);
});

test('only what is ours is compared and mended', async () => {
  const wanted = foreign({ tuning: { promiscuous: true } });
  await sandboxes.attach(pod, wanted, {});
  for (const change of [
    'ip link set eth0 mtu 1300',
    'ip link set eth0 address 02:00:00:00:0f:55',
    'ip link set eth0 txqueuelen 5',
    'ip address add 10.71.0.77/24 dev eth0',
    'ip address delete 10.71.0.2/24 dev eth0',
  ]) {
    run(change, pod.path);
  }
  const changed = state(pod.path);
  expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([]);
  run('ip link set eth0 promisc off', pod.path);
  expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([
    { object: 'interface eth0', problem: 'is not promiscuous' },
  ]);
  await sandboxes.repair(pod, wanted, {});
  expect(state(pod.path)).toEqual(changed);
});

test('an interface that is shared with others may get another MTU and MAC address than we gave it', async () => {
  const wanted = foreign({ mtuBytes: 1300, sharedWithOthers: true });
  await sandboxes.attach(pod, wanted, {});
  expect(showLink('eth0', pod.path)?.mtu).toBe(1300);
  run('ip link set eth0 mtu 1200', pod.path);
  expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([]);
  await sandboxes.detach(pod, wanted, {});
  expect(showLink('eth0', pod.path)?.mtu).toBe(1500);
});

test('what cannot be done leaves everything as it was', async () => {
  const before = [state(), state(pod.path)];
  const changes = { mtuBytes: 1300, mac: parseMac('02:00:00:00:0f:99', 'test'), shaping };
  const sysctls = { 'net/ipv4/conf/eth0/no_such': '1' };
  await refused(
    sandboxes.attach(pod, foreign({ ...changes, tuning: { sysctls } }), {}),
    'invalid_parameter',
    /no_such/,
  );
  expect([state(), state(pod.path)]).toEqual(before);
  await refused(
    sandboxes.attach(pod, foreign({ ...changes, mtuBytes: 70_000 }), {}),
    'invalid_parameter',
    /MTU|mtu/,
  );
  expect([state(), state(pod.path)]).toEqual(before);
  run('ip link add lab-ifb type bridge');
  await refused(sandboxes.attach(pod, foreign(changes), {}), 'conflict', /lab-ifb exists already/);
  expect(state(pod.path)).toEqual(before[1]);
  expect(run('tc qdisc show dev fo-host')).not.toContain('tbf');
  expect(showLink('lab-ifb')?.linkinfo?.info_kind).toBe('bridge');
  run('ip link delete lab-ifb');
});

test('a missing interface is told of, and one that is gone is no hindrance to detaching it', async () => {
  const wanted = foreign({ shaping, tuning: { promiscuous: true } });
  await sandboxes.attach(pod, wanted, {});
  run('ip link delete eth0', pod.path);
  expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([
    { object: 'interface eth0', problem: 'is missing' },
  ]);
  const message = new RegExp(`interface eth0 does not exist in ${pod.path}`);
  await refused(sandboxes.repair(pod, wanted, {}), 'not_found', message);
  await refused(sandboxes.attach(pod, wanted, {}), 'not_found', message);
  await sandboxes.detach(pod, wanted, {});
  expect(showLink('lab-ifb')).toBeUndefined();
  await sandboxes.remove(pinned, []);
  await sandboxes.detach(pod, wanted, {});
});

describe('rate limits', () => {
  test('are on the host end, which stays, and leave nothing behind', async () => {
    const before = [state(), state(pod.path)];
    const wanted = foreign({ shaping });
    const made = await sandboxes.attach(pod, wanted, {});
    expect(made.map(({ name }) => name)).toEqual(['lab-ifb']);
    expect(json('tc -json qdisc show dev fo-host root')).toMatchObject([
      { kind: 'tbf', options: { rate: 10_000_000 } },
    ]);
    expect(json('tc -json qdisc show dev lab-ifb root')).toMatchObject([
      { kind: 'tbf', options: { rate: 5_000_000 } },
    ]);
    expect(run('tc qdisc show', pod.path)).not.toContain('tbf');
    expect(reaches('10.71.0.1', pod.path)).toBe(true);
    expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([]);
    await sandboxes.detach(pod, wanted, {});
    expect([state(), state(pod.path)]).toEqual(before);
  });

  test('are in the sandbox when the interface has no end on the host', async () => {
    run('ip link delete eth0', pod.path);
    run('ip link add eth0 type veth peer name other', pod.path);
    const before = state(pod.path);
    const wanted = foreign({ shaping, mtuBytes: 1400 });
    expect(await sandboxes.attach(pod, wanted, {})).toEqual([]);
    expect(json('tc -json qdisc show dev eth0 root', pod.path)).toMatchObject([
      { kind: 'tbf', options: { rate: 5_000_000 } },
    ]);
    expect(json('tc -json qdisc show dev lab-ifb root', pod.path)).toMatchObject([
      { kind: 'tbf', options: { rate: 10_000_000 } },
    ]);
    expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([]);
    await sandboxes.detach(pod, wanted, {});
    expect(state(pod.path)).toEqual(before);
  });

  test.each([
    [
      'without its limit',
      'tc qdisc delete dev fo-host root',
      'rate limit towards the sandbox is missing on fo-host',
    ],
    ['without its ifb', 'ip link delete lab-ifb', 'rate limit from the sandbox is missing on fo-host'],
  ])('%s, an interface is mended', async (_, damage, problem) => {
    const wanted = foreign({ shaping });
    await sandboxes.attach(pod, wanted, {});
    run(damage);
    expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([{ object: 'interface eth0', problem }]);
    await sandboxes.repair(pod, wanted, {});
    expect(await sandboxes.inspect(pod, [wanted], {})).toEqual([]);
    expect(reaches('10.71.0.1', pod.path)).toBe(true);
    await sandboxes.detach(pod, wanted, {});
  });

  test.each([
    [
      'limits what it sends',
      'tc qdisc add dev fo-host root handle 5: pfifo',
      /qdisc pfifo of somebody else's on fo-host/,
    ],
    [
      'filters what it receives',
      'tc qdisc add dev fo-host clsact',
      /qdisc clsact of somebody else's on fo-host/,
    ],
  ])('are refused where somebody else %s', async (_, theirs, message) => {
    run(theirs);
    const before = [state(), state(pod.path)];
    await refused(sandboxes.attach(pod, foreign({ shaping, mtuBytes: 1300 }), {}), 'conflict', message);
    await sandboxes.detach(pod, foreign({ shaping }), {});
    expect([state(), state(pod.path)]).toEqual(before);
  });

  test('are changed by attaching once more', async () => {
    await sandboxes.attach(pod, foreign({ shaping }), {});
    const faster = { ...shaping, toSandbox: { bitsPerSecond: 160_000_000, burstBits: 800_000 } };
    await sandboxes.attach(pod, foreign({ shaping: faster }), {});
    expect(json('tc -json qdisc show dev fo-host root')).toMatchObject([
      { kind: 'tbf', options: { rate: 20_000_000 } },
    ]);
    await sandboxes.detach(pod, foreign({ shaping: faster }), {});
    expect(showLink('lab-ifb')).toBeUndefined();
  });
});

test('an interface of ours takes further settings and limits as if it were not', async () => {
  const own = attachment(7, { ifname: 'eth1', addresses: [], tuning: { checkSourceMac: true } });
  await sandboxes.attach(pod, own, {});
  const amended: Attachment = {
    ...own,
    mac: parseMac('02:00:00:00:0f:77', 'test'),
    tuning: { checkSourceMac: true, promiscuous: true },
    shaping,
  };
  const made = await sandboxes.attach(pod, { ...amended, link: { kind: 'foreign', former: {} } }, {});
  expect(made.map(({ name }) => name)).toEqual(['lab-ifb']);
  expect(await sandboxes.inspect(pod, [amended], {})).toEqual([]);
  await sandboxes.detach(pod, amended, {});
  expect(showLink('lab-7')).toBeUndefined();
  expect(showLink('lab-ifb')).toBeUndefined();
});

test('source addresses are not checked on a bridge of somebody else’s: it is refused', async () => {
  const wanted = foreign({ tuning: { checkSourceMac: true } });
  await refused(
    sandboxes.attach(pod, wanted, {}),
    'invalid_parameter',
    /source MAC addresses of interface eth0/,
  );
});
