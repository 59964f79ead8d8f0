import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FakeController } from '../../../support/fake-controller.ts';
import { testDirectory } from '../../../support/test-api.ts';
import { testCli } from '../../../support/test-cli.ts';

async function runJob(controller: FakeController, name: string, command = ['sleep', '60']): Promise<void> {
  await controller.run({
    name,
    networks: [],
    process: { pid: 42, command, directory: '/', environment: [] },
    autoRemove: false,
    detached: true,
    restart: 'no',
    terminal: false,
  });
}

describe('net sandbox', () => {
  test('create prints the id and hands the flags on', async () => {
    const { net, controller } = await testCli();
    const flags =
      '--hostname www --dns 1.1.1.1 --dns-search lan --dns-option ndots:2 --add-host nas:fd00::9 --label a=b';
    const { stdout } = await net('sandbox', 'create', ...flags.split(' '), 'web');
    const sandbox = controller.sandbox('web');
    expect(stdout).toBe(`${sandbox.id}\n`);
    expect(sandbox).toMatchObject({
      hostname: 'www',
      dns: { servers: ['1.1.1.1'], search: ['lan'], options: ['ndots:2'] },
      extraHosts: [{ name: 'nas', address: 'fd00::9' }],
      labels: { a: 'b' },
    });
  });

  test('ls, inspect and rm', async () => {
    const { net, controller } = await testCli();
    const { id } = await controller.createSandbox({ name: 'web' });
    await controller.createNetwork({ name: 'lab' });
    await controller.connect({ network: 'lab', target: 'web' });
    expect((await net('sandbox', 'ls')).stdout).toMatch(
      new RegExp(
        `^SANDBOX ID +NAME +STATUS +NETWORKS +ADDRESSES +CREATED\n${id.slice(0, 12)} +web +created +lab +10.209.3.2/24 +\\d+ seconds? ago\n$`,
      ),
    );
    expect((await net('sandbox', 'ls', '-q', '-f', 'network=dmz')).stdout).toBe('');
    expect((await net('sandbox', 'inspect', 'web')).stdout).toMatch(/^Endpoint: +lab eth0 10.209.3.2\/24$/m);
    expect(await net('sandbox', 'rm', 'web', 'gone')).toEqual({
      status: 1,
      stdout: 'web\n',
      stderr: 'net: no sandbox gone\n',
    });
  });
});

describe('processes', () => {
  test('ps shows those that run, and the others when asked to', async () => {
    const { net, controller } = await testCli();
    await controller.createSandbox({ name: 'idle' });
    await runJob(controller, 'job', ['sh', '-c', 'while :; do date;\nsleep 1; done >/dev/null']);
    await runJob(controller, 'old');
    await controller.kill('old', 'KILL');
    const { stdout } = await net('ps');
    expect(stdout).toContain('sh -c while :; do date; sleep…');
    expect(stdout).not.toMatch(/idle|old/);
    expect((await net('ps', '-a')).stdout).toContain('exited (137)');
    expect((await net('ps', '-q', '-f', 'status=exited')).stdout.trim()).toBe(
      controller.sandbox('old').id.slice(0, 12),
    );
  });

  test('stop and kill name what they did', async () => {
    const { net, controller } = await testCli();
    await runJob(controller, 'a');
    await runJob(controller, 'b');
    expect(await net('kill', '-s', 'SIGTERM', 'a')).toEqual({ status: 0, stdout: 'a\n', stderr: '' });
    expect(controller.sandbox('a').exitStatus).toBe(143);
    expect(await net('kill', '-s', 'FOO', 'b')).toMatchObject({
      status: 1,
      stderr: 'net: unknown signal FOO\n',
    });
    expect(await net('stop', 'a', 'b')).toEqual({
      status: 1,
      stdout: 'b\n',
      stderr: 'net: no process runs in sandbox a\n',
    });
  });

  test('logs prints what the process wrote', async () => {
    const { net, controller } = await testCli();
    controller.logPath = join(await testDirectory(), 'log');
    await writeFile(controller.logPath, 'one\ntwo\n');
    await runJob(controller, 'job');
    expect(await net('logs', 'job')).toEqual({ status: 0, stdout: 'one\ntwo\n', stderr: '' });
    await controller.kill('job', 'KILL');
    expect((await net('logs', '-f', 'job')).stdout).toBe('one\ntwo\n');
  });
});

describe('ports', () => {
  test('are published, listed and taken back', async () => {
    const { net, controller } = await testCli();
    await controller.createNetwork({ name: 'lab' });
    await controller.createSandbox({ name: 'web' });
    await controller.connect({ network: 'lab', target: 'web' });
    expect(await net('publish', '--network', 'lab', 'web', '8080:80', '[::1]:53:53/udp')).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
    expect((await net('port', 'web')).stdout).toBe('80/tcp -> 0.0.0.0:8080\n53/udp -> [::1]:53\n');
    expect((await net('port')).stdout).toContain('web 80/tcp -> 0.0.0.0:8080\n');
    expect((await net('port', '-q')).stdout).toBe('0.0.0.0:8080\n[::1]:53\n');
    expect(JSON.parse((await net('port', '--format', 'json')).stdout)).toEqual(controller.ports());
    expect(await net('unpublish', 'web', '8080', '53/udp')).toMatchObject({ status: 0 });
    expect((await net('port', 'web')).stdout).toBe('');
    expect(await net('publish', 'web', 'http')).toMatchObject({
      status: 1,
      stderr: 'net: publish http: "http" is not a port (1 to 65535)\n',
    });
  });
});
