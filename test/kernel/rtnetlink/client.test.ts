import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cidr, InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import { parseMac } from '../../../src/base/mac.ts';
import { createPinnedNamespace, type Namespace, openNamespace } from '../../../src/kernel/netns.ts';
import { runProgram } from '../../../src/kernel/program.ts';
import { addAddress, removeAddress } from '../../../src/kernel/rtnetlink/address.ts';
import {
  findLink,
  findLinkPair,
  readAddresses,
  readFdb,
  readLinks,
  readNamespace,
  readNeighbours,
  readRoutes,
  readRules,
  request,
} from '../../../src/kernel/rtnetlink/client.ts';
import { changeLink, createLink, removeLink, removeLinkGroup } from '../../../src/kernel/rtnetlink/link.ts';
import {
  addFdbEntry,
  removeFdbEntry,
  removeNeighbour,
  setNeighbour,
} from '../../../src/kernel/rtnetlink/neighbour.ts';
import { addRoute, removeRoute } from '../../../src/kernel/rtnetlink/route.ts';
import { addRule, type Rule, removeRule } from '../../../src/kernel/rtnetlink/rule.ts';
import { makeWorkspace, requireOwnNetwork, run, showLink } from '../../support/own-network.ts';

const workspace = makeWorkspace();
const mac = parseMac('02:00:00:00:00:09', 'test');
const link = 1000;
const path = `${workspace.netnsDir}/client`;
let namespace: Namespace;

/** Everything happens in a namespace of the suite's own: rules and routes would be in the way of others. */
beforeAll(async () => {
  requireOwnNetwork();
  await createPinnedNamespace(path, { disableIpv6: false });
  namespace = openNamespace({ path });
  await send(
    createLink({ kind: 'veth', name: 'va', index: link, up: true, peer: { name: 'vb', index: link + 1 } }),
    changeLink({ index: link + 1 }, { up: true }),
    addAddress({ link, address: '10.1.2.3/24' as InterfaceAddress }),
  );
});

afterAll(() => {
  namespace.close();
  workspace.remove();
});

async function send(...messages: readonly Uint8Array[]): Promise<void> {
  await runProgram([request('namespace', ...messages)], namespace);
}

test('links are found by name and index, and changed', async () => {
  expect(await findLink({ name: 'nothing' }, namespace)).toBeUndefined();
  await send(changeLink({ index: link + 1 }, { alias: 'here', mtuBytes: 1300, mac }));
  const found = await findLink({ index: link + 1 }, namespace);
  expect(found).toMatchObject({ name: 'vb', alias: 'here', mtuBytes: 1300, mac, up: true, carrier: true });
  expect(await findLink({ name: 'vb' }, namespace)).toEqual(found);
  expect((await readLinks(namespace)).map(({ name }) => name)).toEqual(['lo', 'va', 'vb']);
});

test.each([
  ['both', 'lo', 'lo'],
  ['the first alone', 'lo', 'nothing'],
  ['the second alone', 'nothing', 'lo'],
  ['neither', 'nothing', 'nothing'],
])('of two links looked for together, what is there is found: %s', async (_, ...names) => {
  const found = await findLinkPair({ name: names[0] }, { name: names[1] });
  const expected = names.map((name) => (name === 'lo' ? 'lo' : undefined));
  expect(found.map((one) => one?.name)).toEqual(expected);
});

test('a group of links is removed at once', async () => {
  for (const name of ['g1', 'g2']) {
    await send(createLink({ kind: 'bridge', name, bridge: {} }), changeLink({ name }, { group: 4711 }));
  }
  await send(removeLinkGroup(4711));
  expect((await readLinks(namespace)).map(({ name }) => name)).toEqual(['lo', 'va', 'vb']);
});

test('addresses of one link are read, added twice without harm, and removed', async () => {
  const address = 'fd01::5/64' as InterfaceAddress;
  await send(addAddress({ link, address }), addAddress({ link, address }));
  const own = await readAddresses(link, namespace);
  expect(own).toContainEqual({ link, address });
  expect(own.every((one) => one.link === link)).toBe(true);
  await send(removeAddress({ link, address }));
  expect(await readAddresses(link, namespace)).not.toContainEqual({ link, address });
});

test('routes of every table are read', async () => {
  const route = {
    family: 4,
    destination: '10.66.0.0/16' as Cidr,
    gateway: '10.1.2.9' as IpAddress,
    link,
  } as const;
  await send(addRoute({ ...route, table: 300, metric: 7 }));
  expect(await readRoutes(4, namespace)).toContainEqual({
    ...route,
    table: 300,
    metric: 7,
    protocol: 4,
    type: 1,
    scope: 0,
    multipath: false,
  });
  await send(removeRoute({ ...route, table: 300 }));
  expect((await readRoutes(4, namespace)).some(({ table }) => table === 300)).toBe(false);
});

test('a route has the scope and sizes it is given', async () => {
  const route = { family: 4, destination: '10.67.0.0/16' as Cidr, link } as const;
  await send(addRoute({ ...route, scope: 254, mtuBytes: 1400, advertisedMssBytes: 1300 }));
  expect(run('ip -4 route show 10.67.0.0/16', path).split(/\s+/)).toEqual(
    expect.arrayContaining(['scope', 'host', 'mtu', '1400', 'advmss', '1300']),
  );
  expect(await readRoutes(4, namespace)).toContainEqual(
    expect.objectContaining({ ...route, scope: 254, mtuBytes: 1400, advertisedMssBytes: 1300 }),
  );
  await send(removeRoute({ ...route, scope: 254, mtuBytes: 1400 }));
  expect(run('ip -4 route show 10.67.0.0/16', path)).toBe('');
});

test('a link is made promiscuous and its queue longer, and back again', async () => {
  const flags = () => showLink('va', path)?.flags;
  await send(changeLink({ index: link }, { promiscuous: true, allMulticast: true, txQueueLength: 777 }));
  expect(flags()).toEqual(expect.arrayContaining(['PROMISC', 'ALLMULTI', 'UP']));
  expect(run('ip link show va', path)).toContain('qlen 777');
  const changed = { promiscuous: true, allMulticast: true, txQueueLength: 777 };
  expect(await findLink({ index: link }, namespace)).toMatchObject(changed);
  await send(changeLink({ index: link }, { promiscuous: false, allMulticast: false }));
  expect(flags()).not.toEqual(expect.arrayContaining(['PROMISC']));
  expect(await findLink({ index: link }, namespace)).toMatchObject({
    promiscuous: false,
    allMulticast: false,
    up: true,
  });
});

test.each<Rule>([
  { family: 4, priority: 500, from: '10.1.0.0/16' as Cidr, mark: { value: 16, mask: 255 }, table: 300 },
  { family: 6, priority: 501, to: 'fd00::/64' as Cidr, iifname: 'va', table: 254 },
])('a rule of IPv$family is added, read and removed', async (rule) => {
  await send(addRule(rule));
  expect(await readRules(rule.family, namespace)).toContainEqual(rule);
  await send(removeRule(rule));
  expect(await readRules(rule.family, namespace)).not.toContainEqual(rule);
});

test('a neighbour is set, read and removed', async () => {
  const neighbour = { link, address: '10.1.2.9' as IpAddress, mac };
  await send(setNeighbour(neighbour), setNeighbour(neighbour));
  expect(await readNeighbours(link, namespace)).toContainEqual(neighbour);
  await send(removeNeighbour(neighbour));
  expect(await readNeighbours(link, namespace)).not.toContainEqual(neighbour);
});

test('a VXLAN is made, and its FDB entries are added, read and removed', async () => {
  const vxlan = { id: 4096, port: 4789, learning: false, proxy: true, l2miss: true, l3miss: true };
  await send(createLink({ kind: 'vxlan', name: 'vx0', index: 1100, vxlan }));
  expect((await findLink({ name: 'vx0' }, namespace))?.info).toEqual({ kind: 'vxlan', vxlan });
  const entries = ['192.168.1.2', '192.168.1.3'].map((address) => ({
    link: 1100,
    mac: '00:00:00:00:00:00' as typeof mac,
    destination: address as IpAddress,
  }));
  await send(...entries.map(addFdbEntry));
  expect(await readFdb(1100, namespace)).toEqual(entries);
  await send(...entries.map(removeFdbEntry));
  expect(await readFdb(1100, namespace)).toEqual([]);
  await send(removeLink({ index: 1100 }));
});

test('what a namespace holds is read at once as it is read apart', async () => {
  const [links, addresses, ipv4, ipv6] = await Promise.all([
    readLinks(namespace),
    readAddresses(undefined, namespace),
    readRoutes(4, namespace),
    readRoutes(6, namespace),
  ]);
  expect(await readNamespace(namespace)).toEqual({ links, addresses, routes: [...ipv4, ...ipv6] });
});
