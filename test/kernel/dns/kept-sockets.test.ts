// Sockets of resolvers that outlive whoever opened them, with a keeper's process of each test's own.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { createNameService } from '../../../src/dns/engine.ts';
import {
  type OpenedSockets,
  openGatewaySockets,
  openResolverSockets,
} from '../../../src/dns/sockets/resolver-sockets.ts';
import { unpinNamespace } from '../../../src/kernel/netns.ts';
import {
  openSocketKeeper,
  type SocketKeeper,
  type SocketKeeperOptions,
} from '../../../src/kernel/socket-keeper.ts';
import { closeFd } from '../../../src/kernel/sockets.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { run, showLink, succeeds } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { PinnedNamespaces } from './pinned-namespaces.ts';

let namespaces: PinnedNamespaces;
let path: string;
let keeper: SocketKeeper;
let opened: OpenedSockets[];
let said: string[];

beforeEach(async () => {
  namespaces = new PinnedNamespaces();
  path = await namespaces.create('sandbox');
  opened = [];
  said = [];
  keeper = await connect();
});

afterEach(async () => {
  for (const one of opened) await close(one);
  await keeper.leave();
  for (const pid of keepers()) process.kill(pid, 'SIGKILL');
  await namespaces[Symbol.asyncDispose]();
});

const socketPath = () => join(namespaces.directory, 'keeper.sock');

/** As the next daemon does. */
function connect(options: Partial<SocketKeeperOptions> = {}) {
  const stream = { write: (line: string) => said.push(line) };
  return openSocketKeeper({ path: socketPath(), log: pino({ level: 'warn' }, stream), ...options });
}

async function open(by = keeper): Promise<OpenedSockets> {
  const sockets = await openResolverSockets(path, by);
  opened.push(sockets);
  return sockets;
}

/** For good, as a resolver that is closed is. */
async function close(one: OpenedSockets): Promise<void> {
  opened = opened.filter((other) => other !== one);
  await one.release?.();
  letGo(one);
}

/** Closes this process's own, as its end does. */
function letGo({ sockets }: OpenedSockets): void {
  closeFd(sockets.udp);
  closeFd(sockets.tcp);
}

/** The processes that keep at this test's path. */
function keepers(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => commandOf(pid).includes(`${socketPath()}\0`));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

const hasTable = () => succeeds('nft list table ip fairlead-names', path);
const bound = () => run('ss -Hlntu', path).match(/127\.0\.0\.11:1011 /g)?.length ?? 0;

/** The daemon goes; what it had kept stays. */
async function endDaemon(one: OpenedSockets): Promise<void> {
  opened = [];
  await keeper.leave();
  await one.release?.();
  letGo(one);
}

test('who opens a resolver anew waits for a keeper that is slow to let go of the one before', async () => {
  await endDaemon(await open());
  keeper = await connect();
  const [pid = 0] = keepers();
  const first = await open();
  process.kill(pid, 'SIGSTOP');
  await close(first);
  const second = open();
  // By then it would have found the rules of the one before.
  const elsewhere = await openResolverSockets(await namespaces.create('elsewhere'));
  process.kill(pid, 'SIGCONT');
  await second;
  expect({ table: hasTable(), bound: bound() }).toEqual({ table: true, bound: 2 });
  await elsewhere.release?.();
  letGo(elsewhere);
});

describe('when the daemon has gone', () => {
  test('its sockets and rules are there, and what was asked meanwhile waits for the next one', async () => {
    await endDaemon(await open());
    expect({ table: hasTable(), bound: bound() }).toEqual({ table: true, bound: 2 });
    run('socat -u EXEC:hostname UDP4:127.0.0.11:53', path);
    keeper = await connect();
    await open();
    expect(run('ss -Hlnu', path)).toMatch(/^UNCONN +[1-9]\d+ .* 127\.0\.0\.11:1011 /);
  });

  test('a keeper nobody comes to ends by itself, and leaves nothing', async () => {
    keeper = await connect({ waitMs: 200 });
    await endDaemon(await open());
    await waitUntil('the keeper ended', () => keepers().length === 0);
    expect({ table: hasTable(), bound: bound() }).toEqual({ table: false, bound: 0 });
    expect(existsSync(socketPath())).toBe(false);
  });

  test('who comes when the keeper has just given up finds nothing taken', async () => {
    keeper = await connect({ waitMs: 200 });
    const paths = await Promise.all(Array.from({ length: 40 }, (_, i) => namespaces.create(`many-${i}`)));
    const many = await Promise.all(paths.map((each) => openResolverSockets(each, keeper)));
    await keeper.leave();
    for (const one of many) letGo(one);
    for (const { release } of many) await release?.();
    await waitUntil('it has given up', () => !existsSync(socketPath()));
    keeper = await connect();
    opened.push(...(await Promise.all(paths.map((each) => openResolverSockets(each, keeper)))));
  });

  test('its namespace ends with what is kept there', async () => {
    keeper = await connect({ waitMs: 500 });
    run(`ip link add name kept-peer type veth peer name eth0 netns ${path}`);
    await endDaemon(await open());
    await unpinNamespace(path);
    expect(showLink('kept-peer')).toBeDefined();
    await waitUntil('the namespace ended', () => showLink('kept-peer') === undefined);
  });

  test('what the next one does not take is closed', async () => {
    await endDaemon(await open());
    keeper = await connect();
    await keeper.dropUntaken();
    expect({ table: hasTable(), bound: bound() }).toEqual({ table: false, bound: 0 });
  });

  test('what is kept of another namespace is not used', async () => {
    await endDaemon(await open());
    const other = await namespaces.create('other');
    keeper = await connect();
    const fds = keeper.take(keyOf(path)) ?? [];
    keeper.keep(keyOf(other), fds);
    await keeper.leave();
    for (const fd of fds) closeFd(fd);
    keeper = await connect();
    opened.push(await openResolverSockets(other, keeper));
    expect(run('ss -Hlntu', other).match(/127\.0\.0\.11:1011 /g)).toHaveLength(2);
  });

  test('the sockets of a gateway are kept too', async () => {
    const gateway = '10.53.0.1' as IpAddress;
    run('ip address add 10.53.0.1/24 dev lo');
    await endDaemon(await openGatewaySockets(gateway, keeper));
    expect(run('ss -Hlntu').match(/10\.53\.0\.1:53 /g)).toHaveLength(2);
    keeper = await connect();
    opened.push(await openGatewaySockets(gateway, keeper));
    run('ip address del 10.53.0.1/24 dev lo');
  });
});

/** As sandboxes' sockets are kept under. */
function keyOf(namespacePath: string): string {
  const inode = run('stat -L -c %i /proc/self/ns/net', namespacePath).trim();
  const device = run('stat -L -c %d /proc/self/ns/net', namespacePath).trim();
  return `sandbox:${device}:${inode}`;
}

test('a resolver that is closed is not kept any more, so that its namespace can end', async () => {
  run(`ip link add name kept-peer type veth peer name eth0 netns ${path}`);
  await close(await open());
  expect({ table: hasTable(), bound: bound() }).toEqual({ table: false, bound: 0 });
  await unpinNamespace(path);
  await waitUntil('the namespace ended', () => showLink('kept-peer') === undefined);
});

test('no process is started before there is something to keep', async () => {
  expect(keepers()).toEqual([]);
  await open();
  await waitUntil('it runs', () => keepers().length === 1);
});

test('the keeper is in a session of its own, with nothing open but what it keeps', async () => {
  await open();
  await waitUntil('it runs', () => keepers().length === 1);
  const [pid = 0] = keepers();
  const holds = () => readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  // Its connection and the socket others come to, and three that are kept.
  await waitUntil('it keeps', () => holds().filter((what) => what.startsWith('socket:')).length === 5);
  expect(holds().filter((what) => !what.startsWith('socket:'))).toEqual(['/dev/null', '/dev/null']);
  expect(run(`ps -o sid= -p ${pid}`).trim()).not.toBe(run(`ps -o sid= -p ${process.pid}`).trim());
  expect(run(`stat -c %a ${socketPath()}`).trim()).toBe('600');
});

test('programs that are started meanwhile inherit nothing', async () => {
  const inherited = () => run('ls /proc/self/fd');
  const before = inherited();
  const names = createNameService({ log: pino({ level: 'silent' }), resolvConf: '/nowhere', keeper });
  await names.open('asker' as SandboxId, path);
  await waitUntil('it runs', () => keepers().length === 1);
  expect(inherited()).toEqual(before);
  await names.shutdown();
});

test('a keeper that dies is replaced by one that has everything', async () => {
  const first = await open();
  await waitUntil('it runs', () => keepers().length === 1);
  const [dead = 0] = keepers();
  process.kill(dead, 'SIGKILL');
  await waitUntil('there is another', () => keepers().some((pid) => pid !== dead));
  await endDaemon(first);
  expect({ table: hasTable(), bound: bound() }).toEqual({ table: true, bound: 2 });
});

test('nobody waits for a keeper that hangs', async () => {
  const first = await open();
  await waitUntil('it runs', () => keepers().length === 1);
  const [hanging = 0] = keepers();
  process.kill(hanging, 'SIGSTOP');
  await close(first);
  process.kill(hanging, 'SIGCONT');
  await waitUntil('it has caught up', () => bound() === 0);
});

test('a keeper that hangs for long is replaced by one that has everything', async () => {
  keeper = await connect({ answerMs: 200 });
  const first = await open();
  await waitUntil('it runs', () => keepers().length === 1);
  const [hanging = 0] = keepers();
  process.kill(hanging, 'SIGSTOP');
  opened.push(await openResolverSockets(await namespaces.create('other'), keeper));
  await waitUntil('there is another', () => keepers().some((pid) => pid !== hanging));
  expect(keepers()).toHaveLength(1);
  await endDaemon(first);
  expect({ table: hasTable(), bound: bound() }).toEqual({ table: true, bound: 2 });
  expect(said).toEqual([]);
});

test('a keeper that hangs when the next daemon comes does not keep it from what it holds', async () => {
  await endDaemon(await open());
  for (const pid of keepers()) process.kill(pid, 'SIGSTOP');
  keeper = await connect({ answerMs: 200 });
  await endDaemon(await open());
  expect({ table: hasTable(), bound: bound() }).toEqual({ table: true, bound: 2 });
});

test('what is taken after its keeper died is kept by the next one', async () => {
  await endDaemon(await open());
  keeper = await connect();
  const [dead = 0] = keepers();
  process.kill(dead, 'SIGKILL');
  const other = await openResolverSockets(await namespaces.create('other'), keeper);
  await waitUntil('there is another', () => keepers().some((pid) => pid !== dead));
  await endDaemon(await open());
  letGo(other);
  expect({ table: hasTable(), bound: bound() }).toEqual({ table: true, bound: 2 });
});

test('without a keeper resolvers work as well, and the log says once that they end with the daemon', async () => {
  keeper = await connect({ executable: '/nowhere/fairlead-keeper' });
  const first = await open();
  await waitUntil('it was said', () => said.length > 0);
  await close(first);
  await close(await open());
  expect({ table: hasTable(), bound: bound() }).toEqual({ table: false, bound: 0 });
  expect(said).toHaveLength(1);
  expect(JSON.parse(said[0] ?? '')).toMatchObject({ msg: expect.stringContaining('end with this daemon') });
});
