import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEmbeddedStore } from '../../../src/store/embedded.ts';
import { type FileCalls, systemCalls } from '../../../src/store/journal-file.ts';
import type { Store } from '../../../src/store/store.ts';
import { endpoint, network } from './sample-records.ts';

/** A disk that fails in a chosen way for as long as it is told to. */
class FaultyDisk implements FileCalls {
  fault: 'none' | 'full' | 'short' | 'short, cannot cut' | 'flush' = 'none';
  /** Lets flushes wait until it is resolved. */
  gate: Promise<void> = Promise.resolve();

  write(fd: number, bytes: Uint8Array, position: number): number {
    if (this.fault === 'full') throw new Error('ENOSPC: no space left on device, write');
    if (this.fault.startsWith('short')) return systemCalls.write(fd, bytes.subarray(0, 20), position);
    return systemCalls.write(fd, bytes, position);
  }

  truncate(fd: number, size: number): void {
    if (this.fault === 'short, cannot cut') throw new Error('EIO: i/o error, ftruncate');
    systemCalls.truncate(fd, size);
  }

  async flush(fd: number): Promise<void> {
    await this.gate;
    if (this.fault === 'flush') throw new Error('EIO: i/o error, fdatasync');
    await systemCalls.flush(fd);
  }
}

const log = pino({ level: 'silent' });
let directory: string;
let disk: FaultyDisk;
let store: Store;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
  disk = new FaultyDisk();
  store = await openEmbeddedStore({ directory, log, calls: disk });
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

async function networksAfterRestart(): Promise<string[]> {
  await store.close();
  store = await openEmbeddedStore({ directory, log });
  return [...store.state.networks.values()].map(({ name }) => name);
}

describe.each(['full', 'short', 'short, cannot cut'] as const)('on a disk that is %s', (fault) => {
  test.each([false, true])(
    'a commit is refused, changes nothing, and the next works (durable: %s)',
    async (durable) => {
      await store.commit([{ put: 'network', value: network(1) }], { durable });
      disk.fault = fault;
      for (const n of [2, 3]) {
        await expect(
          store.commit([{ put: 'network', value: network(n) }], { durable }),
        ).rejects.toMatchObject({
          code: 'unavailable',
          message: expect.stringContaining(`cannot write ${directory}/records-1`),
        });
      }
      expect([...store.state.networks.values()]).toEqual([network(1)]);
      disk.fault = 'none';
      await store.commit([{ put: 'network', value: network(4) }], { durable });
      expect(await networksAfterRestart()).toEqual(['lab-1', 'lab-4']);
    },
  );
});

describe('on a disk that cannot be flushed', () => {
  test('durable commits are taken back, all of a group', async () => {
    await store.commit([{ put: 'network', value: network(1) }], { durable: true });
    disk.fault = 'flush';
    const results = await Promise.allSettled([
      store.commit([{ put: 'network', value: { ...network(1), internal: true } }], { durable: true }),
      store.commit([{ put: 'network', value: network(2) }], { durable: true }),
      store.commit([{ drop: 'network', id: network(2).id }], { durable: true }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect([...store.state.networks.values()]).toEqual([network(1)]);
    await expect(store.commit([{ put: 'network', value: network(3) }])).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  test('the next commit after it recovers brings everything into a new generation', async () => {
    await store.commit([{ put: 'network', value: network(1) }], { durable: true });
    disk.fault = 'flush';
    await expect(store.commit([{ put: 'network', value: network(2) }], { durable: true })).rejects.toThrow(
      'EIO',
    );
    disk.fault = 'none';
    await Promise.all([3, 4].map((n) => store.commit([{ put: 'network', value: network(n) }])));
    expect(await networksAfterRestart()).toEqual(['lab-1', 'lab-3', 'lab-4']);
  });
});

test('commits that need not be durable do not wait for a flush', async () => {
  let release = () => {};
  disk.gate = new Promise((resolve) => {
    release = resolve;
  });
  const durable = store.commit([{ put: 'network', value: network(1) }], { durable: true });
  await store.commit([{ put: 'endpoint', value: endpoint(1) }]);
  expect(store.state.endpoints.size).toBe(1);
  release();
  await durable;
});

test('commits go on while a generation is being written, and are in it', async () => {
  await store.close();
  store = await openEmbeddedStore({ directory, log, calls: disk, compactAfterBytes: 2000 });
  let release = () => {};
  disk.gate = new Promise((resolve) => {
    release = resolve;
  });
  for (let n = 0; n < 40; n++) await store.commit([{ put: 'network', value: network(n) }]);
  release();
  await store.commit([{ put: 'network', value: network(40) }], { durable: true });
  expect(await networksAfterRestart()).toHaveLength(41);
});

test('a journal that cannot be compacted goes on as it is', async () => {
  await store.close();
  const failing: FileCalls = {
    ...systemCalls,
    truncate: systemCalls.truncate,
    flush: async () => {
      throw new Error('EIO');
    },
  };
  store = await openEmbeddedStore({ directory, log, calls: failing, compactAfterBytes: 1000 });
  for (let n = 0; n < 40; n++) await store.commit([{ put: 'network', value: network(n) }]);
  expect(await networksAfterRestart()).toHaveLength(40);
});
