// A log for what may happen any number of times in a moment: it writes a few lines of each kind, and then how many more there were.
import type { Log } from './log.ts';

export interface Allowance {
  /** Lines with one text. */
  readonly linesMax: number;
  readonly everyMs: number;
}

interface Lines {
  written: number;
  leftOut: number;
}

/** Of each text so many lines are written in a while, from the first one on; at its end one more, with the number left out as `more`. */
export function sparingLog(
  log: Log,
  { linesMax, everyMs }: Allowance = { linesMax: 50, everyMs: 60_000 },
): Log {
  const known = new Map<string, Lines>();
  const begin = (text: string, tell: (leftOut: number) => void): Lines => {
    const lines = { written: 0, leftOut: 0 };
    known.set(text, lines);
    setTimeout(() => {
      known.delete(text);
      if (lines.leftOut > 0) tell(lines.leftOut);
    }, everyMs).unref();
    return lines;
  };
  const sparing = log.child({});
  for (const level of ['info', 'warn'] as const) {
    sparing[level] = (details: unknown, text = '') => {
      const lines = known.get(text) ?? begin(text, (more) => log[level]({ more }, text));
      if (lines.written >= linesMax) lines.leftOut++;
      else {
        lines.written++;
        log[level](details, text);
      }
    };
  }
  return sparing;
}
