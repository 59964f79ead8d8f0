import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openEmbeddedStore } from '../../src/store/embedded.ts';
import { transpile } from './store-transpile.ts';

const root = process.getuid?.() === 0;
const log = pino({ level: 'silent' });
let code: string;
let directory: string;
const children: ChildProcess[] = [];

/**
 * Prints `open`, then commits settings `key=N` forever, printing each number once it is acknowledged. What is printed has
 * left the process before the next commit: `console.log` would keep it back while the reader is busy, and lose it in a kill.
 */
const committing = `
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from './src/store/embedded.js';
const say = (text) => writeSync(1, text + '\\n');
const log = { warn() {}, error(_, message) { say(message); } };
try {
  const store = await openEmbeddedStore({ directory: process.argv[2], log, compactAfterBytes: 4000 });
  const first = 1 + Math.max(0, ...[...store.state.settings.values()].map(Number));
  say('open');
  for (let n = first; process.argv[3] !== 'idle'; n++) {
    await store.commit([{ put: 'setting', key: 'key' + (n % 50), value: String(n) }], { durable: n % 7 === 0 });
    say(n);
  }
  setInterval(() => {}, 1000);
} catch (error) { say(error.message); }
`;

/** Fills a small disk, frees it, goes on; prints what came of it. */
const filling = `
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { openEmbeddedStore } from './src/store/embedded.js';
const directory = process.argv[2];
const log = { warn() {}, error(_, message) { console.log(message); } };
writeFileSync(directory + '/ballast', Buffer.alloc(100_000));
let store = await openEmbeddedStore({ directory: directory + '/state', log, compactAfterBytes: 1 << 30 });
let n = 0;
let refused;
while (refused === undefined) {
  const value = 'x'.repeat(700) + ++n;
  await store.commit([{ put: 'setting', key: 'key' + n, value }]).catch((error) => { refused = error; });
}
console.log(refused.code, refused.cause.message, store.state.settings.has('key' + n));
rmSync(directory + '/ballast');
await store.commit([{ put: 'setting', key: 'last', value: '1' }], { durable: true });
await store.close();
store = await openEmbeddedStore({ directory: directory + '/state', log });
console.log(store.state.settings.size === n, store.state.settings.get('last'));
await store.close();
`;

beforeAll(() => {
  code = mkdtempSync(join(tmpdir(), 'store-code-'));
  transpile('src/store/embedded.ts', code);
  writeFileSync(join(code, 'committing.js'), committing);
  writeFileSync(join(code, 'filling.js'), filling);
});
afterAll(() => rmSync(code, { recursive: true, force: true }));
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

function start(
  args: readonly string[],
  prefix: readonly string[] = [],
): ChildProcess & { lines: AsyncIterableIterator<string> } {
  const [command = '', ...rest] = [
    ...prefix,
    process.execPath,
    join(code, 'committing.js'),
    directory,
    ...args,
  ];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return Object.assign(child, { lines: createInterface(child.stdout)[Symbol.asyncIterator]() });
}

const nextLine = async (child: { lines: AsyncIterableIterator<string> }): Promise<string> =>
  (await child.lines.next()).value;

describe('a process that commits', () => {
  test('loses nothing acknowledged when it is killed, a hundred times', async () => {
    let acknowledged = 0;
    for (let round = 0; round < 100; round++) {
      const child = start([]);
      expect(await nextLine(child)).toBe('open');
      const target = acknowledged + 1 + ((round * 37) % 90);
      for await (const line of child.lines) {
        expect(Number(line)).toBe(++acknowledged);
        if (acknowledged === target) child.kill('SIGKILL');
      }
      const store = await openEmbeddedStore({ directory, log });
      const values = [...store.state.settings.values()].map(Number);
      const newest = Math.max(...values);
      await store.close();
      expect(newest).toBeGreaterThanOrEqual(acknowledged);
      expect(newest).toBeLessThanOrEqual(acknowledged + 1);
      expect(values.sort((a, b) => b - a)).toEqual(values.map((_, i) => newest - i));
      acknowledged = newest;
    }
    expect(readdirSync(directory).filter((name) => name.endsWith('.damaged'))).toEqual([]);
  }, 120_000);
});

describe('a directory in use', () => {
  test('is refused to a second opener, naming the first, until the first is gone', async () => {
    const first = start(['idle']);
    expect(await nextLine(first)).toBe('open');
    const refusal = { code: 'conflict', message: `${directory} is in use by process ${first.pid}` };
    await expect(openEmbeddedStore({ directory, log })).rejects.toMatchObject(refusal);
    first.kill('SIGSTOP');
    await expect(openEmbeddedStore({ directory, log })).rejects.toMatchObject(refusal);
    first.kill('SIGKILL');
    await once(first, 'exit');
    const store = await openEmbeddedStore({ directory, log });
    await expect(openEmbeddedStore({ directory, log })).rejects.toMatchObject({ code: 'conflict' });
    await store.close();
    expect(readdirSync(join(directory, 'lock'))).toEqual([]);
  });

  test.skipIf(!root)('is refused also from other network, mount and pid namespaces', async () => {
    const first = start(['idle']);
    expect(await nextLine(first)).toBe('open');
    const second = start(['idle'], ['unshare', '-n', '-m', '-p', '-f', '--kill-child']);
    expect(await nextLine(second)).toBe(`${directory} is in use by process ${first.pid}`);
  });

  test('has exactly one holder when many open it at once', async () => {
    for (let round = 0; round < 5; round++) {
      const contenders = Array.from({ length: 5 }, () => start(['idle']));
      const lines = await Promise.all(contenders.map(nextLine));
      expect(lines.filter((line) => line === 'open')).toHaveLength(1);
      for (const child of contenders) child.kill('SIGKILL');
      await Promise.all(contenders.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    }
  });
});

test.skipIf(!root)('a full disk refuses commits and changes nothing; with space they work again', () => {
  mkdirSync(join(directory, 'disk'));
  cpSync(code, join(directory, 'code'), { recursive: true });
  const script = 'mount -t tmpfs -o size=160k none "$1/disk" && exec "$2" "$1/code/filling.js" "$1/disk"';
  const result = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', directory, process.execPath], {
    encoding: 'utf8',
  });
  expect(result.stderr).toBe('');
  expect(result.stdout).toMatch(
    /^unavailable (ENOSPC.*|only \d+ of \d+ bytes could be written) false\ntrue 1\n$/,
  );
});
