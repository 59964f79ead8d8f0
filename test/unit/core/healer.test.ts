// Repairs nobody asks for: only of what is ours, and not in a fight without end.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CoreController } from '../../../src/core/controller.ts';
import type { Network } from '../../../src/model/network.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;
let lab: Network;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
  lab = await core.createNetwork({ name: 'lab' });
});

afterEach(() => void vi.useRealTimers());

/** How many times the network's bridge has been looked at. */
function looks(): number {
  return parts.calls().filter((call) => call === 'driver.inspectNetwork').length;
}

test('a repair that is undone at once is made again less and less often', async () => {
  const before = looks();
  const ifname = lab.options['bridge'] ?? '';
  // Somebody takes the bridge away as soon as it is there, for a minute.
  for (let ms = 0; ms < 60_000; ms += 10) {
    if (parts.world.bridges.delete('lab')) parts.changeLink({ ifname });
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(looks() - before).toBeLessThan(60);
  // Left in peace, it is there, and the next change is mended at once.
  await vi.advanceTimersByTimeAsync(60_000);
  expect(parts.world.bridges).toContain('lab');
  parts.world.bridges.delete('lab');
  parts.changeLink({ ifname });
  await vi.advanceTimersByTimeAsync(100);
  expect(parts.world.bridges).toContain('lab');
});

test('changes of links that are not ours hold up nobody', async () => {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const { create } = parts.sandboxes;
  const slow: typeof create = async (name) => {
    if (name === 'slow') await gate;
    return create(name);
  };
  Object.assign(parts, { sandboxes: { ...parts.sandboxes, create: slow } });
  const made = [core.createSandbox({ name: 'slow' })];
  parts.changeLink({ ifname: 'docker0' });
  await vi.advanceTimersByTimeAsync(100);
  made.push(core.createSandbox({ name: 'quick' }));
  await vi.advanceTimersByTimeAsync(100);
  expect(core.sandboxes().map(({ name }) => name)).toEqual(['quick']);
  open();
  await Promise.all(made);
});

test('an adopted namespace that vanishes without a sound is noticed', async () => {
  parts.world.namespaces.set('/run/netns/theirs', new Set());
  const connected = core.connect({ network: 'lab', target: 'netns:/run/netns/theirs' });
  await vi.advanceTimersByTimeAsync(10);
  await connected;
  parts.world.namespaces.delete('/run/netns/theirs');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(core.sandboxes()).toEqual([]);
});
