// Runs a share of the random schedules. `SIMULATION_SEED=1234` runs that one alone, wherever it belongs, and tells its story;
// `SIMULATION_FROM=1000000` runs as many others.
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { newSharedCluster } from './new-shared-cluster.ts';
import { runSchedule } from './schedule.ts';

const parts = 4;
const schedulesOfPart = 2_500;
const budgetMs = 600_000;

export function testSchedules(part: number): void {
  const given = Number(process.env['SIMULATION_SEED'] ?? Number.NaN);
  if (Number.isNaN(given)) {
    const first = Number(process.env['SIMULATION_FROM'] ?? 1) + (part - 1) * schedulesOfPart;
    const last = first + schedulesOfPart - 1;
    test(
      `schedules ${first} to ${last} of misfortunes leave no address given twice, nothing lost and nothing over`,
      async () => {
        for (let seed = first; seed <= last; seed++) await check(seed, false);
      },
      budgetMs,
    );
  } else if (given % parts === part % parts) {
    test(`schedule ${given}`, () => check(given, true), budgetMs);
  } else test.skip(`another file runs schedule ${given}`);
}

async function check(seed: number, isTold: boolean): Promise<void> {
  const { violations, log } = await runSchedule(seed, newSharedCluster, isTold);
  if (isTold) console.log(log.join('\n'));
  expect(violations, `SIMULATION_SEED=${seed}`).toEqual([]);
  await setImmediate();
}
