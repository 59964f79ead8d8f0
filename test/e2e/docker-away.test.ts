// What Docker does while nobody answers for its network plugin, and what becomes of that when netd is back.
import { createServer } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DockerHost } from '../support/engines/docker-host.ts';
import type { Dockerd } from '../support/engines/dockerd.ts';
import { fromHost, whoAnswers } from '../support/engines/web.ts';
import type { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

let bed: DockerHost;
let docker: Dockerd;
let host: TestHost;

beforeAll(async () => {
  bed = await DockerHost.start();
  ({ docker, host } = bed);
  await bed.createNetwork('lab');
  await docker.serve('client', '--network', 'lab');
});

afterAll(() => bed[Symbol.asyncDispose]());
afterEach(async () => {
  if (bed.netd.process.hasEnded) bed.netd = await host.netd();
});

/** Lets dockerd do what it does with a plugin that answers, but never tells netd of it: as it forgets one that is dead. */
async function withDeafPlugin(work: () => Promise<void>): Promise<void> {
  const plugin = createServer((_, response) => response.end('{}'));
  const socket = `/proc/${host.pid}/root/run/docker/plugins/fairlead.sock`;
  await host.run(['rm', '--force', '/run/docker/plugins/fairlead.sock']);
  await new Promise<void>((resolve) => plugin.listen(socket, resolve));
  try {
    await work();
  } finally {
    plugin.closeAllConnections();
    await new Promise((resolve) => plugin.close(resolve));
  }
}

describe('while netd is away', () => {
  test('a container that is started waits for it', async () => {
    await bed.netd.stop();
    const coming = docker.serve('late', '--network', 'lab');
    await waitUntil('dockerd has tried', () => docker.log.includes('fairlead.sock'));
    bed.netd = await host.netd();
    await coming;
    expect(await whoAnswers(docker.from('client'), 'late')).toMatchObject({ server: 'late' });
    await bed.check();
    await bed.remove('late');
  });

  test('a container is refused in the end, saying why, and can be started when it is back', async () => {
    await bed.netd.stop();
    const run = ['run', '--detach', '--name', 'late', '--network', 'lab', 'busybox:test'];
    const { status, stderr } = await docker.attempt(...run);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/fairlead\.sock.*no such file/);
    bed.netd = await host.netd();
    await docker.run('start', 'late');
    await bed.known('container', 'late');
    await bed.check();
    await bed.remove('late');
  });
});

describe('what Docker forgot while netd was away', () => {
  test('is given back: containers with their ports and addresses, networks with their subnets', async () => {
    await bed.createNetwork('gone', '--subnet', '10.94.0.0/24');
    await docker.serve('web', '--network', 'lab', '--publish', '8080:80');
    await docker.serve('other', '--network', 'gone');
    await bed.known('container', 'web');
    await bed.netd.kill9();
    await withDeafPlugin(async () => {
      await bed.remove('web', 'other');
      await docker.run('network', 'rm', 'gone');
    });
    bed.netd = await host.netd();
    await bed.check();
    const left = async () => ({ ports: await host.net('port'), networks: await host.net('ls') });
    await waitUntil(
      'what Docker forgot is gone',
      async () => {
        const { ports, networks } = await left();
        return !ports.includes('8080') && !networks.includes('10.94.0.0/24');
      },
      { timeoutMs: 120_000, intervalMs: 1000 },
    );
    await bed.createNetwork('gone', '--subnet', '10.94.0.0/24');
    await docker.serve('web', '--network', 'lab', '--publish', '8080:80');
    expect(await whoAnswers(fromHost(bed.outside), `${bed.address}:8080`)).toMatchObject({ server: 'web' });
    expect(await whoAnswers(docker.from('client'), 'web')).toMatchObject({ server: 'web' });
  }, 150_000);

  test('is not what Docker still has', async () => {
    expect(await whoAnswers(docker.from('web'), 'client')).toMatchObject({ server: 'client' });
    await bed.check();
  });
});

test('nothing is left when all is removed', () => bed.expectNothingLeft());
