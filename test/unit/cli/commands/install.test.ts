import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../../../src/base/command-line.ts';
import { NetError } from '../../../../src/base/errors.ts';
import { install, uninstall } from '../../../../src/cli/commands/install.ts';
import { Client } from '../../../../src/client/client.ts';
import { runNet } from '../../../support/test-cli.ts';

const plugin = "\x7fELF version 2: Fairlead's CNI plugin";
const olderPlugin = "\x7fELF version 1: Fairlead's CNI plugin";
const done = { status: 0, stdout: '', stderr: '' };

let root: string;
let confDir: string;
let binDir: string;
let built: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'fairlead-install-'));
  confDir = join(root, 'etc/cni/net.d');
  binDir = join(root, 'opt/cni/bin');
  built = join(root, 'built');
  await writeFile(built, plugin);
});

afterEach(() => rm(root, { recursive: true }));

const verbs = { install, uninstall };

/** `net install …` or `net uninstall …` into the test's directories, with the test's plugin. */
async function net(verb: keyof typeof verbs, args: string, socket = '/run/fairlead/api.sock') {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const words = `${args} --conf-dir ${confDir} --bin-dir ${binDir}`.trim().split(' ');
  const context = {
    client: new Client(socket),
    socket,
    version: '1.2.3',
    write: async (data: string | Uint8Array) => void stdout.push(String(data)),
    warn: (message: string) => void stderr.push(message),
    confirm: undefined,
  };
  const status = await verbs[verb](built).run(words, context);
  return { status, stdout: stdout.join(''), stderr: stderr.join('\n') };
}

/** The files below the two directories with what is in them. */
async function files(): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => !entry.isDirectory() && entry.name !== 'built');
  const contents = found.map(async ({ name, parentPath }) => {
    const text = await readFile(join(parentPath, name), 'utf8').catch((error) => error.code);
    return [join(parentPath, name).slice(root.length + 1), text] as const;
  });
  return Object.fromEntries(await Promise.all(contents));
}

async function put(directory: string, name: string, content: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, name), content);
}

const conflist = () => join(confDir, '10-fairlead.conflist');

describe('net install --cni', () => {
  test('puts plugin, loopback and network configuration in place and prints their paths', async () => {
    expect(await net('install', '--cni')).toEqual({
      ...done,
      stdout: `${binDir}/fairlead-cni\n${binDir}/loopback\n${confDir}/10-fairlead.conflist\n`,
    });
    const names = ['opt/cni/bin/fairlead-cni', 'opt/cni/bin/loopback', 'etc/cni/net.d/10-fairlead.conflist'];
    expect(Object.keys(await files()).sort()).toEqual(names.sort());
    for (const name of ['fairlead-cni', 'loopback']) {
      expect(await readFile(join(binDir, name), 'utf8')).toBe(plugin);
      expect((await stat(join(binDir, name))).mode & 0o7777).toBe(0o755);
    }
    expect((await stat(conflist())).mode & 0o7777).toBe(0o644);
    expect(JSON.parse(await readFile(conflist(), 'utf8'))).toEqual({
      cniVersion: '1.0.0',
      cniVersions: ['0.4.0', '1.0.0', '1.1.0'],
      name: 'fairlead',
      plugins: [
        {
          type: 'fairlead-cni',
          bridge: 'fairlead0',
          isGateway: true,
          isDefaultGateway: true,
          ipMasq: true,
          hairpinMode: true,
          ipam: { type: 'fairlead' },
          capabilities: {
            portMappings: true,
            bandwidth: true,
            ips: true,
            mac: true,
            ipRanges: true,
            dns: true,
            aliases: true,
          },
        },
      ],
    });
  });

  test('files are readable under any umask', async () => {
    const before = process.umask(0o077);
    try {
      await net('install', '--cni');
    } finally {
      process.umask(before);
    }
    expect((await stat(join(binDir, 'fairlead-cni'))).mode & 0o7777).toBe(0o755);
    expect((await stat(conflist())).mode & 0o7777).toBe(0o644);
  });

  test('names the socket of another daemon', async () => {
    await net('install', '--cni', '/run/other/api.sock');
    const { plugins } = JSON.parse(await readFile(conflist(), 'utf8'));
    expect(plugins[0].socket).toBe('/run/other/api.sock');
  });

  test('has nothing to do the second time', async () => {
    await net('install', '--cni');
    const before = await stat(conflist());
    expect(await net('install', '--cni')).toEqual(done);
    expect((await stat(conflist())).ino).toBe(before.ino);
  });

  test('makes an installed plugin executable again', async () => {
    await net('install', '--cni');
    await chmod(join(binDir, 'fairlead-cni'), 0o644);
    expect(await net('install', '--cni')).toEqual({ ...done, stdout: `${binDir}/fairlead-cni\n` });
    expect((await stat(join(binDir, 'fairlead-cni'))).mode & 0o111).toBe(0o111);
  });

  test('replaces a plugin of another version', async () => {
    await put(binDir, 'fairlead-cni', olderPlugin);
    await put(binDir, 'loopback', olderPlugin);
    const { stdout } = await net('install', '--cni');
    expect(stdout).toContain(`${binDir}/fairlead-cni\n${binDir}/loopback\n`);
    expect(await readFile(join(binDir, 'fairlead-cni'), 'utf8')).toBe(plugin);
    expect(await readFile(join(binDir, 'loopback'), 'utf8')).toBe(plugin);
  });

  test.each(['', ' --force'])("leaves somebody else's loopback alone%s", async (force) => {
    await put(binDir, 'loopback', '\x7fELF of somebody else');
    expect(await net('install', `--cni${force}`)).toEqual({
      ...done,
      stdout: `${binDir}/fairlead-cni\n${conflist()}\n`,
    });
    expect(await readFile(join(binDir, 'loopback'), 'utf8')).toBe('\x7fELF of somebody else');
  });

  const strangers: readonly [string, () => readonly [string, string, string]][] = [
    ['plugin', () => [binDir, 'fairlead-cni', '\x7fELF of somebody else']],
    ['script that mentions us', () => [binDir, 'fairlead-cni', "#!/bin/sh\n# starts Fairlead's CNI plugin"]],
    ['configuration', () => [confDir, '10-fairlead.conflist', '{"plugins":[]}\n']],
  ];

  test.each(strangers)("somebody else's %s stays, and nothing is written", async (_, stranger) => {
    const [directory, name, content] = stranger();
    await put(directory, name, content);
    const before = await files();
    await expect(net('install', '--cni')).rejects.toThrow(
      new NetError('conflict', `${directory}/${name} is there with other content; --force replaces it`),
    );
    expect(await files()).toEqual(before);
  });

  test.each(strangers)("somebody else's %s is replaced with --force", async (_, stranger) => {
    const [directory, name, content] = stranger();
    await put(directory, name, content);
    expect((await net('install', '--cni --force')).stdout).toContain(`${directory}/${name}\n`);
    expect(Object.values(await files())).not.toContain(content);
  });

  test('a link is not followed: what it leads to stays as it is', async () => {
    await put(root, 'elsewhere', olderPlugin);
    await mkdir(binDir, { recursive: true });
    await symlink(join(root, 'elsewhere'), join(binDir, 'fairlead-cni'));
    await expect(net('install', '--cni')).rejects.toThrow('fairlead-cni is there with other content');
    await net('install', '--cni --force');
    expect(await readFile(join(root, 'elsewhere'), 'utf8')).toBe(olderPlugin);
    expect(await readFile(join(binDir, 'fairlead-cni'), 'utf8')).toBe(plugin);
  });

  test('a directory in the way is refused, forced or not', async () => {
    await mkdir(conflist(), { recursive: true });
    for (const flags of ['--cni', '--cni --force']) {
      await expect(net('install', flags)).rejects.toThrow(`${conflist()} is a directory`);
    }
    expect(await files()).toEqual({});
  });

  test('nothing is written where one directory cannot be made', async () => {
    await put(root, 'etc', 'a file');
    await expect(net('install', '--cni')).rejects.toThrow(/cannot read .*10-fairlead\.conflist: ENOTDIR/);
    expect(await files()).toEqual({ etc: 'a file' });
  });

  test('nothing is left where one directory cannot be written', async () => {
    await mkdir(join(root, 'etc/cni'), { recursive: true });
    await symlink('/proc', confDir);
    await expect(net('install', '--cni')).rejects.toThrow(/cannot write .*10-fairlead\.conflist: /);
    expect(Object.keys(await files())).toEqual(['etc/cni/net.d']);
  });

  test('a plugin that is not built is missed, and nothing is written', async () => {
    await rm(built);
    await expect(net('install', '--cni')).rejects.toThrow(
      `the plugin is not built (npm run build makes it): ENOENT: no such file or directory, open '${built}'`,
    );
    expect(await files()).toEqual({});
  });

  test.each(['00-other.conflist', '10-a.conf', '05.json'])(
    'warns of %s, which sorts before ours',
    async (name) => {
      await put(confDir, name, '{}');
      await put(confDir, '10-b.conf', '{}');
      expect((await net('install', '--cni')).stderr).toBe(
        `${confDir}/${name} sorts before ours: containerd and CRI-O use that network in its place`,
      );
    },
  );

  test.each(['00-readme.txt', '87-podman.conflist', '100-crio.conflist', '10-fairlead.conflist.bak'])(
    '%s is nothing to warn of',
    async (name) => {
      await put(confDir, name, '{}');
      await mkdir(join(confDir, '00-directory.conf'));
      expect((await net('install', '--cni')).stderr).toBe('');
    },
  );
});

describe('net uninstall --cni', () => {
  test('removes what was installed and leaves the directories', async () => {
    const { stdout } = await net('install', '--cni');
    await put(confDir, '87-podman.conflist', '{}');
    expect(await net('uninstall', '--cni')).toEqual({ ...done, stdout });
    expect(await files()).toEqual({ 'etc/cni/net.d/87-podman.conflist': '{}' });
    expect(await readdir(binDir)).toEqual([]);
  });

  test('has nothing to do where nothing is', async () => {
    expect(await net('uninstall', '--cni')).toEqual(done);
  });

  test('needs neither the plugin that was installed nor the socket it was installed for', async () => {
    await net('install', '--cni', '/run/other/api.sock');
    await rm(built);
    await net('uninstall', '--cni');
    expect(await files()).toEqual({});
  });

  test("leaves somebody else's loopback alone, also with --force", async () => {
    await put(binDir, 'loopback', '\x7fELF of somebody else');
    await net('install', '--cni');
    await net('uninstall', '--cni --force');
    expect(await files()).toEqual({ 'opt/cni/bin/loopback': '\x7fELF of somebody else' });
  });

  test.each([
    ['configuration', () => conflist()],
    ['plugin', () => join(binDir, 'fairlead-cni')],
  ])('a changed %s stays, and everything else with it, unless forced', async (_, path) => {
    await net('install', '--cni');
    await writeFile(path(), '{"plugins":[]}');
    const before = await files();
    await expect(net('uninstall', '--cni')).rejects.toThrow(
      new NetError('conflict', `${path()} is not as it was installed; --force removes it`),
    );
    expect(await files()).toEqual(before);
    await net('uninstall', '--cni --force');
    expect(await files()).toEqual({});
  });
});

describe.each(['install', 'uninstall'] as const)('net %s', (verb) => {
  test('without a choice is wrong usage', async () => {
    await expect(net(verb, '')).rejects.toThrow(new UsageError('say what: --cni, --docker'));
    expect(await runNet([verb])).toEqual({
      status: 2,
      stdout: '',
      stderr: `net: say what: --cni, --docker\nsee 'net ${verb} --help'\n`,
    });
  });

  test('--systemd is refused by name, and nothing is changed', async () => {
    await expect(net(verb, '--cni --systemd')).rejects.toThrow(
      new NetError('not_implemented', '--systemd is not available in this version'),
    );
    expect(await files()).toEqual({});
    expect(await runNet([verb, '--systemd'])).toMatchObject({ status: 1 });
  });

  test.each(['--conf-dir', '--bin-dir', '--docker-plugin-dir'])('%s needs a value', async (flag) => {
    const { status, stderr } = await runNet([verb, '--cni', `${flag}=`]);
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining(flag) });
  });
});
