import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyedMutex, type Keys } from '../../../src/base/keyed-mutex.ts';

/** Work that ends when told to, and says whether it has begun. */
function work() {
  let finish = () => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const piece = {
    begun: false,
    finish,
    run: () => {
      piece.begun = true;
      return done;
    },
  };
  return piece;
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a keyed mutex', () => {
  test('never lets two hold a key unless both share it, lets everybody through, and forgets every key', async () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 });
    const keys = fc.record({ exclusive: names, shared: names });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ keys, turns: fc.nat(4), fails: fc.boolean() }), { maxLength: 25 }),
        async (jobs) => {
          const mutex = new KeyedMutex();
          const exclusive = new Map<string, number>();
          const shared = new Map<string, number>();
          const count = (map: Map<string, number>, of: readonly string[], by: number) => {
            for (const key of of) map.set(key, (map.get(key) ?? 0) + by);
          };
          const results = await Promise.allSettled(
            jobs.map(({ keys: wanted, turns, fails }) => {
              const onlyShared = wanted.shared.filter((key) => !wanted.exclusive.includes(key));
              return mutex.run(wanted, async () => {
                for (const key of wanted.exclusive)
                  expect([exclusive.get(key) ?? 0, shared.get(key) ?? 0]).toEqual([0, 0]);
                for (const key of onlyShared) expect(exclusive.get(key) ?? 0).toBe(0);
                count(exclusive, wanted.exclusive, 1);
                count(shared, onlyShared, 1);
                for (let i = 0; i < turns; i++) await Promise.resolve();
                count(exclusive, wanted.exclusive, -1);
                count(shared, onlyShared, -1);
                if (fails) throw new Error('planned');
              });
            }),
          );
          for (const [i, result] of results.entries()) {
            if (result.status === 'rejected') expect(result.reason.message).toBe('planned');
            expect(result.status).toBe(jobs[i]?.fails ? 'rejected' : 'fulfilled');
          }
        },
      ),
    );
  });

  test('serves a key in order of arrival, so that sharers do not keep out who wants it alone', async () => {
    const mutex = new KeyedMutex();
    const [first, alone, late] = [work(), work(), work()];
    const wanted: Keys[] = [{ shared: ['n'] }, { exclusive: ['n'] }, { shared: ['n'] }];
    const running = [first, alone, late].map((piece, i) => mutex.run(wanted[i] ?? {}, piece.run));
    await settle();
    expect([first.begun, alone.begun, late.begun]).toEqual([true, false, false]);
    first.finish();
    await settle();
    expect([alone.begun, late.begun]).toEqual([true, false]);
    alone.finish();
    await settle();
    expect(late.begun).toBe(true);
    late.finish();
    await Promise.all(running);
  });

  test('lets those who want other keys go on', async () => {
    const mutex = new KeyedMutex();
    const [slow, other] = [work(), work()];
    const running = [
      mutex.run({ exclusive: ['a'] }, slow.run),
      mutex.run({ exclusive: ['b'], shared: ['c'] }, other.run),
    ];
    await settle();
    expect(other.begun).toBe(true);
    slow.finish();
    other.finish();
    await Promise.all(running);
  });
});
