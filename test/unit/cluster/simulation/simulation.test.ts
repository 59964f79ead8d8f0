// The schedules can fail: clusters with one part taken away are found out.
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { SharedStore } from '../../../../src/cluster/shared-store.ts';
import { newSharedCluster } from './new-shared-cluster.ts';
import { type NewCluster, runSchedule } from './schedule.ts';

const enough = 400;

/** Calls go to `changed` where it has them. */
function altered<T extends object>(whole: T, changed: Partial<T>): T {
  return new Proxy(whole, {
    get: (target, name) => {
      const source = name in changed ? changed : target;
      const value: unknown = Reflect.get(source, name, source);
      return typeof value === 'function' ? value.bind(source) : value;
    },
  });
}

function withStore(change: (store: SharedStore) => Partial<SharedStore>): NewCluster {
  return (parts, log) =>
    newSharedCluster({ ...parts, store: altered(parts.store, change(parts.store)) }, log);
}

const broken: readonly {
  readonly what: string;
  readonly newCluster: NewCluster;
  readonly violation: RegExp;
}[] = [
  {
    what: 'writes without its conditions',
    newCluster: withStore((store) => ({ write: (_, writes) => store.write([], writes) })),
    violation: /is of ep-\d+ on|two networks|overlaps|have VNI/,
  },
  {
    what: 'takes unknown outcomes for success',
    newCluster: withStore((store) => {
      let newest = 1;
      const see = <T extends { readonly revision: number }>(reply: T): T => {
        newest = Math.max(newest, reply.revision);
        return reply;
      };
      return {
        get: (key) => store.get(key).then(see),
        read: (prefix) => store.read(prefix).then(see),
        write: (conditions, writes) =>
          store.write(conditions, writes).then(see, () => ({ applied: true, revision: newest + 1 })),
      };
    }),
    violation: /is of ep-\d+ on|in the end/,
  },
  {
    what: 'is told of nothing while it watches',
    newCluster: withStore((store) => ({
      watch: (prefix, from, listener) => store.watch(prefix, from, { ...listener, onEvents: () => {} }),
    })),
    violation: /./,
  },
  {
    what: 'never closes its tunnels',
    newCluster: (parts, log) => {
      const cluster = newSharedCluster(parts, log);
      return altered(cluster, {
        start: (recorded, listener) =>
          cluster.start(recorded, altered(listener, { tunnelsChanged: async () => {} })),
      });
    },
    violation: /is of ep-\d+ on/,
  },
  {
    what: 'gives others the blocks of hosts that live',
    newCluster: withStore((store) => ({
      write: (conditions, writes) =>
        store.write(
          conditions.filter((condition) => !('absent' in condition) || !condition.key.includes('/block/')),
          writes,
        ),
    })),
    violation: /is of ep-\d+ on/,
  },
];

for (const { what, newCluster, violation } of broken) {
  test(`a cluster that ${what} is found out`, { timeout: 120_000 }, async () => {
    const found: string[] = [];
    for (let seed = 1; seed <= enough && !found.some((text) => violation.test(text)); seed++) {
      found.push(...(await runSchedule(seed, newCluster)).violations);
      await setImmediate();
    }
    expect(found.join('\n')).toMatch(violation);
  });
}

test('a schedule is the same every time', async () => {
  const first = await runSchedule(8, newSharedCluster, true);
  const second = await runSchedule(8, newSharedCluster, true);
  expect(second.log).toEqual(first.log);
  expect(first.log.length).toBeGreaterThan(50);
});
