// Four suites: `unit` needs nothing, `contract` holds every implementation to its contract, `kernel` works on real
// namespaces, `e2e` drives the built daemon in throw-away hosts. The last three need root to run in full.
import { defineConfig } from 'vitest/config';

const real = { pool: 'forks', testTimeout: 30_000, hookTimeout: 30_000, teardownTimeout: 10_000 } as const;

export default defineConfig({
  test: {
    maxWorkers: 3,
    // Bash takes a pipe of Node's for a remote shell's and reads ~/.bashrc, unless a shell has started it.
    env: { SHLVL: '1' },
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      { test: { name: 'contract', include: ['test/contract/**/*.test.ts'], ...real } },
      // One file after the other: they share a network namespace, and some change its default route or forwarding.
      { test: { name: 'kernel', include: ['test/kernel/**/*.test.ts'], ...real, fileParallelism: false } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/support/build.ts'],
          ...real,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
