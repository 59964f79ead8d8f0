// Networks that Docker makes by netd's driver: their options, subnets and kinds, and what is refused.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseIp } from '../../src/base/cidr.ts';
import { askApi } from '../support/api-client.ts';
import { DockerHost } from '../support/engines/docker-host.ts';
import type { Dockerd } from '../support/engines/dockerd.ts';
import { fromHost, serveOnHost, whoAnswers } from '../support/engines/web.ts';
import type { TestHost } from '../support/test-host.ts';

interface IpamShape {
  readonly Driver: string;
  readonly Config: readonly { readonly Subnet: string; readonly Gateway?: string }[];
}

interface LinkShape {
  readonly ifname: string;
  readonly mtu: number;
}

let bed: DockerHost;
let docker: Dockerd;
let host: TestHost;

beforeAll(async () => {
  bed = await DockerHost.start();
  ({ docker, host } = bed);
  serveOnHost(bed.outside, 'outside');
  await whoAnswers(fromHost(host), bed.outsideAddress);
});

afterAll(() => bed[Symbol.asyncDispose]());
afterEach(async () => {
  await bed.check();
  await bed.clear();
});

async function remove(network: string, ...containers: readonly string[]): Promise<void> {
  await bed.remove(...containers);
  await docker.run('network', 'rm', network);
}

const inspect = async (network: string) => (await askApi(host, 'GET', `/networks/${network}`)).body;
const bridges = async (): Promise<readonly LinkShape[]> =>
  JSON.parse(await host.run(['ip', '-json', 'link', 'show', 'type', 'bridge']));

describe('docker network create', () => {
  test('makes a network that Docker and netd know by the same id and name', async () => {
    const id = await bed.createNetwork('lab');
    const ipam = await docker.inspect<IpamShape>('.IPAM', 'lab');
    const [pool] = ipam.Config;
    await bed.known('network', 'lab');
    expect(await inspect('lab')).toMatchObject({
      id,
      driver: 'bridge',
      ipam: { pools: [{ subnet: pool?.Subnet, gateway: pool?.Gateway }] },
    });
    expect(await host.net('ls', '--quiet')).toContain(id.slice(0, 12));
    expect((await bridges()).map(({ ifname }) => ifname)).toContain(`fl-${id.slice(0, 10)}`);
    await remove('lab');
    expect((await askApi(host, 'GET', `/networks/${id}`)).status).toBe(404);
  });

  test('takes a subnet, a range, a gateway and auxiliary addresses', async () => {
    const flags = ['--subnet', '10.90.0.0/24', '--ip-range', '10.90.0.128/25', '--gateway', '10.90.0.254'];
    const id = await bed.createNetwork('lab', ...flags, '--aux-address', 'printer=10.90.0.129');
    expect(await inspect(id)).toMatchObject({
      ipam: {
        pools: [
          {
            subnet: '10.90.0.0/24',
            range: '10.90.0.128/25',
            gateway: '10.90.0.254',
            reserved: { printer: '10.90.0.129' },
          },
        ],
      },
    });
    await docker.serve('web', '--network', 'lab');
    const address = await docker.addressOf('web', 'lab');
    const [, last = ''] = /^10\.90\.0\.(\d+)$/.exec(address) ?? [];
    expect(Number(last)).toBeGreaterThanOrEqual(128);
    expect(last).not.toBe('129');
    expect(await whoAnswers(fromHost(host), address)).toEqual({ server: 'web', asker: '10.90.0.254' });
    await remove('lab', 'web');
  });

  test('gives back what it took, so that the same subnet can be taken again', async () => {
    for (const name of ['first', 'second']) {
      await bed.createNetwork(name, '--subnet', '10.90.0.0/24', '--aux-address', 'a=10.90.0.9');
      await remove(name);
    }
  });

  test.each([
    ['Fairlead’s own names', 'bridge=short0', 'mtu=1400', 'short0'],
    [
      'Docker’s labels',
      'com.docker.network.bridge.name=long0',
      'com.docker.network.driver.mtu=1400',
      'long0',
    ],
  ])('takes options by %s', async (_, bridge, mtu, ifname) => {
    await bed.createNetwork('lab', '-o', bridge, '-o', mtu);
    expect(await bridges()).toContainEqual(expect.objectContaining({ ifname, mtu: 1400 }));
    await docker.serve('web', '--network', 'lab');
    expect(await docker.run('exec', 'web', 'ip', 'link', 'show', 'eth0')).toContain('mtu 1400 ');
    await remove('lab', 'web');
  });

  test('--ipv6 adds a subnet of that family, chosen or given', async () => {
    for (const flags of [[], ['--subnet', 'fd77::/64', '--gateway', 'fd77::99']]) {
      await bed.createNetwork('lab', '--ipv6', ...flags);
      const { Config } = await docker.inspect<IpamShape>('.IPAM', 'lab');
      expect(Config.map(({ Subnet }) => Subnet.includes(':')).sort()).toEqual([false, true]);
      await docker.serve('web', '--network', 'lab');
      const address = await docker.addressOf('web', 'lab', 6);
      expect(await whoAnswers(fromHost(host), `[${address}]`)).toMatchObject({ server: 'web' });
      await docker.serve('client', '--network', 'lab');
      expect(await whoAnswers(docker.from('client'), `[${address}]`)).toEqual({
        server: 'web',
        asker: parseIp(await docker.addressOf('client', 'lab', 6), 'address'),
      });
      await remove('lab', 'web', 'client');
    }
  });

  test('--internal leaves no way out of the network', async () => {
    await bed.createNetwork('open');
    await bed.createNetwork('closed', '--internal');
    for (const network of ['open', 'closed']) {
      await docker.serve(`${network}-web`, '--network', network);
      await docker.serve(`${network}-client`, '--network', network);
      expect(await whoAnswers(docker.from(`${network}-client`), `${network}-web`)).toMatchObject({
        server: `${network}-web`,
      });
    }
    expect(await whoAnswers(docker.from('open-client'), bed.outsideAddress)).toMatchObject({
      server: 'outside',
    });
    await bed.expectSilence('closed-client', bed.outsideAddress);
    for (const network of ['open', 'closed']) await remove(network, `${network}-web`, `${network}-client`);
  });

  test('works with Docker’s own addresses', async () => {
    const drivers = ['--driver', 'fairlead', '--subnet', '172.30.7.0/24'];
    const id = await docker.run('network', 'create', ...drivers, 'lab');
    expect(await inspect(id)).toMatchObject({ ipam: { pools: [{ subnet: '172.30.7.0/24' }] } });
    await docker.serve('web', '--network', 'lab', '--ip', '172.30.7.9');
    await docker.serve('client', '--network', 'lab');
    expect(await whoAnswers(docker.from('client'), '172.30.7.9')).toMatchObject({ server: 'web' });
    expect(await whoAnswers(docker.from('client'), bed.outsideAddress)).toMatchObject({ server: 'outside' });
    await remove('lab', 'web', 'client');
  });

  test('-o driver=macvlan puts containers beside the host on a wire', async () => {
    await host.run(['ip', 'link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'wire1']);
    await host.shell('ip link set wire0 up; ip link set wire1 up; ip address add 10.91.0.1/24 dev wire1');
    const options = ['-o', 'driver=macvlan', '-o', 'parent=wire0'];
    const id = await bed.createNetwork('lab', ...options, '--subnet', '10.91.0.0/24');
    expect(await inspect(id)).toMatchObject({ driver: 'macvlan', options: { parent: 'wire0' } });
    for (const [name, address] of [
      ['web', '10.91.0.8'],
      ['client', '10.91.0.9'],
    ] as const) {
      await docker.serve(name, '--network', 'lab', '--ip', address);
    }
    expect(await whoAnswers(fromHost(host), '10.91.0.8')).toEqual({ server: 'web', asker: '10.91.0.1' });
    expect(await whoAnswers(docker.from('client'), '10.91.0.8')).toEqual({
      server: 'web',
      asker: '10.91.0.9',
    });
    await remove('lab', 'web', 'client');
    await host.run(['ip', 'link', 'del', 'wire0']);
  });

  test('-o network=NAME puts containers on a network that is there, which stays when Docker’s goes', async () => {
    await host.net('create', '--subnet', '10.92.0.0/24', 'old');
    await host.net('sandbox', 'create', 'box');
    await host.net('connect', 'old', 'box');
    const join = ['--ipam-opt', 'network=old', '-o', 'network=old'];
    // dockerd asks for a subnet it did not name again and again, while the host has a route to what it is given.
    expect(await bed.refusal('joined', ...join)).toContain('--subnet 10.92.0.0/24');
    await bed.createNetwork('joined', ...join, '--subnet', '10.92.0.0/24');
    await docker.serve('web', '--network', 'joined');
    const address = await docker.addressOf('web', 'joined');
    expect(address).toMatch(/^10\.92\.0\.\d+$/);
    const ask = ['exec', 'box', '--', 'curl', '--silent', '--max-time', '2'];
    const answer = await whoAnswers((where) => host.tryNet(...ask, `http://${where}/cgi-bin/who`), address);
    expect(answer).toMatchObject({ server: 'web' });
    await remove('joined', 'web');
    expect(await inspect('old')).toMatchObject({ name: 'old', endpoints: [{ sandboxName: 'box' }] });
    await host.net('rm', '--force', 'old');
    await host.net('sandbox', 'rm', 'box');
  });
});

describe('docker network create refuses', () => {
  const refused: readonly [string, readonly string[], RegExp][] = [
    ['an unknown option', ['-o', 'colour=red'], /unknown option colour .*known are/],
    ['a bad value', ['-o', 'mtu=tiny'], /option mtu: "tiny" is not an MTU/],
    ['a value Docker’s label names', ['-o', 'com.docker.network.driver.mtu=0'], /is not an MTU/],
    ['a driver without interfaces', ['-o', 'driver=host'], /driver.*host.*bridge, macvlan/],
    ['a driver nobody knows', ['-o', 'driver=magic'], /magic/],
    ['a network to join that is not there', ['-o', 'network=nowhere'], /nowhere/],
    ['a parent that is not there', ['-o', 'driver=macvlan', '-o', 'parent=nowhere0'], /nowhere0/],
    ['a bridge that is somebody else’s', ['-o', 'bridge=lo'], /\blo\b/],
    ['an unknown address option', ['--ipam-opt', 'colour=red'], /colour/],
  ];

  test.each(refused)('%s, saying why, and leaves nothing', async (_, flags, message) => {
    const before = await bed.state();
    expect(await bed.refusal('lab', ...flags)).toMatch(message);
    expect(await docker.run('network', 'ls', '--quiet', '--filter', 'name=lab')).toBe('');
    expect(await host.net('ls', '--quiet', '--filter', 'type=custom')).toBe('');
    expect(await bed.state()).toEqual(before);
  });

  test('a subnet that another network has, whoever made that', async () => {
    await host.net('create', '--subnet', '10.93.0.0/16', 'old');
    expect(await bed.refusal('lab', '--subnet', '10.93.5.0/24')).toMatch(/10\.93\.5\.0\/24.*\bold\b/);
    await host.net('rm', 'old');
    await bed.createNetwork('lab', '--subnet', '10.93.5.0/24');
    expect((await host.tryNet('create', '--subnet', '10.93.0.0/16', 'old')).stderr).toMatch(/10\.93/);
    await remove('lab');
  });
});

test('nothing is left when all is removed', () => bed.expectNothingLeft());
