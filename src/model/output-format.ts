// The flag that says how something is printed, which every list and inspected object takes.
import { type Options, UsageError } from '../base/command-line.ts';

export const formatOption = {
  format: { kind: 'value', value: 'FORMAT', help: 'table (default) or json' },
} as const satisfies Options;

/** Errors: `UsageError` for another word than `table` and `json`. */
export function wantsJson(format: string | undefined): boolean {
  if (format === undefined || format === 'table') return false;
  if (format === 'json') return true;
  throw new UsageError(`--format ${format}: the formats are table and json`);
}

export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
