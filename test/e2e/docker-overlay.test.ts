// One network over two hosts whose containers are dockerd's, beside a process and a pod.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { askApi } from '../support/api-client.ts';
import { ClusterBed } from '../support/cluster-bed.ts';
import { linksOf, networkIdOf, recordsOf } from '../support/cluster-bed-tables.ts';
import { ControlGroups } from '../support/engines/control-groups.ts';
import { Dockerd } from '../support/engines/dockerd.ts';
import { startEmptyNameServer } from '../support/engines/empty-name-server.ts';
import { fromSandbox, serveCommand, whoAnswers, writeHostSite } from '../support/engines/web.ts';
import type { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const subnet = '10.5.0.0/24';
const ours = ['--driver', 'fairlead', '--ipam-driver', 'fairlead', '--subnet', subnet];

interface DockerMember {
  readonly host: TestHost;
  readonly groups: ControlGroups;
  readonly docker: Dockerd;
}

let bed: ClusterBed;
let h1: DockerMember;
let h2: DockerMember;

beforeAll(async () => {
  bed = await ClusterBed.start({ hosts: 2 });
  await startEmptyNameServer(bed.host('outside'));
  [h1, h2] = await Promise.all([member('h1'), member('h2')]);
}, 120_000);

afterAll(async () => {
  await bed[Symbol.asyncDispose]();
  for (const { groups } of [h1, h2]) await groups[Symbol.asyncDispose]();
});

async function member(name: string): Promise<DockerMember> {
  const host = bed.host(name);
  const groups = await ControlGroups.start(host);
  const docker = await Dockerd.start(host, groups, ['--dns', bed.underlay.address('outside')]);
  await bed.netd(name);
  writeHostSite(host);
  return { host, groups, docker };
}

async function knows({ host }: DockerMember, what: 'networks' | 'sandboxes', name: string): Promise<void> {
  await waitUntil(`${name} is known`, async () => {
    const { body } = await askApi(host, 'GET', `/${what}`);
    return (body as { name: string }[]).some((one) => one.name === name);
  });
}

describe('a network of both', () => {
  beforeAll(async () => {
    await h1.docker.run('network', 'create', ...ours, '-o', 'driver=overlay', '-o', 'network=lab', 'x');
    await knows(h2, 'networks', 'lab');
    const joins = ['--ipam-opt', 'network=lab', '-o', 'network=lab'];
    await h2.docker.run('network', 'create', ...ours, ...joins, 'y');
    await h1.docker.serve('one', '--network', 'x', '--network-alias', 'uno');
    await h2.docker.serve('two', '--network', 'y');
    await h2.host.net('run', '-d', '--name', 'job', '--network', 'lab', '--', ...serveCommand('job'));
    await Promise.all([knows(h1, 'sandboxes', 'one'), knows(h2, 'sandboxes', 'two')]);
  });
  afterEach(async () => {
    for (const { host } of [h1, h2])
      expect((await askApi(host, 'GET', '/check')).body.differences).toEqual([]);
  });

  test.each([
    ['one', 'two'],
    ['one', 'job'],
    ['two', 'one'],
    ['two', 'uno'],
  ])('container %s reaches %s by its name', async (from, to) => {
    const { docker } = from === 'one' ? h1 : h2;
    const server = to === 'uno' ? 'one' : to;
    expect(await whoAnswers(docker.from(from), to)).toMatchObject({ server });
  });

  test('a process reaches a container of the other host', async () => {
    expect(await whoAnswers(fromSandbox(h2.host, 'job'), 'one')).toMatchObject({ server: 'one' });
  });

  test('containers have addresses of blocks of their hosts, no two the same', async () => {
    const records = await recordsOf(bed, await networkIdOf(h1.host, 'lab'));
    const addresses = records.flatMap((record) => record.addresses);
    expect(new Set(addresses).size).toBe(3);
    expect(addresses).toContain(`${await h1.docker.addressOf('one', 'x')}/24`);
    expect(addresses).toContain(`${await h2.docker.addressOf('two', 'y')}/24`);
  });

  test('a published port is reached at the host its container is on', async () => {
    await h2.docker.serve('shop', '--network', 'y', '-p', '8080:80');
    const from = fromSandbox(h2.host, 'job');
    expect(await whoAnswers(from, 'shop')).toMatchObject({ server: 'shop' });
    const outside = bed.host('outside');
    const ask = () =>
      outside.attempt(['curl', '-s', '--max-time', '2', `${bed.address('h2')}:8080/cgi-bin/who`]);
    expect(await whoAnswers(ask, 'port 8080')).toMatchObject({ server: 'shop' });
    await h2.docker.run('rm', '--force', 'shop');
  });

  test('docker does not delete it while the other host is on it, and lets go of it', async () => {
    await h1.docker.run('rm', '--force', 'one');
    await h1.docker.attempt('network', 'rm', 'x');
    await knows(h1, 'networks', 'lab');
    expect(await whoAnswers(h2.docker.from('two'), 'job')).toMatchObject({ server: 'job' });
  });

  test('the last container and the last process leave nothing', async () => {
    const { bridge, tunnel } = linksOf(await networkIdOf(h1.host, 'lab'));
    await h2.docker.run('rm', '--force', 'two');
    await h2.host.net('sandbox', 'rm', '--force', 'job');
    await h2.docker.run('network', 'rm', 'y');
    await h2.host.net('rm', 'lab');
    await waitUntil('nothing is recorded', async () => (await bed.keys('net/')).length === 0);
    for (const { host } of [h1, h2]) {
      const links = await host.run(['ip', '-brief', 'link', 'show']);
      expect(links).not.toContain(bridge);
      expect(links).not.toContain(tunnel);
    }
  });
});

describe('refused', () => {
  test.each([
    ['Docker’s own IPAM', ['--driver', 'fairlead', '-o', 'driver=overlay'], /takes --ipam-driver fairlead/],
    ['encryption', [...ours, '-o', 'driver=overlay', '-o', 'encrypted=true'], /encrypted/],
  ])('%s', async (_, flags, message) => {
    const { status, stderr } = await h1.docker.attempt('network', 'create', ...flags, 'z');
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(await bed.keys('network/')).toEqual([]);
  });
});
