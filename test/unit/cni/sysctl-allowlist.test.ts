// Which sysctls an administrator's file lets configurations set.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { checkAllowed } from '../../../src/cni/sysctl-allowlist.ts';

async function allowlist(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'allowlist.conf');
  await writeFile(path, text);
  return path;
}

test('without a file every key is allowed', async () => {
  await checkAllowed(['net.ipv4.ip_forward'], '/nowhere/allowlist.conf');
});

test('with one only whole keys its lines describe are', async () => {
  const path = await allowlist('^net.core.somaxconn$\n\nnet.ipv4.conf.IFNAME.[a-z_]*\n');
  await checkAllowed(['net.core.somaxconn', 'net.ipv4.conf.IFNAME.rp_filter'], path);
  await expect(checkAllowed(['net.core.somaxconn', 'net.core.somaxconn2'], path)).rejects.toMatchObject({
    code: 7,
    message: `sysctl: net.core.somaxconn2 is not among those ${path} allows`,
  });
});

test('an empty file allows none', async () => {
  await expect(checkAllowed(['net.core.somaxconn'], await allowlist(''))).rejects.toMatchObject({ code: 7 });
});

test('a line that is no expression is told', async () => {
  await expect(checkAllowed(['net.x'], await allowlist('('))).rejects.toThrow(
    '( is not a regular expression',
  );
});
