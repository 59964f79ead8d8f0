import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openEmbeddedStore } from '../../src/store/embedded.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { endpoint, network, sandbox } from '../unit/store/sample-records.ts';

const log = pino({ level: 'silent' });
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const stores: readonly { name: string; open: () => Promise<Store> }[] = [
  { name: 'memory', open: async () => openMemoryStore() },
  { name: 'embedded', open: () => openEmbeddedStore({ directory, log }) },
];

describe.each(stores)('the $name store', ({ open }) => {
  let store: Store;
  beforeEach(async () => {
    store = await open();
  });
  afterEach(() => store.close());

  test('begins empty', () => {
    const sizes = Object.values(store.state).map((map) => map.size);
    expect(Math.max(...sizes)).toBe(0);
  });

  test('finds endpoints by sandbox and by network, wherever they moved', async () => {
    const here = { ...endpoint(1), sandboxId: sandbox(1).id, networkId: network(1).id };
    const there = { ...endpoint(2), sandboxId: sandbox(2).id, networkId: network(1).id };
    await store.commit([
      { put: 'endpoint', value: here },
      { put: 'endpoint', value: there },
    ]);
    const moved = { ...here, sandboxId: sandbox(2).id };
    await store.commit([{ put: 'endpoint', value: moved }]);
    const { endpointsBySandbox, endpointsByNetwork } = store.state;
    expect(endpointsBySandbox.has(sandbox(1).id)).toBe(false);
    expect([...(endpointsBySandbox.get(sandbox(2).id)?.values() ?? [])]).toEqual([there, moved]);
    expect([...(endpointsByNetwork.get(network(1).id)?.values() ?? [])]).toEqual([moved, there]);
    await store.commit([{ drop: 'endpoint', id: moved.id }]);
    expect([...(endpointsBySandbox.get(sandbox(2).id)?.keys() ?? [])]).toEqual([there.id]);
  });

  test.each([{ durable: false }, { durable: true }])(
    'records what is put, of every kind ($durable)',
    async (options) => {
      const changes = [
        { put: 'network', value: network(1) },
        { put: 'sandbox', value: sandbox(1) },
        { put: 'endpoint', value: endpoint(1) },
        { put: 'setting', key: 'ulaPrefix', value: 'fd00::/48' },
      ] as const;
      await store.commit(changes, options);
      expect([...store.state.networks.values()]).toEqual([network(1)]);
      expect([...store.state.sandboxes.values()]).toEqual([sandbox(1)]);
      expect([...store.state.endpoints.values()]).toEqual([endpoint(1)]);
      expect(store.state.settings.get('ulaPrefix')).toBe('fd00::/48');
    },
  );

  test('forgets what is dropped and keeps the rest', async () => {
    await store.commit(
      [1, 2].flatMap((n) => [
        { put: 'network', value: network(n) },
        { put: 'endpoint', value: endpoint(n) },
      ]),
    );
    await store.commit([
      { drop: 'endpoint', id: endpoint(1).id },
      { drop: 'network', id: network(1).id },
      { drop: 'sandbox', id: sandbox(9).id },
    ]);
    expect([...store.state.networks.keys()]).toEqual([network(2).id]);
    expect([...store.state.endpoints.keys()]).toEqual([endpoint(2).id]);
  });

  test('puts in the place of what has the same id', async () => {
    await store.commit([{ put: 'network', value: network(1) }]);
    await store.commit([{ put: 'network', value: { ...network(1), internal: true } }]);
    expect([...store.state.networks.values()]).toEqual([{ ...network(1), internal: true }]);
  });

  test('applies the changes of one commit in order', async () => {
    await store.commit([
      { put: 'endpoint', value: endpoint(1) },
      { drop: 'endpoint', id: endpoint(1).id },
      { put: 'endpoint', value: { ...endpoint(1), ifname: 'eth9' } },
    ]);
    expect(store.state.endpoints.get(endpoint(1).id)?.ifname).toBe('eth9');
  });

  test('takes many commits at once', async () => {
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    await Promise.all(
      numbers.map((n) => store.commit([{ put: 'endpoint', value: endpoint(n) }], { durable: n % 2 === 0 })),
    );
    expect(store.state.endpoints.size).toBe(50);
  });

  test('refuses commits once it is closed', async () => {
    await store.close();
    await expect(store.commit([{ put: 'network', value: network(1) }])).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(store.state.networks.size).toBe(0);
  });
});
