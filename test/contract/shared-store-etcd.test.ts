// What etcd alone can do to its clients: members that die, hang or part, certificates, users.
import { afterAll, expect, test } from 'vitest';
import { openEtcd } from '../../src/cluster/etcd/etcd-store.ts';
import type { EtcdOptions } from '../../src/cluster/etcd/servers.ts';
import type { SharedStore } from '../../src/cluster/shared-store.ts';
import { EtcdServers } from '../support/etcd-server.ts';
import { describeEvent, StoreListener } from '../support/store-listener.ts';
import { waitUntil } from '../support/wait-until.ts';

const slow = { timeout: 90_000 };

let starting: Promise<EtcdServers> | undefined;
afterAll(async () => (await starting)?.[Symbol.asyncDispose]());

/** Of three members that are well. */
async function wholeCluster(): Promise<EtcdServers> {
  starting ??= EtcdServers.start({ members: 3 });
  const servers = await starting;
  for (const index of servers.addresses.keys()) servers.resume(index);
  await servers.startAll();
  return servers;
}

interface TestStore extends AsyncDisposable {
  readonly store: SharedStore;
  readonly errors: readonly string[];
}

/** @param first the member that is used first. */
async function connect(
  servers: EtcdServers,
  options: Partial<EtcdOptions> = {},
  first = 0,
): Promise<TestStore> {
  const { addresses, certificates } = servers;
  const errors: string[] = [];
  const store = await openEtcd({
    addresses: [...addresses.slice(first), ...addresses.slice(0, first)],
    tls: certificates !== undefined,
    prefix: '/fairlead',
    ...certificates,
    onError: (message) => errors.push(message),
    ...options,
  });
  return { store, errors, [Symbol.asyncDispose]: () => store.close() };
}

/** Watches as a caller should: again from the last revision, after a moment, when it was interrupted. */
class Follower {
  readonly seen: string[] = [];
  readonly ends: string[] = [];
  readonly #store: SharedStore;
  #close = () => {};
  #isClosed = false;

  constructor(store: SharedStore, from: number) {
    this.#store = store;
    this.#follow(from);
  }

  close(): void {
    this.#isClosed = true;
    this.#close();
  }

  #follow(from: number): void {
    if (this.#isClosed) return;
    const listener = new StoreListener();
    const { seen, ends } = this;
    this.#close = this.#store.watch('/f/', from, {
      onStart: () => listener.onStart(),
      onEvents: (events, revision) => {
        listener.onEvents(events, revision);
        seen.push(...events.map(describeEvent));
      },
      onProgress: (revision) => listener.onProgress(revision),
      onEnd: (reason, message) => {
        listener.onEnd(reason, message);
        ends.push(message, ...listener.faults);
        setTimeout(() => this.#follow(listener.revision === 0 ? from : listener.revision + 1), 100);
      },
    });
  }
}

/** Writes one key after the other; returns those that were acknowledged, when `until` holds. */
async function writeUntil(store: SharedStore, until: (written: number) => boolean): Promise<string[]> {
  const written: string[] = [];
  for (let n = 0; !until(written.length); n++) {
    const done = await store.write([], [{ put: `/f/${n}`, value: 'x' }]).catch(() => undefined);
    if (done) written.push(`+/f/${n}=x`);
  }
  return written;
}

test('when the leader dies writes go on with the others, and a watch misses nothing', slow, async () => {
  const servers = await wholeCluster();
  const leader = await servers.leader();
  // Everything hangs on the one that dies.
  await using connected = await connect(servers, {}, leader);
  const { store, errors } = connected;
  const follower = new Follower(store, (await store.read('')).revision + 1);
  let after = Number.POSITIVE_INFINITY;
  const writing = writeUntil(store, (count) => {
    if (after === Number.POSITIVE_INFINITY && count >= 50) {
      after = count;
      void servers.kill(leader);
    }
    return count >= after + 50;
  });
  const written = await writing;
  await waitUntil('all writes are told', () => follower.seen.at(-1) === written.at(-1));
  follower.close();
  // One whose outcome was unknown may have been applied.
  expect(follower.seen.filter((event) => written.includes(event))).toEqual(written);
  expect(follower.ends.length).toBeGreaterThan(0);
  expect(errors[0]).toContain(servers.urls[leader]);
  expect(store.endpoints[0]).not.toBe(servers.urls[leader]);
});

test('while the members elect a leader, calls at the others wait for it', slow, async () => {
  const servers = await wholeCluster();
  const leader = await servers.leader();
  await using connected = await connect(servers, {}, (leader + 1) % 3);
  const { store } = connected;
  await store.write([], [{ put: '/a', value: '1' }]);
  await servers.kill(leader);
  await waitUntil('it is written', () => store.write([], [{ put: '/a', value: '2' }]).then(() => true));
  expect((await store.get('/a')).key?.value).toBe('2');
});

test('a member that hangs is left for the next one, by calls and by watches', slow, async () => {
  const servers = await wholeCluster();
  const hanging = ((await servers.leader()) + 1) % 3;
  await using connected = await connect(servers, {}, hanging);
  const { store, errors } = connected;
  const follower = new Follower(store, (await store.read('')).revision + 1);
  await store.write([], [{ put: '/f/1', value: 'x' }]);
  await waitUntil('it is told', () => follower.seen.length === 1);
  await servers.pause(hanging);
  expect((await store.get('/f/1')).key?.value).toBe('x');
  expect(store.endpoints[0]).not.toBe(servers.urls[hanging]);
  await store.write([], [{ put: '/f/2', value: 'x' }]);
  await waitUntil('it is told elsewhere', () => follower.seen.length === 2, { timeoutMs: 30_000 });
  follower.close();
  expect(follower.ends).toHaveLength(1);
  expect(errors).toEqual([expect.stringContaining(`${servers.urls[hanging]}: `)]);
});

test('a write that a hanging member may have got is not repeated elsewhere', slow, async () => {
  const servers = await wholeCluster();
  const hanging = ((await servers.leader()) + 1) % 3;
  await using connected = await connect(servers, {}, hanging);
  const { store } = connected;
  await store.write([], [{ put: '/a', value: '1' }]);
  await servers.pause(hanging);
  const writing = store.write([], [{ put: '/a', value: '2' }]);
  await expect(writing).rejects.toMatchObject({
    code: 'unavailable',
    message: `etcd at ${servers.urls[hanging]} cannot write /a: no answer in time`,
  });
  expect((await store.get('/a')).key?.value).toBe('1');
});

test('a write goes to the next member when the first cannot be reached', slow, async () => {
  await using servers = await EtcdServers.start();
  const nobody = [
    { host: '127.0.0.1', port: 1 },
    { host: 'no-such-host.invalid', port: 2379 },
  ];
  await using connected = await connect(servers, { addresses: [...nobody, ...servers.addresses] });
  const { store, errors } = connected;
  expect((await store.write([], [{ put: '/a', value: '1' }])).applied).toBe(true);
  expect(errors).toHaveLength(2);
  expect(errors[0]).toMatch(/^etcd at http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1$/);
  expect(store.endpoints[0]).toBe(servers.urls[0]);
});

test(
  'a member that is away is told of once until it answers again, however often it is tried',
  slow,
  async () => {
    await using servers = await EtcdServers.start();
    await using connected = await connect(servers);
    const { store, errors } = connected;
    const follower = new Follower(store, (await store.read('')).revision + 1);
    await servers.kill(0);
    await waitUntil('the watch was tried again and again', () => follower.ends.length > 5);
    await expect(store.get('/a')).rejects.toMatchObject({ code: 'unavailable' });
    expect(errors).toHaveLength(1);
    servers.spawn(0);
    await waitUntil('it answers', () => store.write([], [{ put: '/f/1', value: 'x' }]).then(() => true));
    await waitUntil('it is told', () => follower.seen.length === 1);
    await servers.kill(0);
    await waitUntil('it is told of again', () => errors.length === 2);
    follower.close();
  },
);

test(
  'a member that has lost the others ends watches and refuses calls, until they are back',
  slow,
  async () => {
    const servers = await wholeCluster();
    const leader = await servers.leader();
    const left = (leader + 1) % 3;
    await using connected = await connect(servers, { addresses: servers.addresses.slice(left, left + 1) });
    const { store } = connected;
    const { revision } = await store.write([], [{ put: '/a', value: '1' }]);
    const listener = new StoreListener();
    store.watch('/', revision + 1, listener);
    await waitUntil('it has begun', () => listener.isStarted);
    await Promise.all([servers.kill(leader), servers.kill((leader + 2) % 3)]);
    await waitUntil('the watch ends', () => listener.end, { timeoutMs: 20_000 });
    expect(listener.end).toEqual({ reason: 'interrupted', message: 'no leader' });
    await expect(store.get('/a')).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.write([], [{ delete: '/a' }])).rejects.toMatchObject({
      code: 'unavailable',
      message: `etcd at ${servers.urls[left]} cannot write /a: no leader`,
    });
    await servers.startAll();
    expect((await store.get('/a')).key?.value).toBe('1');
  },
);

test('speaks TLS, each side with a certificate, and with nobody it cannot trust', slow, async () => {
  await using servers = await EtcdServers.start({ tls: true });
  await using good = await connect(servers);
  await good.store.write([], [{ put: '/a', value: '1' }]);
  expect((await good.store.get('/a')).key?.value).toBe('1');
  const { ca, cert, key } = servers.certificates ?? {};
  if (!ca || !cert || !key) throw new Error('no certificates');
  const { addresses } = servers;
  const onError = () => {};
  const plain = { addresses, prefix: '/fairlead', tls: true, onError };
  await using unsure = {
    store: await openEtcd({ ...plain, cert, key }),
    [Symbol.asyncDispose]: async () => {},
  };
  await expect(unsure.store.get('/a')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/cannot read \/a: .*certificate/),
  });
  const unknown = await openEtcd({ ...plain, ca });
  await expect(unknown.get('/a')).rejects.toMatchObject({ code: 'unavailable' });
  const elsewhere = addresses.map(({ port }) => ({ host: 'localhost', port }));
  const misnamed = await openEtcd({ ...plain, addresses: elsewhere, ca, cert, key });
  await expect(misnamed.get('/a')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('does not match'),
  });
  await Promise.all([unsure.store, unknown, misnamed].map((store) => store.close()));
});

test('refuses files that are no certificates when it is opened', async () => {
  const address = { host: '127.0.0.1', port: 1 };
  const files = { cert: Buffer.from('no certificate'), key: Buffer.from('no key') };
  const opening = openEtcd({ addresses: [address], tls: true, prefix: '/', onError: () => {}, ...files });
  await expect(opening).rejects.toMatchObject({ code: 'invalid_parameter' });
});

/** A user `reader` who may read below /a/, and `root`, who may do everything. */
async function withUsers(servers: EtcdServers): Promise<void> {
  for (const command of [
    ['user', 'add', 'root:secret'],
    ['user', 'grant-role', 'root', 'root'],
    ['user', 'add', 'reader:secret'],
    ['role', 'add', 'reading'],
    ['role', 'grant-permission', '--prefix=true', 'reading', 'read', '/a/'],
    ['user', 'grant-role', 'reader', 'reading'],
    ['auth', 'enable'],
  ]) {
    // The role `root` comes with the user in later versions only.
    if (command[1] === 'grant-role' && command[2] === 'root')
      await servers.ctl(['role', 'add', 'root']).catch(() => '');
    await servers.ctl(command);
  }
}

test('a user may do what etcd lets the user do, and is told of the rest', slow, async () => {
  await using servers = await EtcdServers.start();
  await withUsers(servers);
  await using root = await connect(servers, { user: { name: 'root', password: 'secret' } });
  await using reader = await connect(servers, { user: { name: 'reader', password: 'secret' } });
  const { revision } = await root.store.write(
    [],
    [
      { put: '/a/1', value: '1' },
      { put: '/b/1', value: '1' },
    ],
  );
  expect((await reader.store.read('/a/')).keys).toHaveLength(1);
  const lacks = {
    code: 'unavailable',
    message: `etcd at ${servers.urls[0]} cannot read /b/: user reader lacks permission`,
  };
  await expect(reader.store.read('/b/')).rejects.toMatchObject(lacks);
  await expect(reader.store.write([], [{ delete: '/a/1' }])).rejects.toMatchObject({ code: 'unavailable' });
  const [allowed, refused] = [new StoreListener(), new StoreListener()];
  reader.store.watch('/a/', revision, allowed);
  reader.store.watch('/b/', revision, refused);
  await waitUntil(
    'one watch is refused, the other tells',
    () => refused.end && allowed.revision === revision,
  );
  expect(refused.end).toEqual({
    reason: 'interrupted',
    message: `etcd at ${servers.urls[0]} cannot watch /b/: user reader is refused (permission denied)`,
  });
  expect([...refused.faults, ...allowed.faults]).toEqual([]);
  const next = await root.store.write([], [{ put: '/a/2', value: '1' }]);
  await waitUntil('the other goes on', () => allowed.revision >= next.revision);
  expect(reader.errors).toEqual([]);
});

test.each<[string, EtcdOptions['user'], string]>([
  ['a wrong password', { name: 'root', password: 'wrong' }, 'user root is refused'],
  ['no user', undefined, 'whoever gives no user is refused'],
])('is refused with %s', slow, async (_, user, reason) => {
  await using servers = await EtcdServers.start();
  await withUsers(servers);
  await using connected = await connect(servers, user && { user });
  const { store } = connected;
  const listener = new StoreListener();
  store.watch('/', 1, listener);
  const refusal = { code: 'unavailable', message: expect.stringContaining(reason) };
  await expect(store.read('/')).rejects.toMatchObject(refusal);
  await expect(store.write([], [{ put: '/a', value: '1' }])).rejects.toMatchObject(refusal);
  await waitUntil('the watch ends', () => listener.end);
  expect(listener.end?.reason).toBe('interrupted');
});

test('a token that is no longer good is replaced, of calls and of watches', slow, async () => {
  await using servers = await EtcdServers.start();
  await withUsers(servers);
  await using connected = await connect(servers, { user: { name: 'root', password: 'secret' } });
  const { store } = connected;
  const { revision } = await store.write([], [{ put: '/f/1', value: 'x' }]);
  const follower = new Follower(store, revision);
  await waitUntil('it is told', () => follower.seen.length === 1);
  // Tokens are in etcd's memory alone.
  await servers.kill(0);
  servers.spawn(0);
  await waitUntil('it is written', () => store.write([], [{ put: '/f/2', value: 'x' }]).then(() => true));
  await waitUntil('it is told', () => follower.seen.length === 2);
  follower.close();
});

test('a user is no hindrance where etcd has no users yet, nor once it has', slow, async () => {
  await using servers = await EtcdServers.start();
  await using connected = await connect(servers, { user: { name: 'root', password: 'secret' } });
  const { store } = connected;
  await store.write([], [{ put: '/a', value: '1' }]);
  await withUsers(servers);
  await store.write([], [{ put: '/a', value: '2' }]);
  expect((await store.get('/a')).key?.value).toBe('2');
});
