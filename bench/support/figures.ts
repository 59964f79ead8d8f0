// How benchmarks sum up and print: medians and ratios, beside the peer, also when they are bad.

export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { count: sorted.length, median: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** Prints one row: what, median, percentiles, largest, in one unit. */
export function printSummary(what: string, values: readonly number[], unit: string): Summary {
  const summary = summarize(values);
  const { count, median, p90, p99, max } = summary;
  const figures = `median ${format(median)}  p90 ${format(p90)}  p99 ${format(p99)}  max ${format(max)} ${unit}`;
  console.log(`${what.padEnd(52)} ${figures}  (n=${count})`);
  return summary;
}

/** Prints a ratio or figure beside the mark it should keep. */
export function printMark(what: string, value: number, mark: number, unit = 'x'): void {
  const verdict = value <= mark ? 'kept' : 'MISSED';
  console.log(`${what.padEnd(52)} ${format(value)} ${unit}  (mark: at most ${mark} ${unit}, ${verdict})`);
}

/** The same where more is better. */
export function printLeastMark(what: string, value: number, mark: number, unit = 'x'): void {
  const verdict = value >= mark ? 'kept' : 'MISSED';
  console.log(`${what.padEnd(52)} ${format(value)} ${unit}  (mark: at least ${mark} ${unit}, ${verdict})`);
}

/** Prints a figure that keeps no mark. */
export function printFigure(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(52)} ${format(value)} ${unit}`);
}

/** Prints a ratio that keeps no mark yet. */
export function printRatio(what: string, value: number): void {
  printFigure(what, value, 'x');
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
