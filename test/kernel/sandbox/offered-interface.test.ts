// Interfaces left on the host for a container engine: until it takes them.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Attachment } from '../../../src/model/attachment.ts';
import { NetlinkLinkWatcher } from '../../../src/sandbox/link-watcher.ts';
import type { LinkChange } from '../../../src/sandbox/sandbox.ts';
import { reaches, run, showLink, showLinks } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { configure, startContainer, stopContainer, take } from './container.ts';
import { attachment, bridge, json, refused, routes, useLab } from './lab.ts';

const { sandboxes, workspace } = useLab();
const path = join(workspace.runDir, 'container');
const awaited = { kind: 'awaited', expectedPath: path } as const;
const hostEnd = 'lab-1';

function offered(changes: Partial<Attachment> = {}): Attachment {
  return attachment(1, { ifname: 'fp-1', offered: true, sharedWithOthers: true, ...changes });
}

afterEach(async () => {
  await sandboxes.detach(awaited, offered(), {});
  stopContainer(path);
});

test('an offered interface lies on the host, down, with its name, MAC address and MTU alone', async () => {
  expect(await sandboxes.attach(awaited, offered(), routes)).toEqual([]);
  const link = showLink('fp-1');
  expect(link).toMatchObject({ mtu: 1400, address: '02:00:00:00:02:02', addr_info: [] });
  expect(link?.flags).not.toContain('UP');
  expect(link?.master).toBeUndefined();
  expect(showLink(hostEnd)).toMatchObject({
    mtu: 1400,
    master: bridge,
    addr_info: [],
    ifalias: link?.ifalias,
    flags: expect.arrayContaining(['UP']),
  });
  expect(await sandboxes.inspect(awaited, [offered()], {})).toEqual([]);
});

test('port settings of its host end are as the attachment has them', async () => {
  const link = { kind: 'veth', hostIfname: hostEnd, bridge, isolated: true, hairpin: true } as const;
  await sandboxes.attach(awaited, offered({ link }), {});
  const port = showLink(hostEnd)?.linkinfo?.info_slave_data;
  expect(port).toMatchObject({ isolated: true, hairpin: true });
});

test('brought up by its taker, it reaches the gateway over both families', async () => {
  startContainer(path);
  await sandboxes.attach(awaited, offered(), {});
  take(offered(), path);
  configure(offered(), path);
  for (const gateway of ['10.71.0.1', 'fd71::1']) {
    await waitUntil(`${gateway} answers`, () => reaches(gateway, path));
  }
  expect(showLink('eth0', path)).toMatchObject({ mtu: 1400, address: '02:00:00:00:02:02' });
});

test('that it leaves the host is told of, by the name it was offered by', async () => {
  const told: LinkChange[] = [];
  const watcher = await NetlinkLinkWatcher.open();
  startContainer(path);
  await sandboxes.attach(awaited, offered(), {});
  const cancel = watcher.watch((change) => told.push(change));
  take(offered(), path);
  await waitUntil('it is told of', () => told.length > 0);
  expect(told).toContainEqual({ ifname: 'fp-1' });
  cancel();
});

test('one too small for IPv6 may be offered', async () => {
  const small = offered({ mtuBytes: 1000, addresses: offered().addresses.slice(0, 1) });
  await sandboxes.attach(awaited, small, {});
  expect(showLink('fp-1')).toMatchObject({ mtu: 1000 });
});

test('nothing is left of the host in how the kernel makes its IPv6 address', async () => {
  startContainer(path);
  await sandboxes.attach(awaited, offered(), {});
  take(offered(), path);
  configure(offered(), path);
  const local = showLink('eth0', path)?.addr_info.filter(({ scope }) => scope === 'link');
  expect(local?.map((address) => address.local)).toEqual(['fe80::ff:fe00:202']);
});

describe('is removed', () => {
  beforeEach(async () => {
    startContainer(path);
    await sandboxes.attach(awaited, offered(), {});
  });

  afterEach(() => {
    expect(showLinks().map(({ ifname }) => ifname)).toEqual(['lo', bridge]);
  });

  test('before it is taken', async () => {
    await sandboxes.detach(awaited, offered(), routes);
  });

  test('after it was taken, and nothing else of the container is touched', async () => {
    run('ip link add eth9 type bridge', path);
    take(offered(), path);
    configure(offered(), path);
    run('ip route add default via 10.71.0.9', path);
    await sandboxes.detach(awaited, offered(), routes);
    expect(showLinks(path).map(({ ifname }) => ifname)).toEqual(['lo', 'eth9']);
  });

  test('with the container, and then again', async () => {
    take(offered(), path);
    stopContainer(path);
    await sandboxes.detach(awaited, offered(), routes);
    await sandboxes.detach(awaited, offered(), routes);
  });

  test('with all of an awaited namespace', async () => {
    const second = attachment(2, { ifname: 'fp-2', offered: true });
    await sandboxes.attach(awaited, second, {});
    take(offered(), path);
    await sandboxes.remove(awaited, [offered(), second]);
    expect(showLinks(path).map(({ ifname }) => ifname)).toEqual(['lo']);
    expect(await sandboxes.exists(awaited)).toBe(true);
  });
});

test('what a crash left half-made is removed', async () => {
  run(`ip link add ${hostEnd} type veth peer name fp-1`);
  await sandboxes.detach(awaited, offered(), {});
  expect(showLinks().map(({ ifname }) => ifname)).toEqual(['lo', bridge]);
});

test.each([
  ['taken off the bridge', `ip link set ${hostEnd} nomaster`, `no port of bridge ${bridge}`],
  ['with the host end down', `ip link set ${hostEnd} down`, 'is down'],
  ['with another port setting', `ip link set ${hostEnd} type bridge_slave isolated on`, 'isolated'],
])('one that was taken %s is mended without being made anew', async (_, damage, problem) => {
  startContainer(path);
  await sandboxes.attach(awaited, offered(), {});
  take(offered(), path);
  configure(offered(), path);
  const before = showLink('eth0', path)?.ifindex;
  run(damage);
  expect(await sandboxes.inspect(awaited, [offered()], {})).toEqual([
    { object: 'interface fp-1', problem: expect.stringContaining(problem) },
  ]);
  await sandboxes.repair(awaited, offered(), {});
  expect(await sandboxes.inspect(awaited, [offered()], {})).toEqual([]);
  expect(showLink('eth0', path)?.ifindex).toBe(before);
  expect(showLink('fp-1')).toBeUndefined();
});

test('one that is gone is offered anew', async () => {
  await sandboxes.attach(awaited, offered(), {});
  run('ip link delete fp-1');
  expect(await sandboxes.inspect(awaited, [offered()], {})).toEqual([
    { object: 'interface fp-1', problem: `has no end ${hostEnd} on the host` },
  ]);
  await sandboxes.repair(awaited, offered(), {});
  expect(await sandboxes.inspect(awaited, [offered()], {})).toEqual([]);
  expect(showLink('fp-1')).toMatchObject({ address: '02:00:00:00:02:02' });
});

test('one whose bridge is gone stays with its taker', async () => {
  run('ip link add of-br type bridge');
  const link = {
    kind: 'veth',
    hostIfname: hostEnd,
    bridge: 'of-br',
    isolated: false,
    hairpin: false,
  } as const;
  startContainer(path);
  await sandboxes.attach(awaited, offered({ link }), {});
  take(offered(), path);
  run('ip link delete of-br');
  await refused(sandboxes.repair(awaited, offered({ link }), {}), 'not_found', /bridge of-br does not exist/);
  expect(showLink('eth0', path)).toBeDefined();
});

describe('is refused, and leaves nothing,', () => {
  test.each([
    ['its own name', 'fp-1'],
    ['the name of its host end', hostEnd],
  ])('when %s is taken on the host', async (_, name) => {
    run(`ip link add ${name} type bridge`);
    const before = json('ip -json link show');
    const conflict = new RegExp(`interface ${name} exists already on the host`);
    await refused(sandboxes.attach(awaited, offered(), {}), 'conflict', conflict);
    expect(json('ip -json link show')).toEqual(before);
    run(`ip link delete ${name}`);
  });

  test.each<[string, Partial<Attachment>, string, RegExp]>([
    [
      'without its bridge',
      { link: { kind: 'veth', hostIfname: hostEnd, bridge: 'of-gone', isolated: false, hairpin: false } },
      'not_found',
      /bridge of-gone does not exist/,
    ],
    [
      'without its parent',
      { link: { kind: 'macvlan', parent: 'of-gone', mode: 'bridge' } },
      'not_found',
      /parent of-gone does not exist/,
    ],
    [
      'with settings of its own',
      { tuning: { promiscuous: true } },
      'not_implemented',
      /fp-1 is configured by/,
    ],
    [
      'with rate limits',
      { shaping: { toSandbox: { bitsPerSecond: 1_000_000, burstBits: 8000 }, ifbName: 'lab-ifb' } },
      'not_implemented',
      /fp-1 is configured by/,
    ],
    ['with IPv6 and too small an MTU', { mtuBytes: 1000 }, 'invalid_parameter', /IPv6 needs at least 1280/],
  ])('%s', async (_, changes, code, message) => {
    await refused(sandboxes.attach(awaited, offered(changes), {}), code, message);
    expect(showLinks().map(({ ifname }) => ifname)).toEqual(['lo', bridge]);
  });
});

test('one that is recorded is no stray, one that is not is found by either end', async () => {
  const lost = attachment(2, { ifname: 'fp-2', offered: true });
  await sandboxes.attach(awaited, offered(), {});
  await sandboxes.attach(awaited, lost, {});
  const recorded = { namespaces: [awaited], attachments: [offered()] };
  const strays = await sandboxes.strays(recorded);
  expect(strays.map(({ name }) => name).sort()).toEqual(['fp-2', 'lab-2']);
  await Promise.all(strays.map((stray) => sandboxes.removeStray(stray)));
  expect(await sandboxes.strays(recorded)).toEqual([]);
  expect(await sandboxes.inspect(awaited, [offered()], {})).toEqual([]);
});

describe('an awaited namespace', () => {
  test('is there when there is one at its path', async () => {
    expect(await sandboxes.exists(awaited)).toBe(false);
    run(`touch ${path}`);
    expect(await sandboxes.exists(awaited)).toBe(false);
    startContainer(path);
    expect(await sandboxes.exists(awaited)).toBe(true);
    expect(await sandboxes.exists({ kind: 'awaited', expectedPath: '/proc/self/ns/net' })).toBe(false);
  });

  test('takes no other interfaces than offered ones, and no default routes', async () => {
    startContainer(path);
    const unseen = /has not been seen yet/;
    await refused(sandboxes.attach(awaited, attachment(1), {}), 'not_found', unseen);
    await refused(sandboxes.inspect(awaited, [attachment(1)], {}), 'not_found', unseen);
    await refused(sandboxes.interfaces(awaited), 'not_found', unseen);
    run('ip link add eth0 type bridge', path);
    run('ip link set eth0 up', path);
    run('ip address add 10.71.0.2/24 dev eth0', path);
    await sandboxes.setDefaultRoutes(awaited, { ipv4: routes.ipv4 });
    expect(run('ip route show default', path)).toBe('');
  });
});
