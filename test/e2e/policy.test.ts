// Policies as `net policy` makes them: who reaches whom before and after, with real processes, over changes of every kind.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectAsWritten } from '../support/console-blocks.ts';
import { addressOf, ask, expectSilence, serverCommand, startServer } from '../support/peers.ts';
import { type Netd, TestHost } from '../support/test-host.ts';

describe.for(['nftables', 'iptables'])('with %s', (firewall) => {
  let host: TestHost;
  let netd: Netd;
  let db: { readonly ipv4: string; readonly ipv6: string };
  const web = { sandbox: 'web' };

  beforeAll(async () => {
    host = await TestHost.start();
    netd = await host.netd('--firewall', firewall);
    await host.net('create', '--ipv6', '--subnet', '10.5.0.0/24', 'lab');
    await host.net('create', '--ipv6', '--subnet', '10.6.0.0/24', 'dmz');
    await host.net('create', '--subnet', '10.7.0.0/24', 'far');
    await startServer(host, 'web', '--network', 'lab');
    await startServer(host, 'other', '--network', 'lab');
    await startServer(host, 'db', '--network', 'dmz');
    db = { ipv4: await addressOf(host, 'db'), ipv6: await addressOf(host, 'db', 'eth0', 6) };
    for (const address of [db.ipv4, db.ipv6]) await ask({ host }, address);
  });
  afterEach(async () => {
    const ids = await host.net('policy', 'ls', '-q');
    if (ids !== '') await host.net('policy', 'rm', ...ids.split('\n'));
  });
  afterAll(() => host[Symbol.asyncDispose]());

  const add = (from: string, to: string) => host.net('policy', 'add', from, to);
  const remove = (id: string) => host.net('policy', 'rm', id);
  const expectConsistent = async () => expect(await host.tryNet('check')).toMatchObject({ status: 0 });

  test('networks are kept apart while nobody says otherwise', async () => {
    await expectSilence({ host, ...web }, db.ipv4);
    await expectSilence({ host, ...web }, db.ipv6);
  });

  test('a sandbox reaches another at the port allowed, over both families, by its own address', async () => {
    const id = await add('web', 'db:80');
    for (const [address, family] of [
      [db.ipv4, 4],
      [db.ipv6, 6],
    ] as const) {
      const own = await addressOf(host, 'web', 'eth0', family);
      expect(await ask({ host, ...web }, address)).toEqual({ server: 'db', asker: own });
    }
    await expectConsistent();
    await remove(id);
    await expectSilence({ host, ...web }, db.ipv4);
    await expectSilence({ host, ...web }, db.ipv6);
  });

  test('nobody else is let through, nor the other way round, nor at other ports', async () => {
    await add('web', 'db:80');
    await add('lab', 'dmz:81-90');
    await expectSilence({ host, sandbox: 'other' }, db.ipv4);
    await expectSilence({ host, sandbox: 'db' }, await addressOf(host, 'web'));
  });

  test('a network reaches another at every port when none is named', async () => {
    await add('lab', 'dmz');
    const server = host.spawn(['net', 'exec', 'db', '--', ...serverCommand('second', 81)]);
    for (const sandbox of ['web', 'other']) {
      expect(await ask({ host, sandbox }, db.ipv4)).toMatchObject({ server: 'db' });
      expect(await ask({ host, sandbox }, db.ipv6, 81)).toMatchObject({ server: 'second' });
    }
    await server.end('SIGTERM');
    await expectSilence({ host, sandbox: 'db' }, await addressOf(host, 'web'));
  });

  test('one of two that overlap is enough', async () => {
    const wide = await add('lab', 'dmz');
    await add('web', 'db:80/tcp');
    await remove(wide);
    expect(await ask({ host, ...web }, db.ipv4)).toMatchObject({ server: 'db' });
    await expectSilence({ host, sandbox: 'other' }, db.ipv4);
  });

  test('a policy is in force again after netd was killed and started anew', async () => {
    const id = await add('web', 'db:80');
    await netd.kill9();
    netd = await host.netd('--firewall', firewall);
    expect(await ask({ host, ...web }, db.ipv4)).toMatchObject({ server: 'db' });
    expect(await host.net('policy', 'ls', '-q')).toBe(id.slice(0, 12));
    await expectConsistent();
  });

  test('it follows a sandbox that joins, moves and leaves, and stays with nobody who gets its address', async () => {
    await host.net('sandbox', 'create', 'guest');
    await add('web', 'guest');
    const listen = ['socat', 'TCP-LISTEN:80,fork,reuseaddr', 'SYSTEM:echo guest $SOCAT_PEERADDR'];
    const server = host.spawn(['ip', 'netns', 'exec', 'guest', ...listen]);
    await host.net('connect', '--ip', '10.6.0.50', 'dmz', 'guest');
    expect(await ask({ host, ...web }, '10.6.0.50')).toMatchObject({ server: 'guest' });
    await host.net('disconnect', 'dmz', 'guest');
    await host.net('connect', '--ip', '10.7.0.50', 'far', 'guest');
    expect(await ask({ host, ...web }, '10.7.0.50')).toMatchObject({ server: 'guest' });
    await startServer(host, 'heir', '--network', 'dmz', '--ip', '10.6.0.50');
    expect(await ask({ host, sandbox: 'db' }, '10.6.0.50')).toMatchObject({ server: 'heir' });
    await expectSilence({ host, ...web }, '10.6.0.50');
    await server.end('SIGTERM');
    await host.net('sandbox', 'rm', 'guest');
    expect(await host.net('policy', 'ls', '-q')).toBe('');
    await expectConsistent();
  });

  test('a policy goes with its network, and events tell of it', async () => {
    await host.net('create', 'brief');
    const id = await add('brief', 'lab');
    const told = host.spawn(['net', 'events', '--since', '10m', '--filter', 'network=brief']);
    await host.net('rm', 'brief');
    await told.line(new RegExp(`policy create ${id.slice(0, 12)} \\(from=network:brief, to=network:lab\\)`));
    await told.line(new RegExp(`policy delete ${id.slice(0, 12)}`));
    await told.end('SIGTERM');
    expect(await host.net('policy', 'ls', '-q')).toBe('');
    await expectConsistent();
  });

  test('what could not come to anything is refused, and nothing is recorded', async () => {
    await host.net('create', '--internal', 'inner');
    for (const [from, to, message] of [
      ['lab', 'inner', 'network inner (internal): the host passes nothing on between it and other networks'],
      ['web', 'other', 'both ends are on network lab alone, where sandboxes reach each other already'],
      ['lab', 'nobody', 'no network or sandbox nobody'],
    ] as const) {
      const refusal = await host.tryNet('policy', 'add', from, to);
      expect(refusal).toMatchObject({ status: 1, stderr: `net: ${message}\n` });
    }
    expect(await host.net('policy', 'ls', '-q')).toBe('');
  });
});

test('the example of docs/policy.md prints what stands there', async () => {
  await using host = await TestHost.start('host');
  await host.netd();
  await expectAsWritten({ document: 'docs/policy.md', heading: '## Example' }, (command) =>
    host.attempt(['bash', '-c', command]),
  );
  await host.net('check');
});
