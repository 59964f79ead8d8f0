import { expect, test } from 'vitest';
import { LeftCounts, statisticsOf } from '../../../src/dns/statistics.ts';
import type { NetworkId, SandboxId } from '../../../src/model/ids.ts';
import { back, entry, lab } from './names.ts';

const [web, db] = ['web' as SandboxId, 'db' as SandboxId];
const none = { answered: 0, noData: 0, noName: 0, cached: 0, forwarded: 0, failed: 0, refused: 0 };
const cache = { entries: 1, bytes: 2, hits: 3, stale: 1 };

function told(left: LeftCounts) {
  return statisticsOf({
    thread: {
      sandboxes: [
        { sandbox: 1, questions: 30, answered: 10, noData: 5, noName: 4, remembered: 3, left: 6 },
        { sandbox: 9, questions: 1, answered: 1, noData: 0, noName: 0, remembered: 0, left: 0 },
      ],
      networks: [
        { network: 1, answered: 7 },
        { network: 9, answered: 1 },
      ],
      malformed: 11,
      overflowed: 12,
      connections: 13,
    },
    left,
    sandboxOf: (number) => (number === 1 ? web : undefined),
    networkOf: (number) => (number === 1 ? lab : undefined),
    upstreams: [],
    cache,
  });
}

test('what the thread counted and what became of the questions it left are put together', () => {
  const left = new LeftCounts(() => true);
  const owners = [
    entry('web', lab, { addresses: [] }),
    entry('db', lab, { addresses: [] }),
    entry('x', back, { addresses: [] }),
  ];
  left.count(web, 'answered', owners);
  left.count(web, 'noData', owners);
  for (const outcome of ['cached', 'forwarded', 'failed'] as const) left.count(web, outcome);
  left.count(db, 'refused');
  left.count(undefined, 'answered', owners);
  expect(told(left)).toEqual({
    askers: [
      {
        sandboxId: web,
        questions: 29,
        answered: 11,
        noData: 6,
        noName: 4,
        cached: 4,
        forwarded: 1,
        failed: 1,
        refused: 2,
      },
      { sandboxId: db, questions: 1, ...none, refused: 1 },
    ],
    networks: [{ networkId: lab, answered: 9 }],
    upstreams: [],
    cache: { ...cache, hits: 6 },
    malformed: 11,
    overflowed: 12,
    connections: 13,
  });
});

test('who is gone is counted no more, nor what was under way for it', () => {
  let areThere = true;
  const left = new LeftCounts(() => areThere);
  left.count(db, 'refused');
  left.forget(db);
  areThere = false;
  left.count(db, 'failed');
  left.count(undefined, 'answered', [entry('x', 'gone' as NetworkId, { addresses: [] })]);
  expect(told(left).askers.map(({ sandboxId }) => sandboxId)).toEqual([web]);
  expect([...left.networks]).toEqual([]);
});
