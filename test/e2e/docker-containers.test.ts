// Docker's containers on networks of netd: what `docker run` can ask for, and what becomes of them until they are removed.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseIp } from '../../src/base/cidr.ts';
import { DockerHost } from '../support/engines/docker-host.ts';
import type { Dockerd } from '../support/engines/dockerd.ts';
import { type Ask, fromHost, fromSandbox, serveOnHost, whoAnswers } from '../support/engines/web.ts';
import type { HostState, TestHost } from '../support/test-host.ts';

let bed: DockerHost;
let docker: Dockerd;
let host: TestHost;

beforeAll(async () => {
  bed = await DockerHost.start();
  ({ docker, host } = bed);
  serveOnHost(bed.outside, 'outside');
  await bed.createNetwork('lab', '--ipv6', '--subnet', '10.90.0.0/24', '--subnet', 'fd90::/64');
  for (const name of ['middle', 'other']) await bed.createNetwork(name);
  for (const name of ['aaa', 'zzz']) await docker.run('network', 'create', name);
  await docker.serve('client', '--network', 'lab');
  await bed.keep();
});

afterAll(() => bed[Symbol.asyncDispose]());
afterEach(async () => {
  await bed.check();
  await bed.clear();
});

const client: Ask = (where) => docker.from('client')(where);
const fromOutside: Ask = (where) => fromHost(bed.outside)(where);
const exec = (container: string, ...command: readonly string[]) => docker.run('exec', container, ...command);

const defaultRoute = async (container: string) =>
  /default via (\S+)/.exec(await exec(container, 'ip', 'route'))?.[1];
/** As the container's endpoint on the network has it. */
const gatewayOf = (network: string, container: string) =>
  docker.inspect<string>(`(index .NetworkSettings.Networks "${network}").Gateway`, container);

async function withoutTrace(work: () => Promise<void>): Promise<void> {
  const traces = async (): Promise<readonly [HostState, string, unknown]> => [
    await bed.state(),
    await host.net('port'),
    await host.netJson('sandbox', 'ls'),
  ];
  const before = await traces();
  await work();
  expect(await traces()).toEqual(before);
}

describe('a container', () => {
  test('is reached by its neighbour at its addresses, and sees who asks', async () => {
    await docker.serve('web', '--network', 'lab');
    for (const family of [4, 6] as const) {
      const where = await docker.addressOf('web', 'lab', family);
      const asker = parseIp(await docker.addressOf('client', 'lab', family), 'asker');
      expect(await whoAnswers(client, family === 4 ? where : `[${where}]`)).toEqual({ server: 'web', asker });
    }
    expect(await whoAnswers(client, 'web')).toMatchObject({ server: 'web' });
    await bed.remove('web');
  });

  test('reaches other hosts, as the host', async () => {
    const answer = await whoAnswers(client, bed.outsideAddress);
    expect(answer).toEqual({ server: 'outside', asker: bed.address });
  });

  test('has the addresses, the MAC address, the names and the host name it was run with', async () => {
    const wanted = ['--ip', '10.90.0.77', '--ip6', 'fd90::77', '--mac-address', '02:00:00:00:00:77'];
    await docker.serve(
      'web',
      '--network',
      'lab',
      ...wanted,
      '--network-alias',
      'www',
      '--hostname',
      'inside',
    );
    const link = await exec('web', 'ip', 'address', 'show', 'eth0');
    expect(link).toContain('link/ether 02:00:00:00:00:77 ');
    expect(link).toContain('inet 10.90.0.77/24 ');
    expect(link).toContain('inet6 fd90::77/64 ');
    expect(await exec('web', 'busybox', 'hostname')).toBe('inside');
    for (const where of ['10.90.0.77', '[fd90::77]', 'web', 'www']) {
      expect(await whoAnswers(client, where)).toMatchObject({ server: 'web' });
    }
    await bed.remove('web');
  });

  test('is found by its name with every verb of `net`', async () => {
    await docker.serve('web', '--network', 'lab');
    await bed.known('container', 'web');
    const where = await docker.addressOf('web', 'lab');
    expect(await host.net('exec', 'web', '--', 'ip', 'address', 'show', 'eth0')).toContain(` ${where}/24 `);
    expect(await host.net('inspect', 'lab')).toContain(`${where}/24`);
    await host.net('publish', 'web', '8095:80');
    expect(await whoAnswers(fromOutside, `${bed.address}:8095`)).toMatchObject({ server: 'web' });
    await bed.remove('web');
  });

  test.each([
    ['stop', 'start'],
    ['kill', 'start'],
    ['restart', ''],
  ])('is there again after docker %s %s', async (first, second) => {
    await docker.serve('web', '--network', 'lab', '--publish', '8080:80');
    expect(await whoAnswers(client, 'web')).toMatchObject({ server: 'web' });
    await docker.run(first, ...(first === 'kill' ? [] : ['--time', '0']), 'web');
    if (second !== '') {
      expect(await host.net('port')).not.toContain('8080');
      await docker.run(second, 'web');
    }
    expect(await whoAnswers(client, 'web')).toMatchObject({ server: 'web' });
    expect(await whoAnswers(fromOutside, `${bed.address}:8080`)).toMatchObject({ server: 'web' });
    await bed.remove('web');
  });

  test('that ends by itself leaves nothing', () =>
    withoutTrace(async () => {
      const say = await docker.run('run', '--rm', '--network', 'lab', 'busybox:test', 'cat', '/etc/hosts');
      expect(say).toMatch(/10\.90\.0\.\d+/);
    }));

  test('that is removed while it runs leaves nothing', () =>
    withoutTrace(async () => {
      await docker.serve('web', '--network', 'lab', '--publish', '8080:80', '--network-alias', 'www');
      expect(await whoAnswers(client, 'www')).toMatchObject({ server: 'web' });
      await bed.remove('web');
    }));

  test('that cannot be started leaves nothing', () =>
    withoutTrace(async () => {
      const { status } = await docker.attempt('run', '--rm', '--network', 'lab', 'busybox:test', '/nowhere');
      expect(status).toBe(127);
    }));

  test('cannot have an address that somebody has', () =>
    withoutTrace(async () => {
      const taken = await docker.addressOf('client', 'lab');
      const { status, stderr } = await docker.attempt(
        ...['run', '--rm', '--network', 'lab', '--ip', taken, 'busybox:test', 'sh'],
      );
      expect(status).toBe(125);
      expect(stderr).toContain(taken);
    }));

  test('may have many beside it that come and go at once', () =>
    withoutTrace(async () => {
      const names = Array.from({ length: 8 }, (_, i) => `many${i}`);
      await Promise.all(names.map((name) => docker.serve(name, '--network', 'lab')));
      for (const name of names) {
        expect(await whoAnswers(client, name)).toMatchObject({ server: name });
      }
      await Promise.all(names.map((name) => bed.remove(name)));
    }));
});

describe('a published port', () => {
  test('answers on the host and from outside, by both families, and the server sees who asks', async () => {
    await docker.serve('web', '--network', 'lab', '--publish', '8080:80');
    for (const address of [bed.address, '127.0.0.1', `[${bed.address6}]`]) {
      expect(await whoAnswers(fromHost(host), `${address}:8080`)).toMatchObject({ server: 'web' });
    }
    for (const [address, asker] of [
      [bed.address, bed.outsideAddress],
      [`[${bed.address6}]`, bed.outsideAddress6],
    ]) {
      const answer = { server: 'web', asker: parseIp(asker ?? '', 'asker') };
      expect(await whoAnswers(fromOutside, `${address}:8080`)).toEqual(answer);
    }
    expect(await whoAnswers(client, `${bed.address}:8080`)).toMatchObject({ server: 'web' });
    expect(await host.net('port', 'web')).toMatch(/80\/tcp -> 0\.0\.0\.0:8080/);
    await bed.remove('web');
  });

  test('answers only at the address it was published at', async () => {
    await docker.serve('web', '--network', 'lab', '--publish', '127.0.0.1:8080:80', '--publish', '8081:80');
    expect(await whoAnswers(fromHost(host), '127.0.0.1:8080')).toMatchObject({ server: 'web' });
    expect(await whoAnswers(fromOutside, `${bed.address}:8081`)).toMatchObject({ server: 'web' });
    expect((await fromOutside(`${bed.address}:8080`)).stdout).toBe('');
    await bed.remove('web');
  });

  test.each([
    ['-P, of every exposed port', ['--publish-all', '--expose', '80']],
    ['-p with no port of the host', ['--publish', '80']],
    ['-p with a range of ports of the host', ['--publish', '8100-8110:80']],
  ])('is chosen by %s', async (_, flags) => {
    await docker.serve('web', '--network', 'lab', ...flags);
    await bed.known('container', 'web');
    const [, port] = /^\s*80\/tcp -> 0\.0\.0\.0:(\d+)$/m.exec(await host.net('port', 'web')) ?? [];
    expect(await whoAnswers(fromOutside, `${bed.address}:${port}`)).toMatchObject({ server: 'web' });
    await bed.remove('web');
  });

  test('of UDP is published as such', async () => {
    await docker.serve('web', '--network', 'lab', '--publish', '8080:80/udp');
    await bed.known('container', 'web');
    expect(await host.net('port', 'web')).toMatch(/80\/udp -> 0\.0\.0\.0:8080/);
    await bed.remove('web');
  });

  const holders: readonly [string, () => Promise<() => Promise<unknown>>][] = [
    [
      'another container',
      async () => {
        await docker.serve('first', '--network', 'lab', '--publish', '8080:80');
        return () => bed.remove('first');
      },
    ],
    [
      'a container on a network of Docker’s own',
      async () => {
        await docker.serve('first', '--publish', '8080:80');
        return () => bed.remove('first');
      },
    ],
    [
      'a process of the host',
      async () => {
        const server = serveOnHost(host, 'first', 8080);
        await whoAnswers(fromHost(host), '127.0.0.1:8080');
        return () => server.end('SIGKILL');
      },
    ],
  ];

  test.each(holders)('that %s has is refused, and nothing is left', async (_, take) => {
    const letGo = await take();
    await withoutTrace(async () => {
      const { status, stderr } = await docker.attempt(
        ...['run', '--detach', '--name', 'web', '--network', 'lab', '--publish', '8080:80', 'busybox:test'],
      );
      expect(status).toBe(125);
      expect(stderr).toMatch(/8080/);
      await bed.remove('web');
    });
    await letGo();
    await docker.serve('web', '--network', 'lab', '--publish', '8080:80');
    expect(await whoAnswers(fromOutside, `${bed.address}:8080`)).toMatchObject({ server: 'web' });
    await bed.remove('web');
  });
});

describe('docker network connect', () => {
  test('puts a running container on a further network, and disconnect takes it off', async () => {
    await docker.serve('web', '--network', 'other');
    await docker.run('network', 'connect', '--ip', '10.90.0.66', '--alias', 'tardy', 'lab', 'web');
    expect(await exec('web', 'ip', 'address', 'show', 'eth1')).toContain('inet 10.90.0.66/24 ');
    for (const where of ['10.90.0.66', 'web', 'tardy']) {
      expect(await whoAnswers(client, where)).toMatchObject({ server: 'web' });
    }
    await bed.check();
    await docker.run('network', 'disconnect', 'lab', 'web');
    await bed.expectSilence('client', '10.90.0.66');
    await bed.expectSilence('client', 'web');
    expect(await exec('web', 'ip', 'link')).not.toContain('eth1');
    await bed.remove('web');
  });

  test('of a container that is stopped has effect when it is started', async () => {
    await docker.serve('web', '--network', 'other');
    await docker.run('stop', '--time', '0', 'web');
    await docker.run('network', 'connect', 'lab', 'web');
    await docker.run('start', 'web');
    expect(await whoAnswers(client, 'web')).toMatchObject({ server: 'web' });
    await bed.remove('web');
  });

  test('takes no option that Fairlead does not know', () =>
    withoutTrace(async () => {
      await docker.serve('web', '--network', 'other');
      const connect = ['network', 'connect', '--driver-opt', 'colour=red', 'lab', 'web'];
      const { status, stderr } = await docker.attempt(...connect);
      expect(status).not.toBe(0);
      expect(stderr).toMatch(/colour/);
      await bed.remove('web');
    }));

  // Of networks of one family, that whose name comes first is Docker's way out.
  test.each([
    ['a network of netd', 'other', 'middle'],
    ['a network of Docker’s own, which comes after', 'other', 'zzz'],
    ['a network of Docker’s own, which comes before', 'other', 'aaa'],
    ['a network of netd to one of Docker’s own', 'aaa', 'middle'],
  ])('to %s moves the way out, and the ports with it', async (_, first, second) => {
    await docker.serve('web', '--network', first, '--publish', '8080:80');
    const reached = async () => {
      expect(await whoAnswers(docker.from('web'), bed.outsideAddress)).toMatchObject({ server: 'outside' });
      expect(await whoAnswers(fromOutside, `${bed.address}:8080`)).toMatchObject({ server: 'web' });
      await bed.check();
    };
    await reached();
    await docker.run('network', 'connect', second, 'web');
    const [gateway = ''] = [first, second].sort();
    expect(await defaultRoute('web')).toBe(await gatewayOf(gateway, 'web'));
    await reached();
    await docker.run('network', 'disconnect', first, 'web');
    expect(await defaultRoute('web')).toBe(await gatewayOf(second, 'web'));
    await reached();
    await docker.run('network', 'connect', first, 'web');
    await docker.run('network', 'disconnect', second, 'web');
    expect(await defaultRoute('web')).toBe(await gatewayOf(first, 'web'));
    await reached();
    await bed.remove('web');
  });
});

describe('net connect NETWORK docker:NAME', () => {
  test('puts a running container on a network without Docker’s knowing', async () => {
    await docker.serve('web');
    await host.net('create', 'quiet');
    await host.net('connect', 'quiet', 'docker:web');
    await host.net('sandbox', 'create', 'box');
    await host.net('connect', 'quiet', 'box');
    expect(await whoAnswers(fromSandbox(host, 'box'), 'web')).toMatchObject({ server: 'web' });
    await host.net('disconnect', 'quiet', 'docker:web');
    expect(await exec('web', 'ip', 'link')).not.toContain('eth1');
    await bed.remove('web');
    await host.net('sandbox', 'rm', 'box', ...(await adopted()));
    await host.net('rm', 'quiet');
  });

  test.each([
    ['is not there', 'nobody', undefined],
    ['does not run', 'ended', ['create', '--name', 'ended', 'busybox:test']],
    [
      'is in the host’s namespace',
      'bare',
      ['run', '-d', '--name', 'bare', '--network', 'host', 'busybox:test'],
    ],
  ])('refuses a container that %s', async (_, name, make) => {
    if (make !== undefined) await docker.run(...make);
    const { status, stderr } = await host.tryNet('connect', 'lab', `docker:${name}`);
    expect(status).toBe(1);
    expect(stderr).toContain(name);
    if (make !== undefined) await bed.remove(name);
  });

  /** The sandbox that the container's namespace became, if it is there still. */
  async function adopted(): Promise<readonly string[]> {
    const all = await host.netJson<readonly { readonly name: string }[]>('sandbox', 'ls');
    return all.map(({ name }) => name).filter((name) => name === 'web');
  }
});

test('nothing is left when all is removed', () => bed.expectNothingLeft());
