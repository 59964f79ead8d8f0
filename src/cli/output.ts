// How lists and inspected objects are printed: the flags they take, and what the flags mean.
import type { Options } from '../base/command-line.ts';
import { NetError } from '../base/errors.ts';
import { jsonText, wantsJson } from '../model/output-format.ts';
import { idLines } from './table.ts';
import type { Context } from './verb.ts';

export const filterOption = {
  filter: {
    kind: 'list',
    short: 'f',
    value: 'K=V',
    help: 'only those that match; see docs/api.md for the keys',
  },
} as const satisfies Options;

export const quietOption = {
  quiet: { kind: 'flag', short: 'q', help: 'ids only' },
} as const satisfies Options;

/** Prints a list as the flags ask. */
export async function printList<T extends { readonly id: string }>(
  context: Context,
  items: readonly T[],
  options: { readonly format: string | undefined; readonly quiet: boolean | undefined },
  table: (items: readonly T[]) => string,
): Promise<void> {
  if (wantsJson(options.format)) return context.write(jsonText(items));
  return context.write(options.quiet ? idLines(items) : table(items));
}

/** Prints what is found and names what is not; exit status 1 when anything is missing. */
export async function printEach<T>(
  context: Context,
  refs: readonly string[],
  options: { readonly format: string | undefined; readonly find: (ref: string) => Promise<T> },
  text: (item: T) => string,
): Promise<number> {
  const json = wantsJson(options.format);
  const found: T[] = [];
  const status = await forEach(context, refs, async (ref) => {
    found.push(await options.find(ref));
  });
  await context.write(json ? jsonText(found) : found.map(text).join('\n'));
  return status;
}

/** Goes on after a refusal, so that one bad name does not keep the others from their turn; 1 when there was any. */
export async function forEach(
  context: Context,
  refs: readonly string[],
  act: (ref: string) => Promise<void>,
): Promise<number> {
  let status = 0;
  for (const ref of refs) {
    try {
      await act(ref);
    } catch (error) {
      if (!(error instanceof NetError) || error.code === 'unavailable') throw error;
      context.warn(error.message);
      status = 1;
    }
  }
  return status;
}
