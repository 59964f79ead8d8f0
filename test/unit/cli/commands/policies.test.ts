import { expect, test } from 'vitest';
import { testCli } from '../../../support/test-cli.ts';

async function populated() {
  const cli = await testCli();
  await cli.controller.createNetwork({ name: 'lab' });
  await cli.controller.createSandbox({ name: 'web' });
  return cli;
}

test('net policy add prints the id, ls a table, inspect what it is in force for, rm takes it back', async () => {
  const { net, controller } = await populated();
  const { stdout } = await net('policy', 'add', 'lab', 'web:80');
  const id = stdout.trim();
  expect(controller.allowance(id).ports).toEqual({ protocol: 'tcp', first: 80, last: 80 });
  const short = id.slice(0, 12);
  expect((await net('policy', 'ls')).stdout).toMatch(
    `POLICY ID      FROM          TO            PORTS    CREATED\n${short}   network lab   sandbox web   80/tcp   0 seconds ago`,
  );
  expect((await net('policy', 'ls', '-q')).stdout).toBe(`${short}\n`);
  expect(JSON.parse((await net('policy', 'ls', '--format', 'json')).stdout)).toEqual([
    controller.allowance(id),
  ]);
  expect((await net('policy', 'ls', '-f', 'to=lab', '-q')).stdout).toBe('');
  const text = (await net('policy', 'inspect', short)).stdout;
  expect(text).toContain('From:    network lab (10.209.3.0/24)\n');
  expect(text).toContain('To:      sandbox web (no addresses now)\nPorts:   80/tcp\n');
  expect((await net('policy', 'rm', short)).stdout).toBe(`${short}\n`);
  expect(controller.allowances()).toEqual([]);
});

test('one that allows everything says so', async () => {
  const { net } = await populated();
  await net('policy', 'add', 'web', 'lab');
  expect((await net('policy', 'ls')).stdout).toMatch(/sandbox web {3}network lab {3}all /);
});

test.each([
  [['add', 'lab'], 2, "net: TO[:PORT[-END][/PROTOCOL]] is missing\nsee 'net policy add --help'\n"],
  [['add', 'lab', 'nobody'], 1, 'net: no network nobody\n'],
  [['add', 'lab', 'web:0'], 1, 'net: policy to web:0: "0" is not a port (1 to 65535)\n'],
  [['rm', 'none'], 1, 'net: no policy none\n'],
  [
    ['change'],
    2,
    'net: unknown verb policy change; the verbs are policy add, policy ls, policy inspect, policy rm, help\n',
  ],
])('net policy %j is refused', async (args, status, stderr) => {
  const { net } = await populated();
  expect(await net('policy', ...args)).toEqual({ status, stdout: '', stderr });
});
