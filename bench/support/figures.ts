// How benchmarks sum up and print: medians and ratios, beside the peer, also when they are bad.

export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { count: sorted.length, median: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? Number.NaN };
}

/** Prints one row: what, median, p99, largest, in one unit. */
export function printSummary(what: string, values: readonly number[], unit: string): Summary {
  const summary = summarize(values);
  const { count, median, p99, max } = summary;
  const figures = `median ${format(median)}  p99 ${format(p99)}  max ${format(max)} ${unit}`;
  console.log(`${what.padEnd(52)} ${figures}  (n=${count})`);
  return summary;
}

/** Prints a ratio or figure beside the mark it should keep. */
export function printMark(what: string, value: number, mark: number, unit = 'x'): void {
  const verdict = value <= mark ? 'kept' : 'MISSED';
  console.log(`${what.padEnd(52)} ${format(value)} ${unit}  (mark: at most ${mark} ${unit}, ${verdict})`);
}

/** Prints a ratio that keeps no mark yet. */
export function printRatio(what: string, value: number): void {
  console.log(`${what.padEnd(52)} ${format(value)} x`);
}

/** Milliseconds that `work` takes. */
export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
