import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { boundedLines } from '../../../src/docker/bounded-lines.ts';

async function linesOf(chunks: readonly string[], limit: number): Promise<readonly (string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  const buffers = chunks.map((chunk) => Buffer.from(chunk));
  for await (const line of boundedLines(Readable.from(buffers), limit)) lines.push(line);
  return lines;
}

test.each([
  ['lines in one chunk', ['a\nbc\n'], ['a', 'bc']],
  ['a line over several chunks', ['a', 'b', '', 'c\nd\n'], ['abc', 'd']],
  ['an empty line', ['\n\na\n'], ['', '', 'a']],
  ['what is cut in the middle of a line', ['a\nb'], ['a']],
  ['nothing', [], []],
  ['a line of exactly the limit', ['12345678\n'], ['12345678']],
  ['a line that is longer than the limit', ['a\n123456789\nb\n'], ['a', undefined, 'b']],
  ['a line that is longer over many chunks', ['a\n1234', '5678', '9', '0\nb\n'], ['a', undefined, 'b']],
])('%s', async (_, chunks, lines) => {
  expect(await linesOf(chunks, 8)).toEqual(lines);
});

test('bytes of one character may come one by one', async () => {
  const chunks = [...Buffer.from('é\n')].map((byte) => Buffer.from([byte]));
  const lines: (string | undefined)[] = [];
  for await (const line of boundedLines(Readable.from(chunks), 8)) lines.push(line);
  expect(lines).toEqual(['é']);
});
