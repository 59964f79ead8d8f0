// Gateway modes of networks that Docker makes by netd's driver.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseIp } from '../../src/base/cidr.ts';
import { DockerHost } from '../support/engines/docker-host.ts';
import type { Dockerd } from '../support/engines/dockerd.ts';
import { fromHost, serveOnHost, whoAnswers } from '../support/engines/web.ts';
import type { TestHost } from '../support/test-host.ts';

const label = 'com.docker.network.bridge.gateway_mode_ipv';

let bed: DockerHost;
let docker: Dockerd;
let host: TestHost;

beforeAll(async () => {
  bed = await DockerHost.start();
  ({ docker, host } = bed);
  serveOnHost(bed.outside, 'outside');
  await bed.outside.run(['ip', 'route', 'add', '10.90.0.0/24', 'via', bed.address]);
  await bed.outside.run(['ip', 'route', 'add', 'fd90::/64', 'via', bed.address6]);
});

afterAll(() => bed[Symbol.asyncDispose]());
afterEach(async () => {
  await bed.check();
  await bed.clear();
});

test('a routed network opens what containers publish at their own addresses', async () => {
  const subnets = ['--ipv6', '--subnet', '10.90.0.0/24', '--subnet', 'fd90::/64'];
  await bed.createNetwork('lab', ...subnets, '-o', `${label}4=routed`, '-o', 'gateway_mode_ipv6=routed');
  await docker.serve('web', '--network', 'lab', '--publish', '8080:80');
  await docker.serve('shut', '--network', 'lab');
  for (const family of [4, 6] as const) {
    const [own, shut] = await Promise.all(
      ['web', 'shut'].map((name) => docker.addressOf(name, 'lab', family)),
    );
    const where = (address = '') => (family === 4 ? address : `[${address}]`);
    const outside = family === 4 ? bed.outsideAddress : bed.outsideAddress6;
    expect(await whoAnswers(fromHost(bed.outside), where(own))).toEqual({
      server: 'web',
      asker: parseIp(outside, 'outside'),
    });
    expect(await whoAnswers(fromHost(host), where(shut))).toMatchObject({ server: 'shut' });
    expect((await fromHost(bed.outside)(where(shut))).stdout).toBe('');
    expect(await whoAnswers(docker.from('web'), where(outside))).toEqual({
      server: 'outside',
      asker: parseIp(own ?? '', 'own'),
    });
    expect(await host.net('port')).toContain(`80/tcp -> ${where(own)}:80`);
  }
});

test('an isolated network connects its own, without the host', async () => {
  await bed.createNetwork('island', '--internal', '-o', `${label}4=isolated`);
  await docker.serve('web', '--network', 'island');
  await docker.serve('client', '--network', 'island');
  expect(await whoAnswers(docker.from('client'), 'web')).toMatchObject({ server: 'web' });
  const address = await docker.addressOf('web', 'island', 4);
  expect((await fromHost(host)(address)).stdout).toBe('');
  const [network] = JSON.parse(await host.net('inspect', '--format', 'json', 'island'));
  expect(await host.run(['ip', '-o', 'address', 'show', 'dev', network.options.bridge])).toBe('');
});

test('a network can be isolated only when it is internal', async () => {
  expect(await bed.refusal('open', '-o', `${label}4=isolated`)).toContain(
    'gateway mode isolated can only be used for an internal network',
  );
});
