import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { NetError } from '../../../src/base/errors.ts';
import { BridgeDriver } from '../../../src/drivers/bridge/bridge.ts';
import { NetlinkError } from '../../../src/kernel/netlink/error.ts';
import type { Attachment } from '../../../src/model/attachment.ts';
import { NetnsSandboxes } from '../../../src/sandbox/netns-sandbox.ts';
import type { PinnedNamespace } from '../../../src/sandbox/sandbox.ts';
import { makeWorkspace, requireOwnNetwork, run, showLinks } from '../../support/own-network.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';

const driver = new BridgeDriver();
const workspace = makeWorkspace();
const network = makeNetwork({
  driver: 'bridge',
  options: { bridge: 'rf-br', mtu: '1500' },
  pools: [{ subnet: '10.74.0.0/24', gateway: '10.74.0.1' }],
});
const attachment = driver.attachment(network, makeEndpoint(network, ['10.74.0.2/24']));

let sandboxes: NetnsSandboxes;
let namespace: PinnedNamespace;

beforeAll(async () => {
  requireOwnNetwork();
  sandboxes = new NetnsSandboxes(workspace);
});

afterAll(() => workspace.remove());

beforeEach(async () => {
  await driver.ensureNetwork(network);
  namespace = await sandboxes.create('one');
});

afterEach(async () => {
  await sandboxes.remove(namespace, [attachment]);
  await driver.removeNetwork(network);
});

test('a taken interface name is a conflict that names it', async () => {
  run('ip link add eth0 type bridge', namespace.path);
  await refused(sandboxes.attach(namespace, attachment, {}), 'conflict', /interface eth0 exists already in /);
  expect(ourLinks()).toEqual([]);
});

test('a taken name on the host is a conflict that names it', async () => {
  const second = await sandboxes.create('two');
  await sandboxes.attach(namespace, attachment, {});
  await refused(
    sandboxes.attach(second, attachment, {}),
    'conflict',
    /interface fv.* exists already on the host/,
  );
  expect(await sandboxes.inspect(namespace, [attachment], {})).toEqual([]);
  await sandboxes.remove(second, []);
});

test('a missing bridge is not found, also after it was used', async () => {
  const missing = { ...attachment, link: { ...attachment.link, bridge: 'rf-gone' } } as Attachment;
  await refused(sandboxes.attach(namespace, missing, {}), 'not_found', /bridge rf-gone does not exist/);
  await sandboxes.attach(namespace, attachment, {});
  await sandboxes.detach(namespace, attachment, {});
  run('ip link delete rf-br');
  await refused(sandboxes.attach(namespace, attachment, {}), 'not_found', /bridge rf-br does not exist/);
});

test('a bridge that was made anew is found again', async () => {
  await sandboxes.attach(namespace, attachment, {});
  await sandboxes.detach(namespace, attachment, {});
  run('ip link delete rf-br');
  await driver.ensureNetwork(network);
  await sandboxes.attach(namespace, attachment, {});
  expect(await sandboxes.inspect(namespace, [attachment], {})).toEqual([]);
});

test('an attach that fails half-way leaves nothing', async () => {
  const gateway = driver.attachment(
    makeNetwork({ driver: 'bridge', pools: [{ subnet: '10.99.0.0/24', gateway: '10.99.0.1' }] }),
    makeEndpoint(network, ['10.99.0.2/24']),
  ).gateways.ipv4;
  if (gateway === undefined) throw new Error('the network has a gateway');
  const unreachable = { ipv4: { gateway, ifname: 'eth0' } };
  const failed = await sandboxes.attach(namespace, attachment, unreachable).catch((error) => error);
  expect(failed).toBeInstanceOf(NetError);
  expect(failed.cause).toBeInstanceOf(NetlinkError);
  expect(failed.cause.step).toBeGreaterThan(1);
  expect(ourLinks()).toEqual([]);
  expect(showLinks(namespace.path).map(({ ifname }) => ifname)).toEqual(['lo']);
});

test('the 1,024th port of a bridge is refused, naming the limit', { timeout: 120_000 }, async () => {
  const many = Array.from({ length: 1024 }, (_, i) => ({
    ...driver.attachment(network, makeEndpoint(network, [])),
    ifname: `eth${i}`,
  }));
  const last = many.pop();
  if (last === undefined) throw new Error('there are many');
  await Promise.all(many.map((each) => sandboxes.attach(namespace, each, {})));
  for (const refusedOne of [last, { ...last, ifname: 'fp-1', offered: true } as const]) {
    const full = /bridge rf-br is full.* 1023 ports/;
    await refused(sandboxes.attach(namespace, refusedOne, {}), 'exhausted', full);
  }
  await sandboxes.remove(namespace, many);
  expect(ourLinks()).toEqual([]);
});

function ourLinks(): readonly string[] {
  return showLinks()
    .filter(({ master }) => master === 'rf-br')
    .map(({ ifname }) => ifname);
}

async function refused(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(NetError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
}
