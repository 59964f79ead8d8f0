// Names of other hosts over a restart of netd: what is asked meanwhile is answered when the next one knows them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClusterLab, patience, startLab } from '../support/cluster-bed-lab.ts';
import { addressOf } from '../support/peers.ts';
import { waitUntil } from '../support/wait-until.ts';

let lab: ClusterLab;

beforeAll(async () => {
  lab = await startLab(['h1', 'h2']);
});
afterAll(() => lab.bed[Symbol.asyncDispose]());

test('a question asked while no netd runs is answered with the name of another host', async () => {
  const host = lab.bed.host('h1');
  const expected = await addressOf(lab.bed.host('h2'), 'web-h2');
  const inside = ['ip', 'netns', 'exec', 'web-h1'];
  await lab.netds.get('h1')?.kill9();
  const asking = host.spawn([
    ...inside,
    ...['dig', '@127.0.0.11', '+short', '+tries=1', '+time=30', 'web-h2'],
  ]);
  await waitUntil('the question waits', async () => {
    const sockets = await host.run([...inside, 'ss', '-Hlun', 'src', '127.0.0.11']);
    return /^UNCONN\s+[1-9]/.test(sockets);
  });
  await lab.bed.netd('h1');
  await waitUntil('it is answered', () => asking.stdout !== '', patience);
  expect(asking.stdout.trim()).toBe(expected);
});
