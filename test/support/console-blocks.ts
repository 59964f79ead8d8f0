// Documents whose console blocks are run as written, and must print what stands there.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { CommandResult } from './host-process.ts';

export type RunCommand = (command: string) => Promise<CommandResult>;

/** With this variable set, the outputs in documents are replaced by what the commands print now. */
const update = process.env['FAIRLEAD_UPDATE_DOCUMENTS'] !== undefined;

/** The part of a document from this heading to the next one of level two. */
export interface Section {
  /** From the top of the repository. */
  readonly document: string;
  readonly heading: string;
}

/** Runs the console blocks of a section in their order. */
export async function expectAsWritten({ document, heading }: Section, run: RunCommand): Promise<void> {
  const path = new URL(`../../${document}`, import.meta.url).pathname;
  const text = readFileSync(path, 'utf8');
  const start = text.indexOf(`${heading}\n`);
  expect(start, heading).toBeGreaterThanOrEqual(0);
  const end = text.indexOf('\n## ', start + 1);
  const written = text.slice(start, end);
  const seen = await rerun(written, run);
  if (update) writeFileSync(path, text.slice(0, start) + seen + text.slice(end));
  else expect(normalize(seen)).toBe(normalize(written));
}

/** The text with what its commands print in place of what stood there. */
async function rerun(text: string, run: RunCommand): Promise<string> {
  const parts = text.split(/(```console\n[\s\S]*?```\n)/);
  const out: string[] = [];
  for (const part of parts) out.push(part.startsWith('```console') ? await rerunBlock(part, run) : part);
  return out.join('');
}

async function rerunBlock(block: string, run: RunCommand): Promise<string> {
  const lines = ['```console'];
  for (const prompt of block.split('\n').filter((line) => line.startsWith('# '))) {
    const { status, stdout, stderr } = await run(prompt.slice(2));
    const printed = `${stdout}${stderr}`.trimEnd();
    lines.push(prompt);
    if (printed !== '') lines.push(...printed.split('\n').map((line) => line.trimEnd()));
    if (status !== 0) lines.push(`[exit status ${status}]`);
  }
  return [...lines, '```', ''].join('\n');
}

/** Ids, process ids and ages differ from run to run; columns are as wide as what is in them. */
function normalize(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, 'ID')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID')
    .replace(/\bfl-[0-9a-f]{10}\b/g, 'fl-ID')
    .replace(/\b\d+ (seconds?|minutes?) ago\b/g, 'AGE')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/@if\d+/g, '@if')
    .replace(/ {2,}/g, '  ');
}
