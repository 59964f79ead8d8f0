// What is left when a request, or the undoing of one, breaks off: nothing is lost, given away twice, or stuck for ever.
import { beforeEach, expect, test, vi } from 'vitest';
import { addressOf, parseCidr } from '../../../src/base/cidr.ts';
import { CoreController } from '../../../src/core/controller.ts';
import type { Parts } from '../../../src/core/parts.ts';
import type { RunRequest } from '../../../src/core/requests.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
  await core.createNetwork({
    name: 'lab',
    pools: [{ subnet: parseCidr('10.5.0.0/29', 'x'), reserved: {} }],
  });
});

function job(pid: number): RunRequest {
  parts.world.processes.set(pid, { startTime: pid * 10 });
  return {
    name: 'job',
    networks: [{ network: 'lab' }],
    process: { pid, command: ['true'], directory: '/', environment: [] },
    autoRemove: true,
    detached: false,
    restart: 'no',
    terminal: false,
  };
}

/** Holds up every call of one function of a part until the returned function is called. */
function holdUp<P extends 'sandboxes' | 'store'>(part: P, method: keyof Parts[P] & string): () => void {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const original = parts[part];
  const call = original[method] as (...args: readonly unknown[]) => Promise<unknown>;
  const held = async (...args: readonly unknown[]) => {
    await gate;
    return call(...args);
  };
  Object.assign(parts, { [part]: { ...original, [method]: held } });
  return open;
}

test('an address is not given away while the record of its endpoint is there, nor given back twice', async () => {
  for (const name of ['web', 'db']) await core.createSandbox({ name });
  const { addresses } = await core.connect({ network: 'lab', target: 'web' });
  const same = { network: 'lab', target: 'db', addresses: addresses.map(addressOf) };
  parts.failOn('store.commit', 2);
  await expect(core.disconnect('lab', 'web', { force: false })).rejects.toThrow('not everything');
  await expect(core.connect(same)).rejects.toMatchObject({ code: 'conflict' });
  await core.disconnect('lab', 'web', { force: false });
  expect((await core.connect(same)).addresses).toEqual(addresses);
});

test('a connect that could not be undone keeps its address until a check clears it away', async () => {
  for (const name of ['web', 'db']) await core.createSandbox({ name });
  parts.failOn('store.commit', 2);
  const { commit } = parts.store;
  const full: Parts['store']['commit'] = async (changes, options) => {
    if (changes.some((change) => 'drop' in change)) throw new Error('no space left');
    return commit(changes, options);
  };
  Object.assign(parts, { store: { ...parts.store, commit: full } });
  await expect(core.connect({ network: 'lab', target: 'web' })).rejects.toThrow('told to fail');
  Object.assign(parts, { store: { ...parts.store, commit } });
  const left = core.sandbox('web').endpoints.flatMap(({ addresses }) => addresses.map(addressOf));
  const same = { network: 'lab', target: 'db', addresses: left };
  await expect(core.connect(same)).rejects.toMatchObject({ code: 'conflict' });
  const { differences } = await core.check({ fix: true });
  expect(differences).toMatchObject([{ object: 'endpoint eth0 of sandbox web', repaired: true }]);
  expect(core.sandbox('web').endpoints).toEqual([]);
  expect((await core.connect(same)).addresses.map(addressOf)).toEqual(left);
});

test('what could not be repaired is not told to be', async () => {
  parts.world.bridges.delete('lab');
  parts.failOn('driver.ensureNetwork');
  const { differences } = await core.check({ fix: true });
  expect(differences).toMatchObject([{ object: 'bridge lab', repaired: false }]);
});

test('a sandbox that could not be cleaned up after its process can still be deleted', async () => {
  await core.run(job(5));
  parts.failOn('store.commit');
  parts.endProcess(5);
  await vi.waitFor(() => expect(parts.calls().at(-1)).toBe('store.commit'));
  await core.deleteSandbox('job', { force: false });
  expect(core.sandboxes()).toEqual([]);
});

test('a forced delete of a sandbox whose process has just ended waits for the cleaning up', async () => {
  await core.run(job(5));
  const open = holdUp('sandboxes', 'remove');
  parts.endProcess(5);
  const deleted = core.deleteSandbox('job', { force: true });
  open();
  await deleted;
  expect(core.sandboxes()).toEqual([]);
});

test('a sandbox that is still being made is not deleted from under the one who makes it', async () => {
  const open = holdUp('sandboxes', 'attach');
  const running = core.run(job(5));
  await vi.waitFor(() => core.sandbox('job'));
  parts.world.processes.delete(5);
  const deleted = core.deleteSandbox('job', { force: false });
  open();
  await Promise.all([running, deleted]);
  expect(core.sandboxes()).toEqual([]);
  expect(parts.world.namespaces).toEqual(new Map());
});

test('nobody joins a network before it is whole', async () => {
  await core.createSandbox({ name: 'web' });
  const { commit } = parts.store;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const failing: Parts['store']['commit'] = async (changes, options) => {
    if (options?.durable !== true) return commit(changes, options);
    await gate;
    throw new Error('no space left');
  };
  Object.assign(parts, { store: { ...parts.store, commit: failing } });
  const created = core.createNetwork({ name: 'half' });
  const refused = expect(created).rejects.toThrow('no space left');
  await vi.waitFor(() => core.network('half'));
  const joined = expect(core.connect({ network: 'half', target: 'web' })).rejects.toThrow('no network');
  open();
  await Promise.all([refused, joined]);
  expect(core.sandbox('web').endpoints).toEqual([]);
});
