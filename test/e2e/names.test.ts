// Two networks, three processes: who finds whom by name.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, ask, resolve, startServer } from '../support/peers.ts';
import { TestHost } from '../support/test-host.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.start();
  await host.netd();
  await host.net('create', 'front');
  await host.net('create', 'back');
  await startServer(host, 'web', '--network', 'front', '--alias', 'www');
  await startServer(host, 'db', '--network', 'back');
  await startServer(host, 'app', '--network', 'front', '--network', 'back');
});

afterAll(() => host[Symbol.asyncDispose]());

describe('names', () => {
  test('a process reaches another on its network by name', async () => {
    const answer = await ask({ host, sandbox: 'app' }, 'web');
    expect(answer).toEqual({ server: 'web', asker: await addressOf(host, 'app', 'eth0') });
  });

  test.each(['web', 'www', 'WEB', 'web.front'])('%s is the address of web', async (name) => {
    expect(await resolve(host, 'app', name)).toEqual([await addressOf(host, 'web')]);
  });

  test('a process on two networks sees both', async () => {
    expect(await resolve(host, 'app', 'db')).toEqual([await addressOf(host, 'db')]);
    expect(await ask({ host, sandbox: 'app' }, 'db')).toMatchObject({ server: 'db' });
  });

  test.each([
    ['web', 'db'],
    ['db', 'web'],
    ['web', 'db.back'],
    ['db', 'www'],
  ])('%s does not know %s, which is on another network', async (from, name) => {
    expect(await resolve(host, from, name)).toEqual([]);
  });

  test('a name on two networks has the address the asker shares', async () => {
    expect(await resolve(host, 'web', 'app')).toEqual([await addressOf(host, 'app', 'eth0')]);
    expect(await resolve(host, 'db', 'app')).toEqual([await addressOf(host, 'app', 'eth1')]);
  });

  test('an address has its name', async () => {
    const reverse = ['dig', '+short', '-x', await addressOf(host, 'web')];
    expect(await host.net('exec', 'app', '--', ...reverse)).toBe('web.front.');
  });

  test('a known name without an address of that kind is answered with none, not with an error', async () => {
    const answer = await host.net('exec', 'app', '--', 'dig', '+tries=1', '+time=2', 'web', 'AAAA');
    expect(answer).toMatch(/status: NOERROR/);
    expect(answer).toMatch(/ANSWER: 0/);
  });

  test('the resolver answers over TCP too', async () => {
    const answer = await host.net('exec', 'app', '--', 'dig', '+tcp', '+short', 'web');
    expect(answer).toBe(await addressOf(host, 'web'));
  });

  test('a process connected later is known at once, and unknown again when disconnected', async () => {
    await host.net('sandbox', 'create', 'late');
    await host.net('connect', '--alias', 'tardy', 'front', 'late');
    const address = await addressOf(host, 'late');
    expect(await resolve(host, 'web', 'tardy')).toEqual([address]);
    expect(await resolve(host, 'web', 'late')).toEqual([address]);
    await host.net('disconnect', 'front', 'late');
    expect(await resolve(host, 'web', 'late')).toEqual([]);
    await host.net('sandbox', 'rm', 'late');
  });
});
