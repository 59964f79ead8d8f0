// The README's tour is run as written, and prints what the README says.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TestHost } from '../support/test-host.ts';

const path = new URL('../../README.md', import.meta.url).pathname;

/** With this variable set, the README's outputs are replaced by what the commands print now. */
const update = process.env['FAIRLEAD_UPDATE_README'] !== undefined;

test('the commands of the tour print what the README shows', async () => {
  const readme = readFileSync(path, 'utf8');
  await using host = await TestHost.start('host');
  await host.netd();
  const seen = await rerun(host, readme);
  if (update) writeFileSync(path, seen);
  expect(normalize(seen)).toBe(normalize(update ? seen : readme));
  expect(await host.run(['ip', 'netns', 'list'])).toBe('');
  await host.net('check');
});

/** The text with every console block's commands run in order, and what they print in place of what stood there. */
async function rerun(host: TestHost, text: string): Promise<string> {
  const parts = text.split(/(```console\n[\s\S]*?```\n)/);
  const out: string[] = [];
  for (const part of parts) out.push(part.startsWith('```console') ? await rerunBlock(host, part) : part);
  return out.join('');
}

async function rerunBlock(host: TestHost, block: string): Promise<string> {
  const lines = ['```console'];
  for (const prompt of block.split('\n').filter((line) => line.startsWith('# '))) {
    const { status, stdout, stderr } = await host.attempt(['bash', '-c', prompt.slice(2)]);
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
