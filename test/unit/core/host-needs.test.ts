// What the host is asked for: forwarding and a way past others' firewalls, for as long as a network is in use.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CoreController } from '../../../src/core/controller.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
});

afterEach(() => void vi.useRealTimers());

const asked = () => ({ forwarded: [...parts.world.forwarded], bridges: parts.world.passing.size });
const nothing = { forwarded: [], bridges: 0 };

test('a fresh start asks for nothing', () => {
  expect(asked()).toEqual(nothing);
});

test.for([
  { request: {}, forwarded: ['IPv4'] },
  { request: { ipv6: true }, forwarded: ['IPv4', 'IPv6'] },
  { request: { ipv4: false, ipv6: true }, forwarded: ['IPv6'] },
  { request: { internal: true }, forwarded: [] },
])('a network made with $request is asked for until it is deleted', async ({ request, forwarded }) => {
  await core.createNetwork({ name: 'lab', ...request });
  expect(asked()).toEqual({ forwarded, bridges: 1 });
  await core.deleteNetwork('lab', { force: false });
  expect(asked()).toEqual(nothing);
});

test('the last of several networks takes with it what was asked for', async () => {
  for (const name of ['one', 'two']) await core.createNetwork({ name, ipv6: name === 'two' });
  await core.deleteNetwork('two', { force: false });
  expect(asked()).toEqual({ forwarded: ['IPv4'], bridges: 1 });
});

test('the built-in network is asked for while a sandbox is on it, and for a while after', async () => {
  for (const name of ['web', 'db']) {
    await core.createSandbox({ name });
    await core.connect({ network: 'bridge', target: name });
  }
  expect(asked()).toEqual({ forwarded: ['IPv4'], bridges: 1 });
  await core.disconnect('bridge', 'web', { force: false });
  expect(asked()).toEqual({ forwarded: ['IPv4'], bridges: 1 });
  await core.deleteSandbox('db', { force: false });
  expect(asked()).toEqual({ forwarded: ['IPv4'], bridges: 1 });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(asked()).toEqual(nothing);
});

test('sandboxes that follow each other on the built-in network switch nothing on and off', async () => {
  const changes: number[] = [];
  const note = () => {
    if (changes.at(-1) !== asked().bridges) changes.push(asked().bridges);
  };
  for (let i = 0; i < 5; i++) {
    await core.createSandbox({ name: 'web' });
    await core.connect({ network: 'bridge', target: 'web' });
    note();
    await core.deleteSandbox('web', { force: false });
    note();
    await vi.advanceTimersByTimeAsync(20_000);
    note();
  }
  expect(changes).toEqual([1]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked()).toEqual(nothing);
});

test('a daemon that stops takes back at once what nobody needs any more, and no more than that', async () => {
  await core.createSandbox({ name: 'web' });
  await core.connect({ network: 'bridge', target: 'web' });
  await core.close();
  expect(asked()).toEqual({ forwarded: ['IPv4'], bridges: 1 });
  core = new CoreController(parts);
  await core.start();
  await core.disconnect('bridge', 'web', { force: false });
  await core.close();
  expect(asked()).toEqual(nothing);
});

test('a firewall of others that does not answer keeps the daemon from stopping for a second at most', async () => {
  await core.createSandbox({ name: 'web' });
  await core.connect({ network: 'bridge', target: 'web' });
  await core.deleteSandbox('web', { force: false });
  Object.assign(parts, { passage: { ...parts.passage, follow: () => new Promise(() => {}) } });
  const closed = core.close();
  await vi.advanceTimersByTimeAsync(1000);
  await closed;
  expect(asked().forwarded).toEqual([]);
});

test('what failed is asked for no longer', async () => {
  await core.createSandbox({ name: 'web' });
  parts.failOn('sandboxes.attach');
  await expect(core.connect({ network: 'bridge', target: 'web' })).rejects.toThrow('told to fail');
  expect(asked()).toEqual(nothing);
  parts.failOn('firewall.apply');
  await expect(core.createNetwork({ name: 'lab' })).rejects.toThrow('told to fail');
  expect(asked()).toEqual(nothing);
});

test('a network whose forwarding cannot be switched on is not made', async () => {
  parts.failOn('forwarding.bringAbout');
  await expect(core.createNetwork({ name: 'lab' })).rejects.toThrow('told to fail');
  expect(core.networks().map(({ name }) => name)).not.toContain('lab');
});

test('the next start asks for what the records need, and a check for what is missing', async () => {
  await core.createNetwork({ name: 'lab' });
  parts.world.forwarded.clear();
  expect((await core.check({ fix: false })).differences).toEqual([
    { object: 'host', problem: 'does not forward IPv4 packets between interfaces', repaired: false },
  ]);
  await core.check({ fix: true });
  expect(asked()).toEqual({ forwarded: ['IPv4'], bridges: 1 });
  parts.world.passing.clear();
  await new CoreController(parts).start();
  expect(asked()).toEqual({ forwarded: ['IPv4'], bridges: 1 });
});
