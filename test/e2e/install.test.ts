// What `net install --cni` puts in place works, and `net uninstall --cni` leaves nothing of it.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CommandResult } from '../support/host-process.ts';
import { TestHost } from '../support/test-host.ts';

const built = new URL('../../bin/fairlead-cni', import.meta.url).pathname;
const versions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

let host: TestHost;
let root: string;
let confDir: string;
let binDir: string;

beforeAll(async () => {
  host = await TestHost.start();
});

afterAll(() => host[Symbol.asyncDispose]());

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fairlead-install-'));
  confDir = join(root, 'net.d');
  binDir = join(root, 'bin');
});

afterEach(() => rm(root, { recursive: true }));

const net = (verb: 'install' | 'uninstall') =>
  host.tryNet(verb, '--cni', '--conf-dir', confDir, '--bin-dir', binDir);

/** Starts an installed plugin as a runtime would. */
function plugin(
  name: string,
  command: string,
  configuration: object,
  attachment: { readonly netns?: string; readonly ifname?: string } = {},
): Promise<CommandResult> {
  const { netns = '', ifname = 'eth0' } = attachment;
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: 'one',
    CNI_NETNS: netns,
    CNI_IFNAME: ifname,
    CNI_PATH: binDir,
  };
  return host.attempt([join(binDir, name)], { env, input: JSON.stringify(configuration) });
}

const done = { status: 0, stdout: '', stderr: '' };

test('Docker is told where the plugin is; a spec of somebody else’s is left alone', async () => {
  const spec = '/etc/docker/plugins/fairlead.spec';
  const docker = (verb: string, ...flags: readonly string[]) => host.tryNet(verb, '--docker', ...flags);
  expect(await docker('install')).toEqual({ ...done, stdout: `${spec}\n` });
  expect(await host.run(['cat', spec])).toBe('unix:///run/docker/plugins/fairlead.sock');
  expect(await docker('install', '--docker-plugin-dir', '/run/other')).toEqual({
    ...done,
    stdout: `${spec}\n`,
  });
  expect(await host.run(['cat', spec])).toBe('unix:///run/other/fairlead.sock');
  expect(await docker('uninstall')).toEqual({ ...done, stdout: `${spec}\n` });
  await host.shell(`echo tcp://127.0.0.1:9 >${spec}`);
  for (const verb of ['install', 'uninstall']) {
    expect(await docker(verb)).toMatchObject({ status: 1, stderr: expect.stringContaining(spec) });
  }
});

test('installing twice writes once; uninstalling removes all of it', async () => {
  const paths = `${binDir}/fairlead-cni\n${binDir}/loopback\n${confDir}/10-fairlead.conflist\n`;
  expect(await net('install')).toEqual({ ...done, stdout: paths });
  expect(await net('install')).toEqual(done);
  expect(await net('uninstall')).toEqual({ ...done, stdout: paths });
  expect([...(await readdir(binDir)), ...(await readdir(confDir))]).toEqual([]);
  expect(await net('uninstall')).toEqual(done);
});

test('a plugin of another version is known as ours', async () => {
  await net('install');
  const other = Buffer.concat([await readFile(built), Buffer.from('another version')]);
  await writeFile(join(binDir, 'fairlead-cni'), other);
  expect(await net('install')).toEqual({ ...done, stdout: `${binDir}/fairlead-cni\n` });
  await writeFile(join(binDir, 'fairlead-cni'), other);
  expect(await net('uninstall')).toMatchObject({ status: 0, stderr: '' });
});

test('programs that are not the plugin are not taken for it', async () => {
  await net('install');
  const stranger = await readFile(new URL('../../bin/net', import.meta.url));
  await writeFile(join(binDir, 'fairlead-cni'), stranger);
  expect(await net('install')).toMatchObject({
    status: 1,
    stderr: `net: ${binDir}/fairlead-cni is there with other content; --force replaces it\n`,
  });
});

describe('what was installed', () => {
  test.each(['fairlead-cni', 'loopback'])('%s tells its versions', async (name) => {
    await net('install');
    const { status, stdout } = await plugin(name, 'VERSION', { cniVersion: '1.0.0' });
    expect(status).toBe(0);
    expect(JSON.parse(stdout).supportedVersions).toEqual(versions);
  });

  test('attaches a namespace, and loopback brings its lo up', async () => {
    const netd = await host.netd();
    await net('install');
    await host.run(['ip', 'netns', 'add', 'pod']);
    const netns = '/run/netns/pod';
    const text = await readFile(join(confDir, '10-fairlead.conflist'), 'utf8');
    const { plugins, name, cniVersion } = JSON.parse(text);
    const configuration = { ...plugins[0], name, cniVersion };

    const lo = { cniVersion: '0.3.1', name: 'cni-loopback', type: 'loopback' };
    expect(await plugin('loopback', 'ADD', lo, { netns, ifname: 'lo' })).toMatchObject({ status: 0 });
    const added = await plugin('fairlead-cni', 'ADD', configuration, { netns });
    expect(added).toMatchObject({ status: 0, stderr: '' });
    const result = JSON.parse(added.stdout);
    expect(result.interfaces[0].name).toBe('fairlead0');
    const [address] = result.ips[0].address.split('/');
    expect(await host.run(['ip', 'netns', 'exec', 'pod', 'ip', '-brief', 'address'])).toMatch(
      new RegExp(`lo .*127\\.0\\.0\\.1/8.*\\neth0.* ${address}/`),
    );
    expect(await host.net('ls')).toContain('fairlead ');

    expect(await plugin('fairlead-cni', 'DEL', { ...configuration, prevResult: result }, { netns })).toEqual(
      done,
    );
    expect(await host.run(['ip', 'netns', 'exec', 'pod', 'ip', '-brief', 'link'])).not.toContain('eth0');
    await host.run(['ip', 'netns', 'del', 'pod']);
    await netd.stop();
  });
});
