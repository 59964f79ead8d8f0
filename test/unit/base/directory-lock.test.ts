import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDirectory } from '../../../src/base/directory-lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a directory has one holder, named to the next, until it is released', async () => {
  const lock = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toMatchObject({
    code: 'conflict',
    message: `${directory} is in use by process ${process.pid}`,
  });
  await lock.release();
  await (await lockDirectory(directory)).release();
  expect(readdirSync(join(directory, 'lock'))).toEqual([]);
});

test('one of those who ask at the same moment gets it', async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockDirectory(directory)));
  const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  expect(locks).toHaveLength(1);
  for (const lock of locks) await lock.release();
});

test('the path may be longer than a socket address', async () => {
  const deep = join(directory, 'd'.repeat(100), 'e'.repeat(100));
  mkdirSync(deep, { recursive: true });
  const lock = await lockDirectory(deep);
  await expect(lockDirectory(deep)).rejects.toThrow('is in use');
  await lock.release();
});

test('what a dead holder left is cleared away', async () => {
  mkdirSync(join(directory, 'lock'));
  writeFileSync(join(directory, 'lock', '0000000000000001-99-aaaaaaaa'), '');
  const lock = await lockDirectory(directory);
  expect(readdirSync(join(directory, 'lock'))).toHaveLength(1);
  await lock.release();
});
