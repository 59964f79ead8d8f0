// What the stock docker command line is refused on networks of Fairlead: with a clear word, and nothing changed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerClient, dockerClients } from '../support/engines/docker-client.ts';
import { TestHost } from '../support/test-host.ts';

describe.each(dockerClients())('%s is refused', (path) => {
  let host: TestHost;
  let docker: DockerClient;

  beforeAll(async () => {
    host = await TestHost.start();
    await host.netd();
    docker = new DockerClient(host, path);
    await host.net('sandbox', 'create', 'box');
    await host.net('run', '-d', '--name', 'job', '--network', 'bridge', '--', 'sleep', '1003');
    await docker.run('network', 'create', '--subnet', '10.93.0.0/24', 'lab');
    await docker.run('network', 'connect', 'lab', 'job');
  });

  afterAll(() => host[Symbol.asyncDispose]());

  const records = async () => [await host.netJson('ls'), await host.netJson('sandbox', 'ls')];

  const refusals: readonly [string, RegExp][] = [
    ['network create lab', /lab exists already/],
    ['network create -d nosuch new', /nosuch/],
    ['network create --subnet 10.93.0.0/25 new', /10\.93\.0\.0\/25.*lab/],
    ['network create --subnet 10.94.2.3/24 new', /10\.94\.2\.3\/24/],
    ['network create --subnet nonsense new', /nonsense/],
    ['network create -o colour=red new', /colour/],
    ['network create --ipam-driver nosuch new', /nosuch/],
    ['network create --attachable new', /attachable/i],
    ['network create --ingress new', /ingress/i],
    ['network create --scope swarm new', /swarm/],
    ['network create --config-only new', /config-?only/i],
    ['network create --config-from lab new', /config-?from/i],
    ['network create bad/name', /bad\/name/],
    ['network rm bridge', /bridge/],
    ['network rm nosuch', /nosuch/],
    ['network rm lab', /lab.*job/],
    ['network inspect nosuch', /nosuch/],
    ['network connect nosuch box', /network nosuch/],
    ['network connect lab nosuch', /nosuch/],
    ['network connect lab job', /job.*lab|lab.*job/],
    ['network connect --ip 10.99.0.1 lab box', /10\.99\.0\.1/],
    ['network connect --ip 10.93.0.1 lab box', /10\.93\.0\.1/],
    ['network connect --link nosuch:x lab box', /nosuch/],
    ['network disconnect lab box', /box.*lab/],
    ['network disconnect nosuch box', /nosuch/],
    ['network ls --filter colour=red', /colour/],
    ['network ls --filter type=odd', /odd/],
    ['network prune -f --filter colour=red', /colour/],
    ['network prune -f --filter until=never', /never/],
    ['ps --filter colour=red', /colour/],
    ['inspect --type container nosuch', /nosuch/],
    ['exec job true', /exec/],
    ['create busybox', /containers\/create/],
    ['start box', /containers\/box\/start/],
    ['rm box', /containers\/box/],
    ['images', /images\/json/],
    ['volume ls', /volumes/],
  ];

  test.each(refusals)('%s', async (words, named) => {
    const before = await records();
    const { status, stderr } = await docker.attempt(...words.split(' '));
    expect(stderr).toMatch(named);
    expect(stderr).not.toMatch(/[{}]/);
    expect(status).toBe(1);
    expect(await records()).toEqual(before);
  });

  test('docker run', async () => {
    const { status, stderr } = await docker.attempt('run', '--rm', 'busybox', 'true');
    expect(status).toBe(125);
    expect(stderr).toMatch(/Error response from daemon: .*containers\/create is not available/);
  });
});
