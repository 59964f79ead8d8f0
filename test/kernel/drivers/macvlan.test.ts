import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { NetError } from '../../../src/base/errors.ts';
import { MacvlanDriver } from '../../../src/drivers/macvlan.ts';
import type { Attachment } from '../../../src/model/attachment.ts';
import type { Network } from '../../../src/model/network.ts';
import { NetnsSandboxes } from '../../../src/sandbox/netns-sandbox.ts';
import type { PinnedNamespace } from '../../../src/sandbox/sandbox.ts';
import { makeWorkspace, reaches, requireOwnNetwork, run, showLink } from '../../support/own-network.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';

const driver = new MacvlanDriver();
const workspace = makeWorkspace();
let sandboxes: NetnsSandboxes;
let one: PinnedNamespace;
let two: PinnedNamespace;
const used: Attachment[] = [];

beforeAll(() => {
  requireOwnNetwork();
  sandboxes = new NetnsSandboxes(workspace);
  run('ip link add mv-parent mtu 1450 type veth peer name mv-wire');
  run('ip address add 10.91.0.254/24 dev mv-wire');
  run('ip link set mv-parent up');
  run('ip link set mv-wire up');
});

afterAll(() => {
  run('ip link delete mv-parent');
  workspace.remove();
});

beforeEach(async () => {
  one = await sandboxes.create('one');
  two = await sandboxes.create('two');
});

afterEach(async () => {
  // Left to the end of their namespaces, they would keep the parent for a while.
  await sandboxes.remove(one, used);
  await sandboxes.remove(two, used);
  used.length = 0;
});

async function network(options: Readonly<Record<string, string>>): Promise<Network> {
  const draft = makeNetwork({ driver: 'macvlan', options, pools: [{ subnet: '10.91.0.0/24' }] });
  return { ...draft, options: await driver.resolve(draft, []) };
}

test.each([
  ['bridge', true],
  ['private', false],
  ['vepa', false],
])('in mode %s sandboxes reach the wire, and each other: %s', async (mode, eachOther) => {
  const lab = await network({ parent: 'mv-parent', mode });
  await sandboxes.attach(one, attachment(lab, ['10.91.0.2/24']), {});
  await sandboxes.attach(two, attachment(lab, ['10.91.0.3/24']), {});
  expect(showLink('eth0', one.path)).toMatchObject({ mtu: 1450, linkinfo: { info_data: { mode } } });
  expect(reaches('10.91.0.254', one.path)).toBe(true);
  expect(reaches('10.91.0.3', one.path)).toBe(eachOther);
});

test('in mode passthru one sandbox has the parent alone', async () => {
  const lab = await network({ parent: 'mv-parent', mode: 'passthru' });
  const first = attachment(lab, ['10.91.0.2/24']);
  await sandboxes.attach(one, first, {});
  expect(reaches('10.91.0.254', one.path)).toBe(true);
  expect(await sandboxes.inspect(one, [first], {})).toEqual([]);
  const second = attachment(lab, ['10.91.0.3/24']);
  await refused(sandboxes.attach(two, second, {}), 'conflict');
  expect(showLink('eth0', two.path)).toBeUndefined();
});

test('an interface that is detached is gone, and another of its name stays', async () => {
  const lab = await network({ parent: 'mv-parent' });
  const first = attachment(lab, ['10.91.0.2/24']);
  await sandboxes.attach(one, first, {});
  await sandboxes.detach(one, first, {});
  expect(showLink('eth0', one.path)).toBeUndefined();
  run('ip link add eth0 type bridge', one.path);
  await refused(sandboxes.attach(one, first, {}), 'conflict');
  await sandboxes.detach(one, first, {});
  expect(showLink('eth0', one.path)).toBeDefined();
});

test('what others change on the interface is noticed and repaired', async () => {
  const lab = await network({ parent: 'mv-parent' });
  const first = attachment(lab, ['10.91.0.2/24']);
  await sandboxes.attach(one, first, {});
  for (const damage of ['ip link set eth0 down', 'ip address flush dev eth0', 'ip link delete eth0']) {
    run(damage, one.path);
    expect(await sandboxes.inspect(one, [first], {}), damage).not.toEqual([]);
    await sandboxes.repair(one, first, {});
    expect(await sandboxes.inspect(one, [first], {}), damage).toEqual([]);
  }
});

test('the parent must be there, must not be loopback, and limits the MTU', async () => {
  await refused(network({ parent: 'nowhere' }), 'not_found');
  await refused(network({ parent: 'lo' }), 'invalid_parameter');
  await refused(network({ parent: 'mv-parent', mtu: '1500' }), 'invalid_parameter');
  expect((await network({ parent: 'mv-parent' })).options).toEqual({
    parent: 'mv-parent',
    mode: 'bridge',
    mtu: '1450',
  });
});

test('without a name the parent is the link the default route leaves by', async () => {
  await refused(network({}), 'invalid_parameter');
  run('ip route add default via 10.91.0.1 dev mv-wire');
  try {
    expect((await network({})).options['parent']).toBe('mv-wire');
  } finally {
    run('ip route delete default');
  }
});

test('a parent in passthru mode is for one network alone', async () => {
  const shared = await network({ parent: 'mv-parent' });
  const alone = await network({ parent: 'mv-parent', mode: 'passthru' });
  await refused(driver.resolve({ ...alone, options: { parent: 'mv-parent' } }, [alone]), 'conflict');
  await refused(
    driver.resolve({ ...alone, options: { parent: 'mv-parent', mode: 'passthru' } }, [shared]),
    'conflict',
  );
  await driver.resolve({ ...alone, options: { parent: 'mv-wire', mode: 'passthru' } }, [shared]);
  await driver.resolve({ ...alone, options: { parent: 'mv-parent' } }, [shared]);
});

test('a parent that went away is noticed', async () => {
  const lab = await network({ parent: 'mv-parent' });
  expect(await driver.inspectNetwork(lab)).toEqual([]);
  const lost = { ...lab, options: { ...lab.options, parent: 'mv-gone' } };
  expect(await driver.inspectNetwork(lost)).toEqual([
    { object: 'parent mv-gone of network lab', problem: 'is missing' },
  ]);
});

function attachment(lab: Network, addresses: readonly string[]): Attachment {
  const made = driver.attachment(lab, makeEndpoint(lab, addresses));
  used.push(made);
  return made;
}

async function refused(work: Promise<unknown>, code: string): Promise<void> {
  await expect(work).rejects.toSatisfy((error) => error instanceof NetError && error.code === code);
}
