import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Client } from '../../../../src/client/client.ts';
import type { FakeController } from '../../../support/fake-controller.ts';
import { listeningApi, testApi, testDirectory } from '../../../support/test-api.ts';

const detached = {
  networks: [],
  process: { pid: 42, command: ['sleep', '1'], directory: '/', environment: [] },
  autoRemove: false,
  detached: true,
  restart: 'no',
  terminal: false,
};

async function runWithLog(controller: FakeController, name: string): Promise<string> {
  controller.logPath = join(await testDirectory(), 'log');
  await controller.run({ name, ...detached });
  return controller.logPath;
}

describe('sandboxes', () => {
  test('a sandbox is created, listed, inspected and deleted', async () => {
    const { call } = testApi();
    const body = {
      name: 'web',
      hostname: 'www',
      dns: { servers: ['1.1.1.1'], search: ['lan'], options: ['ndots:2'] },
      extraHosts: [{ name: 'nas', address: 'fd00:0::9' }],
      labels: { tier: 'test' },
    };
    expect(await call('POST', '/sandboxes', body)).toMatchObject({
      status: 201,
      body: { ...body, extraHosts: [{ name: 'nas', address: 'fd00::9' }], status: 'created' },
    });
    expect((await call('GET', '/sandboxes?filter=name=web&filter=status=created')).body).toHaveLength(1);
    expect((await call('DELETE', '/sandboxes/web')).status).toBe(204);
    expect((await call('GET', '/sandboxes/web')).status).toBe(404);
  });

  test('a name server that is none is refused', async () => {
    const { call } = testApi();
    expect(await call('POST', '/sandboxes', { dns: { servers: ['one'] } })).toMatchObject({
      status: 400,
      body: { message: 'name server: one is not an IP address' },
    });
  });

  test('a supervisor makes itself known, and its process is signalled and stopped', async () => {
    const { call, controller } = testApi();
    await controller.run({ name: 'job', ...detached });
    await controller.run({ name: 'job2', ...detached });
    expect((await call('POST', '/sandboxes/job/process', { pid: 99 })).status).toBe(204);
    expect(controller.sandbox('job').process?.pid).toBe(99);
    expect(await call('POST', '/sandboxes/job/process', { pid: 0 })).toMatchObject({
      status: 400,
      body: { message: 'pid: 0 must be >= 1' },
    });
    expect((await call('POST', '/sandboxes/job/kill', { signal: 'TERM' })).status).toBe(204);
    expect(controller.sandbox('job').exitStatus).toBe(143);
    expect(await call('POST', '/sandboxes/job/kill', {})).toMatchObject({ status: 409 });
    expect((await call('POST', '/sandboxes/job2/stop', { graceMs: 5 })).status).toBe(204);
    expect(controller.sandbox('job2').status).toBe('exited');
  });

  test('the log of a detached process is answered as it is', async () => {
    const { call, controller } = testApi();
    await writeFile(await runWithLog(controller, 'job'), 'one\ntwo\n');
    expect(await call('GET', '/sandboxes/job/logs')).toEqual({ status: 200, body: 'one\ntwo\n' });
  });

  test('a sandbox without a log says why', async () => {
    const { call, controller } = testApi();
    await controller.createSandbox({ name: 'web' });
    expect(await call('GET', '/sandboxes/web/logs')).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('sandbox web has no log') },
    });
    await runWithLog(controller, 'job');
    expect(await call('GET', '/sandboxes/job/logs')).toMatchObject({ status: 404 });
  });

  test('a followed log goes on until the process ends', async () => {
    const { controller, socket } = await listeningApi();
    const path = await runWithLog(controller, 'job');
    await writeFile(path, 'one\n');
    const chunks = new Client(socket).logs('job', { follow: true });
    expect(String((await chunks.next()).value)).toBe('one\n');
    await appendFile(path, 'two\n');
    expect(String((await chunks.next()).value)).toBe('two\n');
    await appendFile(path, 'three\n');
    await controller.kill('job', 'KILL');
    expect(String((await chunks.next()).value)).toBe('three\n');
    expect((await chunks.next()).done).toBe(true);
  });
});
