// Points in time as Docker's clients write them: seconds since 1970, a date, or how long ago. Spans of time as they print them.
import { NetError } from '../../base/errors.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** In milliseconds since 1970. `what` names the value in the error. Errors: `invalid_parameter`. */
export function parseTime(text: string, what: string, now = Date.now()): number {
  if (/^\d{1,12}(\.\d{1,9})?$/.test(text)) return Math.round(Number(text) * 1000);
  if (/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return now - durationMs(text);
  const date = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2})?)?$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  if (Number.isNaN(date)) {
    throw new NetError(
      'invalid_parameter',
      `${what}: ${text} is no time such as 1700000000, 2026-01-31 or 24h`,
    );
  }
  return date;
}

const spans: readonly (readonly [upToSeconds: number, unitSeconds: number, unit: string])[] = [
  [60, 1, 'second'],
  [60 * 60, 60, 'minute'],
  [48 * 3600, 3600, 'hour'],
  [14 * 86_400, 86_400, 'day'],
  [60 * 86_400, 7 * 86_400, 'week'],
  [730 * 86_400, 30 * 86_400, 'month'],
];

/** Such as `5 minutes`. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return 'Less than a second';
  const [, unitSeconds, unit] = spans.find(([upTo]) => seconds < upTo) ?? [0, 365 * 86_400, 'year'];
  const count = Math.floor(seconds / unitSeconds);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function durationMs(text: string): number {
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g);
  return [...parts].reduce((sum, [, count, unit = 's']) => sum + Number(count) * (unitMs[unit] ?? 0), 0);
}
