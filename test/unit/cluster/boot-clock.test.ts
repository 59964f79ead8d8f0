// The clock of this machine.
import { expect, test } from 'vitest';
import { BootClock, readBootId } from '../../../src/cluster/boot-clock.ts';

test('time goes on, and what is asked for comes no sooner than it is due', async () => {
  const clock = new BootClock();
  const before = clock.nowMs();
  await new Promise<void>((resolve) => {
    // Its own timers keep no process alive.
    const alive = setInterval(() => {}, 1_000);
    clock.after(30, () => {
      clearInterval(alive);
      resolve();
    });
  });
  expect(clock.nowMs() - before).toBeGreaterThanOrEqual(30);
});

test('what is cancelled never comes', async () => {
  const clock = new BootClock();
  const done: string[] = [];
  clock.after(1, () => done.push('cancelled'))();
  await new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 1_000);
    clock.after(40, () => {
      clearInterval(alive);
      resolve();
    });
  });
  expect(done).toEqual([]);
});

test('the start of the machine has an id', () => {
  expect(readBootId()).toMatch(/^[0-9a-f-]{36}$/);
});
