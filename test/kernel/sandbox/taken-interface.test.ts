// Interfaces a container engine has taken: found again, and looked after as far as they are ours.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Attachment } from '../../../src/model/attachment.ts';
import type { AdoptedNamespace } from '../../../src/sandbox/sandbox.ts';
import { reaches, run, showLink, showLinks } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { configure, startContainer, stopContainer, take } from './container.ts';
import { attachment, routes, useLab } from './lab.ts';

const { sandboxes, workspace } = useLab();
const path = join(workspace.runDir, 'container');
const other = join(workspace.runDir, 'other');
const awaited = { kind: 'awaited', expectedPath: path } as const;
const offered = attachment(1, { ifname: 'fp-1', offered: true, sharedWithOthers: true });

beforeEach(async () => {
  await sandboxes.attach(awaited, offered, {});
});

afterEach(async () => {
  await sandboxes.detach(awaited, offered, {});
  for (const each of [path, other]) stopContainer(each);
});

/** As the core has it from now on. */
function taken(changes: Partial<Attachment> = {}): Attachment {
  return attachment(1, { taken: true, sharedWithOthers: true, ...changes });
}

describe('is not found', () => {
  test('where there is no namespace', async () => {
    expect(await sandboxes.findTaken(path, offered)).toBeUndefined();
    run(`touch ${path}`);
    expect(await sandboxes.findTaken(path, offered)).toBeUndefined();
    expect(await sandboxes.findTaken('/proc/self/ns/net', offered)).toBeUndefined();
  });

  test('before it is in it', async () => {
    startContainer(path);
    run('ip link add eth0 type veth peer name eth1', path);
    run('ip link set eth0 up', path);
    expect(await sandboxes.findTaken(path, offered)).toBeUndefined();
  });

  test('while its taker is still at it', async () => {
    startContainer(path);
    run(`ip link set fp-1 netns ${path}`);
    run('ip link set fp-1 up', path);
    expect(await sandboxes.findTaken(path, offered)).toBeUndefined();
    run('ip link set fp-1 down', path);
    run('ip link set fp-1 name eth0', path);
    expect(await sandboxes.findTaken(path, offered)).toBeUndefined();
  });

  test('in another container', async () => {
    for (const each of [path, other]) startContainer(each);
    take(offered, other);
    configure(offered, other);
    expect(await sandboxes.findTaken(path, offered)).toBeUndefined();
    expect(await sandboxes.findTaken(other, offered)).toMatchObject({ namespace: { path: other } });
  });
});

test('one that is up under another name is found, with its namespace', async () => {
  startContainer(path);
  take(offered, path, 'eth7');
  configure(offered, path, 'eth7');
  const namespace = await sandboxes.adopt({ path });
  expect(await sandboxes.findTaken(path, offered)).toEqual({ namespace, ifname: 'eth7' });
});

test('among several each is told from the others', async () => {
  startContainer(path);
  const second = attachment(2, { ifname: 'fp-2', offered: true });
  await sandboxes.attach(awaited, second, {});
  take(second, path, 'eth0');
  take(offered, path, 'eth1');
  configure({ ...second, addresses: [] }, path, 'eth0');
  configure(offered, path, 'eth1');
  expect(await sandboxes.findTaken(path, offered)).toMatchObject({ ifname: 'eth1' });
  expect(await sandboxes.findTaken(path, second)).toMatchObject({ ifname: 'eth0' });
  await sandboxes.detach(awaited, second, {});
});

describe('once taken', () => {
  let namespace: AdoptedNamespace;

  beforeEach(async () => {
    startContainer(path);
    take(offered, path);
    configure(offered, path);
    namespace = await sandboxes.adopt({ path });
  });

  test('nothing differs', async () => {
    expect(await sandboxes.inspect(namespace, [taken()], {})).toEqual([]);
    const recorded = { namespaces: [namespace], attachments: [taken()] };
    expect(await sandboxes.strays(recorded)).toEqual([]);
  });

  test.each([
    ['a default route', 'ip route add default via 10.71.0.9'],
    ['another MTU', 'ip link set eth0 mtu 1300'],
    ['another MAC address', 'ip link set eth0 address 02:00:00:00:00:99'],
    ['an address of its own', 'ip address add fd99::1/64 dev eth0'],
    ['another link-local address', 'ip address delete fe80::ff:fe00:202/64 dev eth0'],
  ])('%s is its engine’s affair', async (_, change) => {
    run(change, path);
    const before = [showLink('eth0', path), run('ip route show', path)];
    expect(await sandboxes.inspect(namespace, [taken()], {})).toEqual([]);
    await sandboxes.repair(namespace, taken(), {});
    expect([showLink('eth0', path), run('ip route show', path)]).toEqual(before);
  });

  test.each([
    ['left on', 0],
    ['switched off', 1],
  ])('IPv6 %s by its engine is no fault where it has no such address', async (_, off) => {
    run(`sysctl -qw net/ipv6/conf/eth0/disable_ipv6=${off}`, path);
    const only = taken({ addresses: taken().addresses.slice(0, 1) });
    const before = showLink('eth0', path);
    expect(await sandboxes.inspect(namespace, [only], {})).toEqual([]);
    await sandboxes.repair(namespace, only, {});
    expect(showLink('eth0', path)).toEqual(before);
  });

  test.each([
    ['taken off its bridge', 'ip link set lab-1 nomaster', false, 'no port of bridge'],
    ['with its host end down', 'ip link set lab-1 down', false, 'its host end lab-1 is down'],
    ['without its address', 'ip address delete 10.71.0.2/24 dev eth0', true, 'lacks address 10.71.0.2/24'],
    ['without its IPv6 address', 'ip address delete fd71::2/64 dev eth0', true, 'lacks address fd71::2/64'],
    ['taken down', 'ip link set eth0 down', true, 'is down'],
    ['that is gone', 'ip link delete eth0', true, 'is missing'],
  ])('one %s is noticed and mended in its container', async (_, damage, inside, problem) => {
    run(damage, inside ? path : undefined);
    const found = await sandboxes.inspect(namespace, [taken()], {});
    expect(found).toContainEqual({ object: 'interface eth0', problem: expect.stringContaining(problem) });
    await sandboxes.repair(namespace, taken(), {});
    expect(await sandboxes.inspect(namespace, [taken()], {})).toEqual([]);
    for (const gateway of ['10.71.0.1', 'fd71::1']) {
      await waitUntil(`${gateway} answers`, () => reaches(gateway, path));
    }
  });

  test('it is removed with its host end', async () => {
    await sandboxes.detach(namespace, taken(), {});
    expect(showLinks(path).map(({ ifname }) => ifname)).toEqual(['lo']);
    expect(showLink('lab-1')).toBeUndefined();
  });

  test('one its engine puts back on the host, which nobody records any more, is a stray', async () => {
    run('ip link set eth0 down', path);
    run('ip link set eth0 name fp-1', path);
    run(`ip link set fp-1 netns ${process.pid}`, path);
    const strays = await sandboxes.strays({ namespaces: [], attachments: [] });
    expect(strays.map(({ name }) => name).sort()).toEqual(['fp-1', 'lab-1']);
  });

  test('a second one may be offered to its container', async () => {
    const second = attachment(2, { ifname: 'fp-2', offered: true, sharedWithOthers: true });
    await sandboxes.attach(namespace, second, {});
    run('ip link set lab-2 down');
    expect(await sandboxes.inspect(namespace, [taken(), second], {})).toEqual([
      { object: 'interface fp-2', problem: 'its host end lab-2 is down' },
    ]);
    await sandboxes.repair(namespace, second, {});
    expect(await sandboxes.inspect(namespace, [taken(), second], {})).toEqual([]);
    await sandboxes.detach(namespace, second, routes);
    expect(run('ip route show default', path)).toBe('');
    expect(showLinks(path).map(({ ifname }) => ifname)).toEqual(['lo', 'eth0']);
  });
});
