// Sandboxes and their processes: what a process sees, what survives, what goes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, ask, resolve, startServer } from '../support/peers.ts';
import { type HostState, type Netd, TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

let host: TestHost;
let netd: Netd;
/** The host with a network nobody is on. */
let idle: HostState;

beforeAll(async () => {
  host = await TestHost.start('keeper');
  netd = await host.netd();
  await host.net('create', 'lab');
  idle = await host.state();
});

afterAll(() => host[Symbol.asyncDispose]());

describe('net run', () => {
  test('gives the process its own interface, hostname, hosts file and resolver', async () => {
    const look = 'hostname; cat /etc/hostname; cat /etc/resolv.conf; getent hosts looker; ls /sys/class/net';
    const output = await host.net('run', '--name', 'looker', '--network', 'lab', '--', 'sh', '-c', look);
    expect(output.split('\n').slice(0, 2)).toEqual(['looker', 'looker']);
    expect(output).toMatch(/^nameserver 127\.0\.0\.11$/m);
    expect(output).toMatch(/^\S+\s+looker/m);
    expect(output).toMatch(/^eth0$/m);
  });

  test('leaves nothing when the process has ended', async () => {
    await host.net('run', '--name', 'gone', '--network', 'lab', '-p', '8080:80', '--', 'true');
    await waitUntil('nothing is left', async () => {
      expect(await host.state()).toEqual(idle);
      return true;
    });
    expect(await host.net('ps')).not.toMatch(/gone/);
    expect(await host.net('port')).not.toMatch(/8080/);
  });

  test.each([
    ['its own exit status', ['sh', '-c', 'exit 42'], 42],
    ['127 for a command that is not there', ['no-such-command'], 127],
    ['126 for a command that cannot be executed', ['/etc/hostname'], 126],
    ['128 and the number of the signal that ended it', ['sh', '-c', 'kill -TERM $$'], 143],
  ])('ends with %s', async (_, command, status) => {
    expect(await host.tryNet('run', '--network', 'lab', '--', ...command)).toMatchObject({ status });
  });

  test('passes standard input through', async () => {
    const cat = await host.attempt(['net', 'run', '-i', '--network', 'lab', '--', 'cat'], {
      input: 'through',
    });
    expect(cat).toMatchObject({ status: 0, stdout: 'through' });
  });

  test('passes a signal on', async () => {
    const script = 'trap "echo caught; exit 7" TERM; echo waiting; while :; do sleep 0.05; done';
    const running = host.spawn(['net', 'run', '--network', 'lab', '--', 'bash', '-c', script]);
    await running.line(/waiting/);
    expect(await running.end('SIGTERM')).toMatchObject({ status: 7, stdout: 'waiting\ncaught\n' });
  });

  test('shares another sandbox’s network with sandbox:NAME', async () => {
    await startServer(host, 'owner', '--network', 'lab');
    await ask({ host, sandbox: 'owner' }, '127.0.0.1');
    const socat = ['socat', '-u', 'TCP4:127.0.0.1:80', 'STDOUT'];
    expect(await host.net('run', '--network', 'sandbox:owner', '--', ...socat)).toMatch(/^owner /);
    await host.net('stop', 'owner');
    await host.net('sandbox', 'rm', 'owner');
  });

  test('stays in the host’s network with --network host', async () => {
    const seen = await host.net('run', '--network', 'host', '--', 'readlink', '/proc/self/ns/net');
    expect(seen).toBe(await host.run(['readlink', '/proc/self/ns/net']));
  });

  test('has nothing but loopback with --network none', async () => {
    const links = await host.net('run', '--network', 'none', '--', 'ls', '/sys/class/net');
    expect(links).toBe('lo');
  });

  test('runs as another user, elsewhere, with variables', async () => {
    const script = 'id -u; pwd; echo $COLOUR';
    const flags = ['--user', 'nobody', '--workdir', '/tmp', '--env', 'COLOUR=green', '--network', 'lab'];
    expect(await host.net('run', ...flags, '--', 'sh', '-c', script)).toBe('65534\n/tmp\ngreen');
  });
});

describe('a detached process', () => {
  test('writes to a log, is listed, and ends when stopped', async () => {
    const script = 'echo started; exec sleep 1000';
    await host.net('run', '-d', '--name', 'quiet', '--network', 'lab', '--', 'sh', '-c', script);
    await waitUntil('the log has its line', async () =>
      (await host.net('logs', 'quiet')).includes('started'),
    );
    expect(await host.net('ps')).toMatch(/quiet/);
    await host.net('stop', 'quiet');
    expect(await host.attempt(['pgrep', '-f', 'sleep 1000'])).toMatchObject({ status: 1 });
    await host.net('sandbox', 'rm', 'quiet');
  });

  test('survives a restart of netd with its network, names and ports', async () => {
    await startServer(host, 'lasting', '--network', 'lab', '-p', '8082:80');
    await host.net('sandbox', 'create', 'asker');
    await host.net('connect', 'lab', 'asker');
    await ask({ host }, '127.0.0.1', 8082);
    const before = await host.net('exec', 'lasting', '--', 'readlink', '/proc/self/ns/net');
    await netd.kill9();
    expect(await ask({ host }, '127.0.0.1', 8082)).toMatchObject({ server: 'lasting' });
    netd = await host.netd();
    expect(await host.net('exec', 'lasting', '--', 'readlink', '/proc/self/ns/net')).toBe(before);
    expect(await ask({ host, sandbox: 'asker' }, 'lasting')).toMatchObject({ server: 'lasting' });
    expect(await ask({ host }, '127.0.0.1', 8082)).toMatchObject({ server: 'lasting' });
    await host.net('check');
    await host.net('stop', 'lasting');
    await host.net('sandbox', 'rm', 'lasting', 'asker');
  });

  test('may share a sandbox that is on no network, also over a restart of netd', async () => {
    await host.net('sandbox', 'create', 'alone');
    expect(await host.net('exec', 'alone', '--', 'hostname')).toBe('alone');
    await host.net('run', '-d', '--name', 'side', '--network', 'sandbox:alone', '--', 'sleep', '1002');
    await netd.kill9();
    netd = await host.netd();
    expect(await host.net('exec', 'side', '--', 'hostname')).toBe('alone');
    await host.net('stop', 'side');
    await host.net('sandbox', 'rm', 'side', 'alone');
  });

  test('ended while netd was away is noticed by the next', async () => {
    await host.net('run', '-d', '--rm', '--name', 'short', '--network', 'lab', '--', 'sleep', '1001');
    await netd.kill9();
    await host.run(['pkill', '-f', 'sleep 1001']);
    netd = await host.netd();
    await waitUntil('it is gone', async () => !(await host.net('ps')).includes('short'));
    await host.net('check');
  });
});

describe('other ways in', () => {
  test('ip netns exec enters a sandbox', async () => {
    await host.net('sandbox', 'create', 'pinned');
    await host.net('connect', 'lab', 'pinned');
    const address = await addressOf(host, 'pinned');
    expect(await host.run(['ip', 'netns', 'exec', 'pinned', 'hostname', '-I'])).toContain(address);
    await host.net('sandbox', 'rm', 'pinned');
    expect(await host.run(['ip', 'netns', 'list'])).not.toMatch(/pinned/);
  });

  test('a process started by somebody else is connected by its pid', async () => {
    const foreign = host.spawn(['unshare', '--net', 'sh', '-c', 'echo $$; exec sleep 1002']);
    const pid = await foreign.line(/^\d+$/);
    await host.net('connect', 'lab', `pid:${pid}`);
    expect(await host.run(['nsenter', '-t', pid, '-n', 'ip', '-brief', 'link'])).toMatch(/^eth0@/m);
    await host.net('disconnect', 'lab', `pid:${pid}`);
    expect(await host.run(['nsenter', '-t', pid, '-n', 'ip', '-brief', 'link'])).not.toMatch(/eth0/);
    await foreign.end('SIGKILL');
  });

  test('a namespace of somebody else’s is connected by its path, and left in place', async () => {
    await host.run(['ip', 'netns', 'add', 'theirs']);
    await host.net('connect', '--alias', 'theirs', 'lab', 'netns:/run/netns/theirs');
    await startServer(host, 'curious', '--network', 'lab');
    expect(await resolve(host, 'curious', 'theirs')).toHaveLength(1);
    await host.net('disconnect', 'lab', 'netns:/run/netns/theirs');
    expect(await host.run(['ip', 'netns', 'list'])).toMatch(/theirs/);
    await host.net('stop', 'curious');
    await host.net('sandbox', 'rm', 'curious');
    await host.run(['ip', 'netns', 'del', 'theirs']);
  });
});
