// The simulated store's own manners, beyond what every store has: time, cuts and sleep.
import { expect, test } from 'vitest';
import type { StoreEvent } from '../../../src/cluster/shared-store.ts';
import { connect, simulateStore } from '../../support/simulated-store.ts';

function listen() {
  const told: (string | StoreEvent)[] = [];
  const listener = {
    onStart: () => void told.push('start'),
    onEvents: (events: readonly StoreEvent[]) => void told.push(...events),
    onProgress: () => {},
    onEnd: (reason: string) => void told.push(reason),
  };
  return { told, listener };
}

test('a day passes in a moment, and a lease ends in it with its keys at one revision', async () => {
  const { time, store, server } = simulateStore();
  const { id } = await time.settle(store.grantLease(3_600));
  await time.settle(
    store.write(
      [],
      [
        { put: 'a', value: '1', lease: id },
        { put: 'b', value: '2', lease: id },
      ],
    ),
  );
  await time.run(3_600_000 - 1_000);
  expect(server.read('').keys).toHaveLength(2);
  const { told, listener } = listen();
  store.watch('', 1, listener);
  await time.run(24 * 3_600_000);
  expect(server.read('').keys).toEqual([]);
  expect(told.slice(-2)).toEqual([
    { deleted: 'a', revision: 3 },
    { deleted: 'b', revision: 3 },
  ]);
  expect(await time.settle(store.renewLease(id))).toBeUndefined();
});

test('a call over a cut link fails in time', async () => {
  const { time, link, store, server } = simulateStore();
  link.cut('both');
  await expect(time.settle(store.write([], [{ put: 'a', value: '1' }]), 4_000)).rejects.toThrow('no answer');
  expect(server.read('').keys).toEqual([]);
});

test('what is asked over a link that loses the replies is done, and nobody hears of it', async () => {
  const { time, link, store, server } = simulateStore();
  link.cut('replies');
  await expect(time.settle(store.write([], [{ put: 'a', value: '1' }]))).rejects.toThrow('no answer');
  expect(server.read('').keys).toHaveLength(1);
});

test('a watch over a link that is cut for a moment goes on where it was, and ends when it stays cut', async () => {
  const { time, link, store, server } = simulateStore();
  const { told, listener } = listen();
  store.watch('', 1, listener);
  await time.run(10);
  link.cut('both');
  server.write([], [{ put: 'a', value: '1' }]);
  server.write([], [{ delete: 'a' }]);
  await time.run(1_000);
  expect(told).toEqual(['start']);
  link.heal();
  await time.run(1_000);
  expect(told.slice(2)).toEqual([{ deleted: 'a', revision: 3 }]);
  link.cut('both');
  await time.run(11_000);
  expect(told.at(-1)).toBe('interrupted');
});

test('a machine that sleeps hears and does everything late, and knows that time has passed', async () => {
  const { time, machine, clock, store, server } = simulateStore();
  const { told, listener } = listen();
  store.watch('', 1, listener);
  let firedAtMs = 0;
  clock.after(1_000, () => {
    firedAtMs = clock.nowMs();
  });
  machine.sleep();
  server.write([], [{ put: 'a', value: '1' }]);
  await time.run(60_000);
  expect(told).toEqual([]);
  expect(firedAtMs).toBe(0);
  machine.wake();
  await time.run(10);
  expect(told).toHaveLength(2);
  expect(firedAtMs).toBeGreaterThanOrEqual(60_000);
});

test('nothing of a program that was stopped goes on, but what it sent', async () => {
  const { time, clock, store, server } = simulateStore();
  let isAnswered = false;
  store.write([], [{ put: 'a', value: '1' }]).finally(() => {
    isAnswered = true;
  });
  clock.stop();
  await time.run(10_000);
  expect(isAnswered).toBe(false);
  expect(server.read('').keys).toHaveLength(1);
});

test('a restarted server has its keys, gives leases their whole time, and has ended the watches', async () => {
  const { time, store, server } = simulateStore();
  const { id } = await time.settle(store.grantLease(10));
  await time.settle(store.write([], [{ put: 'a', value: '1', lease: id }]));
  const { told, listener } = listen();
  connect(server).store.watch('', 1, listener);
  await time.run(9_000);
  server.restart(5_000);
  await time.run(14_000);
  expect(server.read('').keys).toHaveLength(1);
  expect(told.at(-1)).toBe('interrupted');
  await time.run(3_000);
  expect(server.read('').keys).toEqual([]);
});

test('a watch from before a compaction is told so', async () => {
  const { time, store, server } = simulateStore();
  for (const value of ['1', '2', '3']) server.write([], [{ put: 'a', value }]);
  server.compact(3);
  const late = listen();
  store.watch('', 2, late.listener);
  const kept = listen();
  store.watch('', 3, kept.listener);
  await time.run(100);
  expect(late.told.at(-1)).toBe('compacted');
  expect(kept.told).toHaveLength(3);
});
