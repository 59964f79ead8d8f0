// Network namespaces: made, pinned, opened and told apart.
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createPinnedNamespace,
  openHostNamespace,
  openNamespace,
  sameNamespace,
  unpinNamespace,
  withNamespace,
} from '../../../src/kernel/netns.ts';
import { runProgram } from '../../../src/kernel/program.ts';
import { readSysctl } from '../../../src/kernel/sysctl.ts';
import { makePinDirectory, removePinDirectory } from './pin-directory.ts';
import { getLink, linkIsUp } from './wire.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = makePinDirectory();
  path = join(directory, 'a');
});

afterEach(() => removePinDirectory(directory));

function mountsBelow(prefix: string): string[] {
  const targets = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  return targets.filter((target) => target.startsWith(prefix));
}

describe('making', () => {
  test('a new namespace is pinned at its path, with loopback up', async () => {
    const identity = await createPinnedNamespace(path, { disableIpv6: false });
    await withNamespace({ path }, async (namespace) => {
      expect(sameNamespace(namespace, identity)).toBe(true);
      const [replies] = await runProgram([getLink('lo', 'namespace')], namespace);
      expect(linkIsUp(replies?.messages[0])).toBe(true);
    });
    expect(statSync(path).ino).toBe(identity.inode);
  });

  test.each([
    [true, '1'],
    [false, '0'],
  ])('IPv6 disabled: %s makes the default %s', async (disableIpv6, value) => {
    await createPinnedNamespace(path, { disableIpv6 });
    await withNamespace({ path }, async (namespace) => {
      expect(await readSysctl('net/ipv6/conf/default/disable_ipv6', namespace)).toBe(value);
    });
  });

  test('the directory is made if need be', async () => {
    await createPinnedNamespace(join(directory, 'deeper/still/a'), { disableIpv6: true });
    expect(existsSync(join(directory, 'deeper/still/a'))).toBe(true);
    await unpinNamespace(join(directory, 'deeper/still/a'));
    removePinDirectory(join(directory, 'deeper/still'));
  });

  test('a path that is taken is EEXIST and keeps what it has', async () => {
    writeFileSync(path, 'mine');
    await expect(createPinnedNamespace(path, { disableIpv6: true })).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  test('a directory that cannot be made is an error', async () => {
    writeFileSync(path, 'mine');
    await expect(createPinnedNamespace(join(path, 'b/c'), { disableIpv6: true })).rejects.toMatchObject({
      code: 'ENOTDIR',
    });
  });

  test('many at once share one mount of the directory', async () => {
    const paths = Array.from({ length: 20 }, (_, i) => join(directory, `n${i}`));
    const identities = await Promise.all(
      paths.map((each) => createPinnedNamespace(each, { disableIpv6: true })),
    );
    expect(new Set(identities.map(({ inode }) => inode)).size).toBe(20);
    expect(mountsBelow(directory).sort()).toEqual([directory, ...paths].sort());
  });

  test('the process itself stays in its own namespace', async () => {
    const before = openHostNamespace();
    await createPinnedNamespace(path, { disableIpv6: true });
    const after = openHostNamespace();
    expect(sameNamespace(before, after)).toBe(true);
    before.close();
    after.close();
  });
});

describe('unpinning', () => {
  test('the pin and its file go away, and again is fine', async () => {
    await createPinnedNamespace(path, { disableIpv6: true });
    await unpinNamespace(path);
    expect(existsSync(path)).toBe(false);
    expect(mountsBelow(path)).toEqual([]);
    await unpinNamespace(path);
  });

  test('a file without a mount is removed', async () => {
    writeFileSync(path, '');
    await unpinNamespace(path);
    expect(existsSync(path)).toBe(false);
  });

  test('the namespace lives on while it is open', async () => {
    const identity = await createPinnedNamespace(path, { disableIpv6: true });
    await withNamespace({ path }, async (namespace) => {
      await unpinNamespace(path);
      expect(sameNamespace(namespace, identity)).toBe(true);
      expect(await runProgram([getLink('lo', 'namespace')], namespace)).toHaveLength(1);
    });
  });

  test('another mount namespace does not keep the pin', async () => {
    await createPinnedNamespace(path, { disableIpv6: true });
    const child = spawn('unshare', [
      '--mount',
      '--propagation',
      'unchanged',
      'sh',
      '-c',
      'echo ready; read line; cat /proc/self/mountinfo',
    ]);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await unpinNamespace(path);
    child.stdin.end('\n');
    await new Promise((resolve) => child.once('close', resolve));
    expect(output).toContain(directory);
    expect(output).not.toContain(path);
  });
});

describe('opening', () => {
  test("a process's namespace is that of the path it was started in", async () => {
    await createPinnedNamespace(path, { disableIpv6: true });
    const child = spawn('nsenter', [`--net=${path}`, 'sh', '-c', 'echo ready; read line']);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const byPath = openNamespace({ path });
    const byPid = openNamespace({ pid: child.pid ?? 0 });
    expect(sameNamespace(byPath, byPid)).toBe(true);
    child.stdin.end();
    byPath.close();
    byPid.close();
  });

  test('two namespaces and the host are three', async () => {
    const other = join(directory, 'b');
    const a = await createPinnedNamespace(path, { disableIpv6: true });
    const b = await createPinnedNamespace(other, { disableIpv6: true });
    const host = openHostNamespace();
    expect(sameNamespace(a, b)).toBe(false);
    expect(sameNamespace(a, host)).toBe(false);
    host.close();
  });

  test('what is no network namespace is refused', async () => {
    writeFileSync(path, '');
    await promisify(execFile)('mkfifo', [join(directory, 'fifo')]);
    const cases: readonly [{ path: string } | { pid: number }, string][] = [
      [{ path: join(directory, 'nosuch') }, 'ENOENT'],
      [{ path }, 'EINVAL'],
      [{ path: join(directory, 'fifo') }, 'EINVAL'],
      [{ path: directory }, 'EINVAL'],
      [{ path: '/proc/self/ns/mnt' }, 'EINVAL'],
      [{ pid: 0 }, 'ENOENT'],
    ];
    for (const [target, code] of cases) {
      expect(() => openNamespace(target)).toThrow(expect.objectContaining({ code }));
    }
  });

  test('closing twice is fine, using it afterwards is an error', async () => {
    const namespace = openHostNamespace();
    namespace.close();
    namespace.close();
    expect(() => namespace.fd).toThrow('is closed');
  });

  test('work that fails closes the namespace', async () => {
    let kept: { readonly fd: number } | undefined;
    const work = withNamespace({ pid: process.pid }, async (namespace) => {
      kept = namespace;
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(() => kept?.fd).toThrow('is closed');
  });
});
