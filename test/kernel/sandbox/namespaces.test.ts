import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { NetError } from '../../../src/base/errors.ts';
import { BridgeDriver } from '../../../src/drivers/bridge/bridge.ts';
import { openNamespace } from '../../../src/kernel/netns.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { NetnsSandboxes } from '../../../src/sandbox/netns-sandbox.ts';
import { PinLedger } from '../../../src/sandbox/pin-ledger.ts';
import {
  makeWorkspace,
  requireOwnNetwork,
  run,
  showLink,
  showLinks,
  type Workspace,
} from '../../support/own-network.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';
import { waitUntil } from '../../support/wait-until.ts';

let workspace: Workspace;
let sandboxes: NetnsSandboxes;

beforeEach(() => {
  requireOwnNetwork();
  workspace = makeWorkspace();
  sandboxes = new NetnsSandboxes(workspace);
});

afterEach(() => workspace.remove());

test('a new namespace has loopback up and nothing else, and is entered by its path', async () => {
  const made = await sandboxes.create('web');
  expect(made).toMatchObject({ kind: 'pinned', path: join(workspace.netnsDir, 'web') });
  expect(showLinks(made.path).map(({ ifname, flags }) => [ifname, flags.includes('UP')])).toEqual([
    ['lo', true],
  ]);
  expect(await sandboxes.exists(made)).toBe(true);
  await sandboxes.remove(made, []);
  expect(existsSync(made.path)).toBe(false);
  expect(await sandboxes.exists(made)).toBe(false);
});

test('the namespaces of the host and of another sandbox are there without being looked at', async () => {
  expect(await sandboxes.exists({ kind: 'host' })).toBe(true);
  expect(await sandboxes.exists({ kind: 'shared', with: 'f'.repeat(64) as SandboxId })).toBe(true);
});

test('a taken path is refused and left alone', async () => {
  const made = await sandboxes.create('web');
  await refused(sandboxes.create('web'), 'already_exists');
  expect(await sandboxes.exists(made)).toBe(true);
  expect(await sandboxes.strays({ namespaces: [made], attachments: [] })).toEqual([]);
});

test('a full disk costs a new namespace and leaves nothing of it', async () => {
  const runDir = join(workspace.runDir, 'small');
  mkdirSync(runDir, { recursive: true });
  run(`mount -t tmpfs -o size=4k tmpfs ${runDir}`);
  try {
    const small = new NetnsSandboxes({ ...workspace, runDir });
    writeFileSync(join(runDir, 'full'), Buffer.alloc(4096));
    await expect(small.create('web')).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(existsSync(join(workspace.netnsDir, 'web'))).toBe(false);
    rmSync(join(runDir, 'full'));
    await small.remove(await small.create('web'), []);
  } finally {
    run(`umount ${runDir}`);
  }
});

test('another namespace under a recorded path is not entered, and not unpinned', async () => {
  const made = await sandboxes.create('web');
  // The kernel may give the number of a namespace that is gone to the next: this one stays until the end.
  const held = openNamespace({ path: made.path });
  onTestFinished(() => held.close());
  await sandboxes.remove(made, []);
  const other = await new NetnsSandboxes({ ...workspace, runDir: `${workspace.runDir}-other` }).create('web');
  expect(await sandboxes.exists(made)).toBe(false);
  await refused(sandboxes.setDefaultRoutes(made, {}), 'not_found');
  await sandboxes.remove(made, []);
  expect(await sandboxes.exists(other)).toBe(true);
});

test('a process’s namespace is adopted by its pid, and is gone when the process is', async () => {
  const child = spawn('unshare', ['-n', 'sleep', '60']);
  const pid = child.pid ?? 0;
  const adopted = await waitUntil('the process has a namespace of its own', () => sandboxes.adopt({ pid }));
  expect(adopted).toMatchObject({ kind: 'adopted', pid, path: `/proc/${pid}/ns/net` });
  expect(adopted.startTime).toBeGreaterThan(0);
  child.kill();
  await once(child, 'close');
  expect(await sandboxes.exists(adopted)).toBe(false);
  await refused(sandboxes.adopt({ pid }), 'not_found');
});

test('the host’s own namespace and files that are none are not adopted', async () => {
  await refused(sandboxes.adopt({ pid: process.pid }), 'invalid_parameter');
  await refused(sandboxes.adopt({ path: '/proc/self/ns/uts' }), 'invalid_parameter');
  await refused(sandboxes.adopt({ path: '/etc/passwd' }), 'invalid_parameter');
  await refused(sandboxes.adopt({ path: '/nowhere' }), 'not_found');
});

test('an adopted namespace is not unpinned, but loses our interfaces', async () => {
  const driver = new BridgeDriver();
  const network = makeNetwork({ driver: 'bridge', options: { bridge: 'ns-br', mtu: '1500' } });
  const attachment = driver.attachment(network, makeEndpoint(network, ['10.75.0.2/24']));
  await driver.ensureNetwork(network);
  const made = await sandboxes.create('web');
  const adopted = await sandboxes.adopt({ path: made.path });
  await sandboxes.attach(adopted, attachment, {});
  await sandboxes.remove(adopted, [attachment]);
  expect(showLinks(made.path).map(({ ifname }) => ifname)).toEqual(['lo']);
  expect(await sandboxes.exists(made)).toBe(true);
  await driver.removeNetwork(network);
});

test('pins and links no record accounts for are strays; foreign ones are not', async () => {
  const driver = new BridgeDriver();
  const network = makeNetwork({ driver: 'bridge', options: { bridge: 'ns-br', mtu: '1500' } });
  const kept = driver.attachment(network, makeEndpoint(network, []));
  const lost = { ...driver.attachment(network, makeEndpoint(network, [])), ifname: 'eth1' };
  await driver.ensureNetwork(network);
  const made = await sandboxes.create('kept');
  await sandboxes.attach(made, kept, {});
  await sandboxes.attach(made, lost, {});
  const stray = await sandboxes.create('stray');
  run(`ip link add ns-foreign type veth peer name ns-peer`);
  run(`ip link set ns-foreign alias somebody`);
  const foreign = await new NetnsSandboxes({ ...workspace, runDir: `${workspace.runDir}-other` }).create(
    'foreign',
  );

  const lostName = lost.link.kind === 'veth' ? lost.link.hostIfname : '';
  const strays = await sandboxes.strays({ namespaces: [made], attachments: [kept] });
  expect(strays).toEqual([
    { kind: 'link', name: lostName },
    { kind: 'pin', name: stray.path },
  ]);
  for (const each of strays) await sandboxes.removeStray(each);
  expect(await sandboxes.strays({ namespaces: [made], attachments: [kept] })).toEqual([]);
  expect(existsSync(stray.path)).toBe(false);
  expect(await sandboxes.exists(foreign)).toBe(true);
  expect(await sandboxes.inspect(made, [kept], {})).toEqual([]);
  expect(showLink('ns-foreign')).toBeDefined();
  run('ip link delete ns-foreign');
  await sandboxes.remove(made, [kept]);
  await driver.removeNetwork(network);
});

test('a pin made in the moment of a crash is a stray, and one announced but never made is forgotten', async () => {
  const crashed = await sandboxes.create('crashed');
  const ledger = new PinLedger(workspace.runDir);
  ledger.announce('crashed');
  ledger.announce('never');
  const next = new NetnsSandboxes(workspace);
  expect(await next.strays({ namespaces: [], attachments: [] })).toEqual([
    { kind: 'pin', name: crashed.path },
  ]);
  expect(ledger.names()).toEqual(['crashed']);
});

test('a crash between the two steps of pinning or unpinning leaves nothing', async () => {
  const made = await sandboxes.create('made');
  run(`umount ${made.path}`);
  await sandboxes.remove(made, []);
  expect(existsSync(made.path)).toBe(false);

  const half = join(workspace.netnsDir, 'half');
  new PinLedger(workspace.runDir).announce('half');
  writeFileSync(half, '');
  expect(await sandboxes.strays({ namespaces: [], attachments: [] })).toEqual([{ kind: 'pin', name: half }]);
  await sandboxes.removeStray({ kind: 'pin', name: half });
  expect(existsSync(half)).toBe(false);
});

async function refused(work: Promise<unknown>, code: string): Promise<void> {
  await expect(work).rejects.toSatisfy((error) => error instanceof NetError && error.code === code);
}
