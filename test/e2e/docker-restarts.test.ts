// netd and dockerd end and start again, in each way they can, under containers that run on a network of netd's.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerHost } from '../support/engines/docker-host.ts';
import type { Dockerd } from '../support/engines/dockerd.ts';
import { fromHost, fromSandbox, serveCommand, whoAnswers, writeHostSite } from '../support/engines/web.ts';
import type { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

let bed: DockerHost;
let docker: Dockerd;
let host: TestHost;

/** A host with containers `web`, whose port is published, and `client`, and the process `job`. */
async function start(...dockerd: readonly string[]): Promise<void> {
  bed = await DockerHost.start({ dockerd });
  ({ docker, host } = bed);
  writeHostSite(host);
  await bed.createNetwork('lab', '--ipv6');
  await bed.known('network', 'lab');
  // Nothing in them listens to TERM, which dockerd would wait for.
  const flags = ['--network', 'lab', '--restart', 'always', '--stop-signal', 'KILL'];
  await docker.serve('web', ...flags, '--publish', '8080:80');
  await docker.serve('client', ...flags);
  await host.net('run', '-d', '--name', 'job', '--network', 'lab', '--', ...serveCommand('job'));
  await expectAllReached();
}

async function finish(): Promise<void> {
  await host.net('stop', 'job');
  await host.net('sandbox', 'rm', 'job');
  await bed.expectNothingLeft();
}

const portAnswers = async () => {
  const answer = await whoAnswers(fromHost(bed.outside), `${bed.address}:8080`);
  expect(answer).toEqual({ server: 'web', asker: bed.outsideAddress });
};

/** Everybody finds everybody, and netd has nothing to say against it. */
async function expectAllReached(): Promise<void> {
  await portAnswers();
  expect(await whoAnswers(docker.from('client'), 'web')).toMatchObject({ server: 'web' });
  expect(await whoAnswers(docker.from('client'), 'job')).toMatchObject({ server: 'job' });
  expect(await whoAnswers(fromSandbox(host, 'job'), 'web')).toMatchObject({ server: 'web' });
  await bed.check();
}

/** What was there before can be changed and taken away as ever, and new things come beside it. */
async function expectAllWorks(): Promise<void> {
  await docker.serve('next', '--network', 'lab', '--publish', '8081:80');
  expect(await whoAnswers(docker.from('client'), 'next')).toMatchObject({ server: 'next' });
  await docker.run('network', 'disconnect', 'lab', 'client');
  await docker.run('network', 'connect', 'lab', 'client');
  await bed.remove('next');
  await expectAllReached();
}

describe('netd', () => {
  beforeAll(() => start());
  afterAll(() => bed[Symbol.asyncDispose]());

  test.each([
    ['is stopped', () => bed.netd.stop()],
    ['is killed', () => bed.netd.kill9()],
  ])('%s and started: traffic and ports go on meanwhile, names come back with it', async (_, end) => {
    const before = await bed.state();
    await end();
    const address = await docker.addressOf('web', 'lab');
    expect(await whoAnswers(docker.from('client'), address)).toMatchObject({ server: 'web' });
    await portAnswers();
    bed.netd = await host.netd();
    await expectAllReached();
    expect(await bed.state()).toEqual(before);
    await expectAllWorks();
  });

  test('is killed while containers come and go, and what was half done is put right', async () => {
    const coming = docker.attempt('run', '--detach', '--name', 'late', '--network', 'lab', 'busybox:test');
    await waitUntil('dockerd has made it', async () =>
      (await docker.words('ps', '--all', '--format', '{{.Names}}')).includes('late'),
    );
    await bed.netd.kill9();
    bed.netd = await host.netd();
    // dockerd asks once more, until it is answered; but a call that had begun it repeats with an empty body: pkg/plugins/client.go
    const { status, stderr } = await coming;
    if (status !== 0) {
      expect(stderr).toMatch(/NetworkDriver\.|IpamDriver\./);
      await docker.run('start', 'late');
    }
    await bed.known('container', 'late');
    await bed.remove('late');
    await expectAllReached();
  });

  test('leaves nothing when all is removed', finish);
});

describe.each([
  ['with live-restore', ['--live-restore']],
  ['without live-restore', []],
])('dockerd %s', (_, flags) => {
  beforeAll(() => start(...flags));
  afterAll(() => bed[Symbol.asyncDispose]());

  const ends: readonly [string, () => Promise<void>][] = [
    ['is stopped', () => docker.stop()],
    ['is killed', () => docker.kill9()],
  ];

  test.each(ends)('%s and started: its containers are there again', async (_, end) => {
    const began = () => docker.inspect<string>('.State.StartedAt', 'web');
    const before = await began();
    await end();
    if (flags.length > 0) {
      await portAnswers();
      expect(await whoAnswers(fromSandbox(host, 'job'), 'web')).toMatchObject({ server: 'web' });
    }
    await docker.start();
    await waitUntil('both run', async () => (await docker.words('ps', '--quiet')).length === 2);
    expect((await began()) === before).toBe(flags.length > 0);
    await expectAllReached();
    await expectAllWorks();
  });

  test('leaves nothing when all is removed', finish);
});
