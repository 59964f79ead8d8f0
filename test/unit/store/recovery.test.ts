import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEmbeddedStore } from '../../../src/store/embedded.ts';
import { encodeRecord } from '../../../src/store/record.ts';
import { recover } from '../../../src/store/recovery.ts';
import { schemaVersion } from '../../../src/store/schema.ts';
import type { Change, State, Store } from '../../../src/store/store.ts';
import { endpoint, network, sandbox } from './sample-records.ts';

let directory: string;
let logged: string[];
const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
  logged = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (): Promise<Store> => openEmbeddedStore({ directory, log });
const textOf = (state: State): string => JSON.stringify(Object.values(state).map((map) => [...map].sort()));

async function reopened(): Promise<string> {
  const store = await open();
  const text = textOf(store.state);
  await store.close();
  return text;
}

/** Makes a store by these commits; returns what its state was after each, and its only file. */
async function written(
  commits: readonly (readonly Change[])[],
): Promise<{ states: string[]; file: string; bytes: Buffer }> {
  const store = await open();
  const states = [textOf(store.state)];
  for (const changes of commits) {
    await store.commit(changes);
    states.push(textOf(store.state));
  }
  await store.close();
  const file = join(directory, 'records-1');
  return { states, file, bytes: readFileSync(file) };
}

const commits: readonly (readonly Change[])[] = [
  [{ put: 'setting', key: 'ulaPrefix', value: 'fd00::/48' }],
  [{ put: 'network', value: network(1) }],
  [
    { put: 'sandbox', value: sandbox(1) },
    { put: 'endpoint', value: endpoint(1) },
  ],
  [{ drop: 'endpoint', id: endpoint(1).id }],
  [{ put: 'endpoint', value: endpoint(2) }],
];

describe('a store opened again', () => {
  test('has what was committed and goes on', async () => {
    const { states } = await written(commits);
    expect(await reopened()).toBe(states.at(-1));
    const store = await open();
    await store.commit([{ put: 'network', value: network(7) }]);
    const text = textOf(store.state);
    await store.close();
    expect(await reopened()).toBe(text);
    expect(logged).toEqual([]);
  });

  test('after its journal was cut anywhere has the state after one of the commits, silently, and goes on', async () => {
    const { states, file, bytes } = await written(commits);
    const snapshotEnd = bytes.indexOf('\n') + 1;
    let last = -1;
    for (let size = snapshotEnd; size <= bytes.length; size++) {
      writeFileSync(file, bytes.subarray(0, size));
      const store = await open();
      const after = states.indexOf(textOf(store.state));
      expect(after).toBeGreaterThanOrEqual(Math.max(last, 0));
      last = after;
      await store.commit([{ put: 'network', value: network(9) }]);
      const text = textOf(store.state);
      await store.close();
      expect(await reopened()).toBe(text);
    }
    expect(last).toBe(commits.length);
    expect(logged).toEqual([]);
  });

  test('detects every single changed byte, says so, keeps the file, and has the state after one of the commits', async () => {
    const { states, file, bytes } = await written(commits);
    for (let offset = 0; offset < bytes.length; offset++) {
      const damaged = Buffer.from(bytes);
      damaged[offset] = (damaged[offset] ?? 0) ^ (1 << (offset % 8));
      writeFileSync(file, damaged);
      const { damage } = recover(directory);
      expect(damage, `byte ${offset}`).toHaveLength(1);
    }
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (offset, flipped) => {
          for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
          const damaged = Buffer.from(bytes);
          damaged[offset] = (damaged[offset] ?? 0) ^ flipped;
          writeFileSync(file, damaged);
          logged = [];
          const text = await reopened();
          expect(states).toContain(text);
          expect(logged).toHaveLength(1);
          expect(readFileSync(`${file}.damaged`)).toEqual(damaged);
          logged = [];
          expect(await reopened()).toBe(text);
          expect(logged).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('names what is lost', async () => {
    const { states, file, bytes } = await written(commits);
    const damaged = Buffer.from(bytes);
    damaged[bytes.indexOf('lab-1')] = 0x58;
    writeFileSync(file, damaged);
    expect(await reopened()).toBe(states[1]);
    const message = JSON.parse(logged[0] ?? '{}').msg;
    expect(message).toContain('unreadable records: 1');
    expect(message).toContain(
      'put sandbox b2b2b2b2b2b2 web-1, put endpoint c3c3c3c3c3c3, drop endpoint c3c3c3c3c3c3',
    );
    expect(message).toContain('the state is that of commit 1');
  });

  test('begins anew when no file is readable, and keeps it', async () => {
    writeFileSync(join(directory, 'records-4'), Buffer.alloc(100));
    const store = await open();
    expect(store.state.networks.size).toBe(0);
    await store.commit([{ put: 'network', value: network(1) }]);
    await store.close();
    expect(readdirSync(directory).sort()).toEqual(['lock', 'records-4.damaged', 'records-5']);
    expect(logged).toHaveLength(1);
  });
});

describe('generations', () => {
  /** Two generations with commits after the second's snapshot. */
  async function two(): Promise<{ text: string; first: string; second: string }> {
    const store = await openEmbeddedStore({ directory, log, compactAfterBytes: 3000 });
    for (let n = 0; readdirSync(directory).filter((name) => /^records-\d$/.test(name)).length < 2; n++) {
      await store.commit([{ put: 'endpoint', value: endpoint(n % 3) }], { durable: n % 2 === 0 });
    }
    await store.commit([{ put: 'network', value: network(5) }], { durable: true });
    const text = textOf(store.state);
    await store.close();
    return { text, first: join(directory, 'records-1'), second: join(directory, 'records-2') };
  }

  test('a grown journal is rewritten, and the one before is kept', async () => {
    const { text } = await two();
    expect(await reopened()).toBe(text);
    expect(logged).toEqual([]);
  });

  test('a damaged snapshot costs nothing: the generation before leads to it, and the commits after go on', async () => {
    const { text, second } = await two();
    const bytes = readFileSync(second);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    writeFileSync(second, bytes);
    expect(await reopened()).toBe(text);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain('records-2');
  });

  test('only two are kept, and nothing unfinished', async () => {
    const store = await openEmbeddedStore({ directory, log, compactAfterBytes: 1000 });
    for (let n = 0; n < 200; n++)
      await store.commit([{ put: 'endpoint', value: endpoint(1) }], { durable: true });
    const text = textOf(store.state);
    await store.close();
    const generations = readdirSync(directory).filter((name) => name !== 'lock');
    expect(generations).toHaveLength(2);
    copyFileSync(join(directory, generations[0] ?? ''), join(directory, 'records-9999.new'));
    expect(await reopened()).toBe(text);
    expect(readdirSync(directory)).not.toContain('records-9999.new');
  });

  test('a thousand endpoints come back from a snapshot of several parts', async () => {
    const store = await openEmbeddedStore({ directory, log, compactAfterBytes: 100_000 });
    for (let n = 0; n < 1000; n++) await store.commit([{ put: 'endpoint', value: endpoint(n) }]);
    const text = textOf(store.state);
    await store.close();
    expect(await reopened()).toBe(text);
  });
});

describe('schema versions', () => {
  const change: Change = { put: 'network', value: network(1) };
  const write = (schema: number) =>
    writeFileSync(
      join(directory, 'records-1'),
      encodeRecord({ schema, sequence: 3, snapshot: 0, changes: [change] }),
    );

  test('a newer one is refused, naming both', async () => {
    write(schemaVersion + 1);
    const limit = `schema version ${schemaVersion + 1}; this netd knows versions up to ${schemaVersion}`;
    await expect(open()).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(limit),
    });
  });

  test('an older one goes through every migration that follows it', () => {
    write(2);
    const step = (label: string) => (records: readonly { put: string; value: unknown }[]) =>
      records.map((record) => ({ put: record.put, value: [label, record.value] }));
    const { records } = recover(directory, [step('1 to 2'), step('2 to 3'), step('3 to 4')]);
    expect(records).toEqual([{ put: 'network', value: ['3 to 4', ['2 to 3', network(1)]] }]);
  });
});
