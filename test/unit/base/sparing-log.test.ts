import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sparingLog } from '../../../src/base/sparing-log.ts';

let lines: string[];
const stream = () =>
  new Writable({
    write(chunk, _, done) {
      const { level, msg, more, which } = JSON.parse(String(chunk));
      lines.push(`${level} ${msg} ${more === undefined ? which : `+${more}`}`);
      done();
    },
  });
const start = () =>
  sparingLog(pino({ formatters: { level: (label) => ({ level: label }) } }, stream()), {
    linesMax: 2,
    everyMs: 1_000,
  });

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
});

afterEach(() => vi.useRealTimers());

test('of many lines of a kind a few are written, and how many more there were', () => {
  const log = start();
  for (let which = 1; which <= 5; which++) log.warn({ which }, 'it fails');
  log.info({ which: 'a' }, 'it works');
  expect(lines).toEqual(['warn it fails 1', 'warn it fails 2', 'info it works a']);
  vi.advanceTimersByTime(1_000);
  expect(lines.slice(3)).toEqual(['warn it fails +3']);
});

test('what happens now and then is written each time', () => {
  const log = start();
  for (let which = 1; which <= 3; which++) {
    log.warn({ which }, 'it fails');
    vi.advanceTimersByTime(1_000);
  }
  expect(lines).toEqual(['warn it fails 1', 'warn it fails 2', 'warn it fails 3']);
});

test('other lines are written as ever', () => {
  const log = start();
  for (let which = 1; which <= 3; which++) log.error({ which }, 'it broke');
  expect(lines).toHaveLength(3);
});
