// What every store that hosts share does, whatever keeps it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Condition, SharedStore, Write } from '../../src/cluster/shared-store.ts';
import { describeEvent, revisionOf, StoreListener } from '../support/store-listener.ts';
import { waitUntil } from '../support/wait-until.ts';

export interface OpenedStore extends AsyncDisposable {
  /** Empty; it may have had keys before. */
  readonly store: SharedStore;
  /** Forgets what happened before now. */
  compact(): Promise<void>;
  /** Nobody answers any more. */
  stop(): Promise<void>;
  /** The opposite. */
  restart(): Promise<void>;
}

/** More than any implementation reads or tells at once. */
const many = 10_000;
const transaction = 120;
const shortLeaseSeconds = 2;

const put = (key: string, value = 'x', lease?: string): Write => ({
  put: key,
  value,
  ...(lease && { lease }),
});

async function fill(store: SharedStore, prefix: string, count: number, value: string): Promise<void> {
  const keys = Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(6, '0')}`);
  for (let from = 0; from < count; from += transaction) {
    const writes = keys.slice(from, from + transaction).map((key) => put(key, value));
    await store.write([], writes);
  }
}

export function sharedStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(name, () => {
    let opened: OpenedStore;
    let store: SharedStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened[Symbol.asyncDispose]());

    const context: Context = {
      get store() {
        return store;
      },
      get opened() {
        return opened;
      },
    };
    readsAndWrites(context);
    watches(context);
    leases(context);
    absence(context);
  });
}

interface Context {
  readonly store: SharedStore;
  readonly opened: OpenedStore;
}

function readsAndWrites(at: Context): void {
  test('reads what is below a prefix, in the order of the keys', async () => {
    const { store } = at;
    const { revision } = await store.write(
      [],
      [put('/a/2', 'two'), put('/a/1', 'ä€😀'), put('/b/1'), put('/a')],
    );
    await store.write([], [put('/a/1', '')]);
    const reading = await store.read('/a/');
    expect(reading).toEqual({
      revision: revision + 1,
      keys: [
        { key: '/a/1', value: '', createRevision: revision, modRevision: revision + 1 },
        { key: '/a/2', value: 'two', createRevision: revision, modRevision: revision },
      ],
    });
    expect((await store.read('/c/')).keys).toEqual([]);
    expect((await store.read('')).keys.map(({ key }) => key)).toEqual(['/a', '/a/1', '/a/2', '/b/1']);
  });

  test('gets one key, and tells when it is not there', async () => {
    const { store } = at;
    const { revision } = await store.write([], [put('/a', 'ä€😀'), put('/ab')]);
    expect(await store.get('/a')).toEqual({
      revision,
      key: { key: '/a', value: 'ä€😀', createRevision: revision, modRevision: revision },
    });
    expect(await store.get('/')).toEqual({ revision });
  });

  test.each<[string, (made: number, changed: number) => Condition, boolean]>([
    ['a key that should be absent is', () => ({ key: '/none', absent: true }), true],
    ['a key that should be absent is there', () => ({ key: '/a/1', absent: true }), false],
    ['a key was made then', (made) => ({ key: '/a/1', createRevision: made }), true],
    ['a key was made at another time', (_, changed) => ({ key: '/a/1', createRevision: changed }), false],
    [
      'a key that should have been made then is absent',
      (made) => ({ key: '/none', createRevision: made }),
      false,
    ],
    ['a key was last changed then', (_, changed) => ({ key: '/a/1', modRevision: changed }), true],
    ['a key was changed since', (made) => ({ key: '/a/1', modRevision: made }), false],
    ['nothing is below a prefix', () => ({ noneBelow: '/b/' }), true],
    ['one key is below a prefix', () => ({ noneBelow: '/a/' }), false],
    ['several keys are below a prefix', () => ({ noneBelow: '/' }), false],
  ])('writes on conditions: %s', async (_, condition, holds) => {
    const { store } = at;
    const { revision: made } = await store.write([], [put('/a/1')]);
    const { revision: changed } = await store.write([], [put('/a/1', 'y'), put('/other')]);
    const written = await store.write([condition(made, changed)], [put('/c/1'), { delete: '/a/1' }]);
    expect(written).toEqual({ applied: holds, revision: holds ? changed + 1 : changed });
    const keys = (await store.read('/')).keys.map(({ key }) => key);
    expect(keys).toEqual(holds ? ['/c/1', '/other'] : ['/a/1', '/other']);
  });

  test('writes nothing when one of several conditions does not hold', async () => {
    const { store } = at;
    await store.write([], [put('/a')]);
    const conditions: readonly Condition[] = [
      { key: '/b', absent: true },
      { key: '/a', absent: true },
    ];
    expect(await store.write(conditions, [put('/b')])).toMatchObject({ applied: false });
    expect((await store.get('/b')).key).toBeUndefined();
  });

  test('a key that was deleted and made again is another', async () => {
    const { store } = at;
    const first = await store.write([], [put('/a')]);
    await store.write([], [{ delete: '/a' }]);
    const second = await store.write([], [put('/a')]);
    expect((await store.get('/a')).key?.createRevision).toBe(second.revision);
    const conditions = [{ key: '/a', createRevision: first.revision }];
    expect((await store.write(conditions, [put('/b')])).applied).toBe(false);
  });

  test('of several who write under one condition, one succeeds', async () => {
    const { store } = at;
    const tries = Array.from({ length: 20 }, (_, n) => {
      return store.write([{ key: '/a', absent: true }], [put('/a', String(n))]);
    });
    const applied = (await Promise.all(tries)).filter((written) => written.applied);
    expect(applied).toHaveLength(1);
  });

  test('makes all changes of one write at one revision', async () => {
    const { store } = at;
    await fill(store, '/old/', 300, 'x');
    const before = await store.read('/');
    const puts = Array.from({ length: transaction - 3 }, (_, n) => put(`/new/${n}`));
    const written = await store.write(
      [{ key: '/old/000000', modRevision: before.keys[0]?.modRevision ?? 0 }],
      [...puts, { deleteBelow: '/old/0002' }, { delete: '/none' }],
    );
    expect(written).toEqual({ applied: true, revision: before.revision + 1 });
    const after = await store.read('/');
    expect(after.keys.filter(({ modRevision }) => modRevision === written.revision)).toHaveLength(
      puts.length,
    );
    expect(after.keys.filter(({ key }) => key.startsWith('/old/'))).toHaveLength(200);
  });

  test('reads many keys as they were at one moment, while others write', async () => {
    const { store } = at;
    await fill(store, '/many/', many, 'x'.repeat(100));
    let isRead = false;
    const writer = async () => {
      for (let n = 0; !isRead; n++)
        await store.write([], [put('/many/ first', `${n}`), put('/many/z', `${n}`)]);
    };
    const writing = writer();
    const reading = await store.read('/many/').finally(() => {
      isRead = true;
    });
    await writing;
    expect(reading.keys.length - many).toBeLessThanOrEqual(2);
    expect(reading.keys.filter(({ modRevision }) => modRevision > reading.revision)).toEqual([]);
    const [first] = reading.keys;
    const last = reading.keys.at(-1);
    expect(first?.key === '/many/ first').toBe(last?.key === '/many/z');
    if (last?.key === '/many/z') expect(first?.value).toBe(last.value);
  });
}

function watches(at: Context): void {
  /** Tells what it heard, once it has heard of that revision. */
  const heard = async (listener: StoreListener, revision: number) => {
    await waitUntil(`revision ${revision} is told`, () => listener.revision >= revision);
    expect(listener.faults).toEqual([]);
    return listener.events.map(describeEvent);
  };

  test('a watch tells of what was changed from a revision on, and of what is changed', async () => {
    const { store } = at;
    await store.write([], [put('/a/0')]);
    const { revision: from } = await store.write([], [put('/a/1', '1'), put('/b/1', '1')]);
    await store.write([], [{ delete: '/a/0' }, put('/a/2', '2')]);
    const listener = new StoreListener();
    const close = store.watch('/a/', from, listener);
    await waitUntil('it has begun', () => listener.isStarted);
    await store.write([], [put('/b/2')]);
    await store.write([], [put('/a/1', '3')]);
    const { revision } = await store.write([], [{ deleteBelow: '/a/' }]);
    const events = await heard(listener, revision);
    expect(events.slice(0, 1)).toEqual(['+/a/1=1']);
    expect(events.slice(1, 3).sort()).toEqual(['+/a/2=2', '-/a/0']);
    expect(events.slice(3)).toEqual(['+/a/1=3', '-/a/1', '-/a/2']);
    expect(listener.events[3]).toMatchObject({ put: { createRevision: from, modRevision: revision - 1 } });
    close();
  });

  test('a watch of what is to come tells of that alone', async () => {
    const { store } = at;
    const { revision } = await store.write([], [put('/a/1')]);
    const listener = new StoreListener();
    store.watch('/a/', revision + 1, listener);
    await waitUntil('it has begun', () => listener.isStarted);
    const next = await store.write([], [put('/a/2')]);
    expect(await heard(listener, next.revision)).toEqual(['+/a/2=x']);
  });

  test('a watch that has much to catch up on tells of each revision as a whole', async () => {
    const { store } = at;
    const count = transaction * 60;
    const from = (await store.read('')).revision + 1;
    await fill(store, '/a/', count, 'x'.repeat(600));
    const listener = new StoreListener();
    store.watch('/a/', from, listener);
    const { revision } = await store.write([], [put('/a/z')]);
    expect(await heard(listener, revision)).toHaveLength(count + 1);
    const lasts = listener.batches
      .map((batch) => batch.map(revisionOf))
      .map((each) => [each[0], each.at(-1)]);
    const split = lasts.filter(([first], index) => first === lasts[index - 1]?.[1]);
    expect(split).toEqual([]);
  });

  test('a watch below which nothing happens tells how far that is so', async () => {
    const { store } = at;
    const listener = new StoreListener();
    const { revision } = await store.write([], [put('/b')]);
    store.watch('/a/', revision, listener);
    await heard(listener, revision);
    expect(listener.batches).toEqual([]);
  });

  test('a watch that is closed tells nothing more, and others go on', async () => {
    const { store } = at;
    const [closed, early, other] = [new StoreListener(), new StoreListener(), new StoreListener()];
    const from = (await store.read('')).revision + 1;
    const close = store.watch('/a/', from, closed);
    store.watch('/a/', from, other);
    await waitUntil('both have begun', () => closed.isStarted && other.isStarted);
    const first = await store.write([], [put('/a/1')]);
    await heard(closed, first.revision);
    close();
    close();
    store.watch('/a/', from, early)();
    const { revision } = await store.write([], [put('/a/2')]);
    expect(await heard(other, revision)).toEqual(['+/a/1=x', '+/a/2=x']);
    expect([...closed.batches.flat(), ...early.batches].length).toBe(1);
    expect([closed.end, early.end, early.isStarted]).toEqual([undefined, undefined, false]);
  });

  test('a watch from a revision that is no longer kept ends as compacted; one from a later revision does not', async () => {
    const { store, opened } = at;
    await store.write([], [put('/a/1')]);
    const { revision } = await store.write([], [put('/a/2')]);
    await opened.compact();
    const [early, late] = [new StoreListener(), new StoreListener()];
    store.watch('/a/', revision - 1, early);
    store.watch('/a/', revision, late);
    await waitUntil('it ends', () => early.end);
    expect(early.end?.reason).toBe('compacted');
    expect(early.events).toEqual([]);
    const next = await store.write([], [put('/a/3')]);
    expect((await heard(late, next.revision)).at(-1)).toBe('+/a/3=x');
    expect((await store.read('/a/')).keys).toHaveLength(3);
  });
}

function leases(at: Context): void {
  test('a lease that is not renewed ends with its keys; one that is renewed does not', async () => {
    const { store } = at;
    const ending = await store.grantLease(shortLeaseSeconds);
    const kept = await store.grantLease(shortLeaseSeconds);
    expect(ending.ttlSeconds).toBeGreaterThanOrEqual(shortLeaseSeconds);
    await store.write([], [put('/a/1', 'x', ending.id), put('/a/2', 'x', kept.id), put('/a/3')]);
    expect((await store.get('/a/1')).key?.lease).toBe(ending.id);
    const listener = new StoreListener();
    store.watch('/a/', (await store.read('/a/')).revision + 1, listener);
    await waitUntil('the lease has ended', async () => {
      expect(await store.renewLease(kept.id)).toMatchObject({ ttlSeconds: kept.ttlSeconds });
      return listener.events.length > 0;
    });
    expect(listener.events.map(describeEvent)).toEqual(['-/a/1']);
    expect((await store.read('/a/')).keys.map(({ key }) => key)).toEqual(['/a/2', '/a/3']);
    expect(await store.renewLease(ending.id)).toBeUndefined();
  });

  test('a lease that is revoked takes its keys with it at once', async () => {
    const { store } = at;
    const { id } = await store.grantLease(60);
    const { revision } = await store.write([], [put('/a/1', 'x', id), put('/a/2', 'x', id)]);
    await store.revokeLease(id);
    expect(await store.read('/a/')).toEqual({ revision: revision + 1, keys: [] });
    expect(await store.renewLease(id)).toBeUndefined();
    await store.revokeLease(id);
  });

  test('a key is of the lease it was last put with', async () => {
    const { store } = at;
    const { id } = await store.grantLease(60);
    await store.write([], [put('/a/1', 'x', id), put('/a/2', 'x', id)]);
    await store.write([], [put('/a/1', 'y')]);
    await store.revokeLease(id);
    expect((await store.read('/a/')).keys.map(({ key, lease }) => [key, lease])).toEqual([
      ['/a/1', undefined],
    ]);
  });

  test('nothing is written when a put names a lease that is gone', async () => {
    const { store } = at;
    const { id } = await store.grantLease(60);
    await store.revokeLease(id);
    const writing = store.write([], [put('/a/1'), put('/a/2', 'x', id)]);
    await expect(writing).rejects.toMatchObject({ code: 'not_found' });
    expect((await store.read('/a/')).keys).toEqual([]);
  });

  test('a renewal tells of a revision at which the lease was there', async () => {
    const { store } = at;
    const { id } = await store.grantLease(60);
    const { revision } = await store.write([], [put('/a', 'x', id)]);
    const renewal = await store.renewLease(id);
    expect(renewal?.revision).toBe(revision);
  });
}

function absence(at: Context): void {
  test('fails as unavailable while nobody answers, and works again after', { timeout: 60_000 }, async () => {
    const { store, opened } = at;
    const { revision } = await store.write([], [put('/a/1')]);
    const [before, during] = [new StoreListener(), new StoreListener()];
    store.watch('/a/', revision + 1, before);
    await waitUntil('it has begun', () => before.isStarted);
    await opened.stop();
    const calls = [
      ...[store.read('/a/'), store.get('/a/1'), store.write([], [put('/a/2')])],
      ...[store.grantLease(60), store.renewLease('1'), store.revokeLease('1')],
    ];
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'unavailable' } });
    }
    store.watch('/a/', revision + 1, during);
    await waitUntil('both watches end', () => before.end && during.end, { timeoutMs: 20_000 });
    expect([before.end?.reason, during.end?.reason]).toEqual(['interrupted', 'interrupted']);
    await opened.restart();
    await waitUntil('it answers', () => store.write([], [put('/a/3')]).then(() => true));
    expect([...before.faults, ...during.faults, ...before.events]).toEqual([]);
    expect(store.endpoints.length).toBeGreaterThan(0);
  });

  test('refuses calls once it is closed, and its watches are silent', async () => {
    const { store } = at;
    const listener = new StoreListener();
    store.watch('/a/', (await store.read('')).revision + 1, listener);
    await waitUntil('it has begun', () => listener.isStarted);
    await store.close();
    await expect(store.read('/a/')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.write([], [put('/a/1')])).rejects.toMatchObject({ code: 'unavailable' });
    expect([listener.end, listener.faults]).toEqual([undefined, []]);
    await store.close();
  });
}
