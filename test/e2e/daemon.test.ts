// Starting and stopping netd: one at a time, within bounds, and never at the cost of what runs.
import { describe, expect, test } from 'vitest';
import { ask, startServer } from '../support/peers.ts';
import { TestHost } from '../support/test-host.ts';

describe('a second netd', () => {
  test.each([
    ['run directory', ['--state-dir', '/var/lib/second']],
    ['state directory', ['--run-dir', '/run/second', '--docker-plugin-dir', '/run/second/plugins']],
  ])('is refused on the same %s, and the first goes on', async (_, flags) => {
    await using host = await TestHost.start();
    await host.netd();
    const before = await host.state();
    const { status, stderr, stdout } = await host.startNetd(...flags).ended;
    expect(status).not.toBe(0);
    expect(stderr + stdout).toMatch(/another netd|already|in use|locked/i);
    expect(await host.state()).toEqual(before);
    await host.net('create', 'still-answers');
  });

  test('is fine with directories of its own, while the first has an owner', async () => {
    await using host = await TestHost.start();
    await using other = await TestHost.start();
    await host.netd();
    await other.netd();
    await other.net('ls');
  });
});

describe('SIGTERM', () => {
  test('ends netd with status 0 and leaves networking in place', async () => {
    await using host = await TestHost.start();
    const netd = await host.netd();
    await host.net('create', 'lab');
    await startServer(host, 'web', '--network', 'lab', '-p', '8080:80');
    await ask({ host }, '127.0.0.1', 8080);
    const before = await host.state();
    const signalled = Date.now();
    expect(await netd.stop()).toMatchObject({ status: 0 });
    expect(Date.now() - signalled).toBeLessThan(2000);
    const { ruleset: _, ...after } = await host.state();
    expect(before).toMatchObject(after);
    expect(await ask({ host }, '127.0.0.1', 8080)).toMatchObject({ server: 'web' });
  });

  test('followed by a start takes everything over as it is', async () => {
    await using host = await TestHost.start();
    const first = await host.netd();
    await host.net('create', 'lab');
    await startServer(host, 'web', '--network', 'lab', '-p', '8080:80');
    const before = await host.state();
    await first.stop();
    await host.netd();
    expect(await host.state()).toEqual(before);
    await host.net('check');
  });
});

test('started under a strict umask, it makes files that every user in a sandbox can read', async () => {
  await using host = await TestHost.start();
  const program = new URL('../../bin/netd', import.meta.url).pathname;
  const netd = host.spawn(['sh', '-c', 'umask 077; exec "$@"', 'sh', program]);
  await netd.line(/\bready\b/);
  const look = ['cat', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];
  const user = ['--user', 'nobody', '--workdir', '/', '--network', 'none'];
  expect(await host.tryNet('run', ...user, '--', ...look)).toMatchObject({ status: 0 });
});

describe('bad settings', () => {
  test.each([
    [['--colour', 'red'], /--colour/],
    [['--pool', '10.0.0.0/8'], /--pool/],
    [['--firewall', 'wall'], /firewall.*wall/],
    [['--log-level', 'loud'], /log-level.*loud/i],
    [['--dns', 'nowhere'], /--dns.*nowhere/],
  ])('%j: netd starts nothing and names it', async (flags, message) => {
    await using host = await TestHost.start();
    const before = await host.state();
    const { status, stderr } = await host.startNetd(...flags).ended;
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(await host.state()).toEqual(before);
  });

  test('an unknown key of the configuration file is named', async () => {
    await using host = await TestHost.start();
    await host.shell('echo \'{"color": "red"}\' > /etc/netd.json');
    const { status, stderr } = await host.startNetd('--config', '/etc/netd.json').ended;
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/color/);
  });

  test('a flag overrides a variable, which overrides the file', async () => {
    await using host = await TestHost.start();
    await host.shell('mkdir /etc/fairlead; echo \'{"runDir": "/run/from-file"}\' > /etc/fairlead/netd.json');
    const byFile = await host.netd();
    await host.run(['test', '-S', '/run/from-file/api.sock']);
    await byFile.stop();
    const flagged = await host.netd('--run-dir', '/run/from-flag');
    await host.run(['test', '-S', '/run/from-flag/api.sock']);
    await flagged.stop();
  });
});
