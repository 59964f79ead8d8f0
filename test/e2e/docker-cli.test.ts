// The stock docker command line on networks of Fairlead: sandboxes stand where Docker has containers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerClient, dockerClients } from '../support/engines/docker-client.ts';
import { TestHost } from '../support/test-host.ts';

interface NetworkShape {
  readonly Name: string;
  readonly Id: string;
  readonly Containers: Readonly<Record<string, ContainerShape>>;
  readonly [field: string]: unknown;
}

interface ContainerShape {
  readonly Name: string;
  readonly IPv4Address: string;
  readonly IPv6Address: string;
}

const builtin = ['bridge', 'host', 'none'];

test('there is a docker client to ask', () => {
  expect(dockerClients()).not.toEqual([]);
});

describe.each(dockerClients())('%s', (path) => {
  let host: TestHost;
  let docker: DockerClient;
  /** The id of sandbox `box`, which no process runs in. */
  let box: string;

  beforeAll(async () => {
    host = await TestHost.start();
    await host.netd();
    docker = new DockerClient(host, path);
    box = await host.net('sandbox', 'create', 'box');
    await host.net('run', '-d', '--name', 'job', '--network', 'bridge', '--', 'sleep', '1003');
  });

  afterAll(() => host[Symbol.asyncDispose]());

  const names = (...flags: readonly string[]) =>
    docker.words('network', 'ls', '--format', '{{.Name}}', ...flags);
  const inspect = (...args: readonly string[]) => docker.inspect<NetworkShape>('network', 'inspect', ...args);

  describe('the daemon', () => {
    test('tells its version, and the API the client may speak', async () => {
      const version = await docker.inspect<{ readonly Server: Readonly<Record<string, unknown>> }>('version');
      expect(version.Server).toMatchObject({ Os: 'linux', MinAPIVersion: '1.24' });
      expect(version.Server['Version']).toBe((await host.net('version')).match(/\d+\.\d+\.\d+\S*/)?.[0]);
    });

    test('describes itself', async () => {
      const { status, stdout } = await docker.attempt('info');
      expect(status).toBe(0);
      expect(stdout).toMatch(/Containers: 2\n +Running: 1\n/);
      expect(stdout).toMatch(/Network: .*\bbridge\b.*\bhost\b/);
    });
  });

  describe('network create', () => {
    test('prints the id, and takes every flag that means something here', async () => {
      const flags = ['--driver', 'bridge', '--internal', '--label', 'keep=yes', '--label', 'flag'];
      const pool = ['--subnet', '10.90.0.0/24', '--ip-range', '10.90.0.128/25', '--gateway', '10.90.0.254'];
      const more = ['--aux-address', 'printer=10.90.0.9', '-o', 'com.docker.network.bridge.name=full0'];
      const id = await docker.run('network', 'create', ...flags, ...pool, ...more, 'full');
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      expect(await inspect('full')).toMatchObject({
        Id: id,
        Driver: 'bridge',
        Scope: 'local',
        Internal: true,
        EnableIPv6: false,
        Labels: { keep: 'yes', flag: '' },
        Options: { 'com.docker.network.bridge.name': 'full0' },
        IPAM: {
          Driver: 'default',
          Config: [
            {
              Subnet: '10.90.0.0/24',
              IPRange: '10.90.0.128/25',
              Gateway: '10.90.0.254',
              AuxiliaryAddresses: { printer: '10.90.0.9' },
            },
          ],
        },
      });
      expect(await host.net('ls', '--format', 'json')).toContain(id);
      expect(await host.run(['ip', '-brief', 'link', 'show', 'full0'])).toMatch(/^full0/);
      expect(await docker.run('network', 'rm', 'full')).toBe('full');
    });

    test('chooses subnets where none is given, of both families if asked', async () => {
      await docker.run('network', 'create', '--ipv6', 'both');
      const subnets = '{{range .IPAM.Config}}{{.Subnet}} {{end}}{{.EnableIPv6}}';
      const seen = await docker.run('network', 'inspect', '--format', subnets, 'both');
      expect(seen).toMatch(/^10\.209\.\d+\.0\/24 fd[0-9a-f:]+\/64 true$/);
      await docker.run('network', 'rm', 'both');
    });
  });

  describe('network ls', () => {
    beforeAll(async () => {
      await docker.run('network', 'create', '--label', 'stage=test', '--label', 'mine', 'front');
      await docker.run('network', 'create', '--label', 'stage=live', 'front-two');
      await docker.run('network', 'connect', 'front', 'box');
    });

    afterAll(async () => {
      await docker.run('network', 'disconnect', 'front', 'box');
      await docker.run('network', 'rm', 'front', 'front-two');
    });

    const filters: readonly [string, readonly string[]][] = [
      ['driver=bridge', ['bridge', 'front', 'front-two']],
      ['driver=bridge driver=host', ['bridge', 'front', 'front-two', 'host']],
      ['label=mine', ['front']],
      ['label=stage', ['front', 'front-two']],
      ['label=stage=live', ['front-two']],
      ['label=stage label=mine', ['front']],
      ['name=front', ['front', 'front-two']],
      ['name=two name=host', ['front-two', 'host']],
      ['scope=local', [...builtin.slice(0, 1), 'front', 'front-two', 'host', 'none']],
      ['scope=global', []],
      ['scope=swarm', []],
      ['driver=null', ['none']],
      ['type=custom', ['front', 'front-two']],
      ['type=builtin', builtin],
      ['dangling=true', ['front-two']],
      ['dangling=false type=custom', ['front']],
      ['name=front label=stage=test', ['front']],
    ];

    test.each(filters)('filters by %s', async (words, expected) => {
      const flags = words.split(' ').flatMap((word) => ['--filter', word]);
      expect(await names(...flags)).toEqual(expected);
    });

    test('filters by the beginning of an id', async () => {
      const { Id } = await inspect('front');
      expect(await names('--filter', `id=${Id.slice(0, 12)}`)).toEqual(['front']);
    });

    test('shows a table, ids alone, whole ids and templates', async () => {
      const { Id } = await inspect('front');
      const table = await docker.run('network', 'ls');
      expect(table).toMatch(/^NETWORK ID +NAME +DRIVER +SCOPE\n/);
      expect(table).toMatch(new RegExp(`^${Id.slice(0, 12)} +front +bridge +local$`, 'm'));
      expect(await docker.run('network', 'ls', '-q', '--filter', 'label=mine')).toBe(Id.slice(0, 12));
      expect(await docker.run('network', 'ls', '-q', '--no-trunc', '--filter', 'label=mine')).toBe(Id);
      const template = '{{.Name}} {{.Driver}} {{.Scope}} {{.Internal}} {{.IPv6}} {{.Label "stage"}}';
      expect(await docker.run('network', 'ls', '--filter', 'label=mine', '--format', template)).toBe(
        'front bridge local false false test',
      );
      const line = await docker.run('network', 'ls', '--filter', 'label=mine', '--format', '{{json .}}');
      expect(JSON.parse(line)).toMatchObject({ Name: 'front', Driver: 'bridge', Scope: 'local' });
      expect(line).toMatch(/"CreatedAt":"\d{4}-\d\d-\d\d /);
    });
  });

  describe('network connect', () => {
    beforeAll(async () => {
      await docker.run(
        'network',
        'create',
        '--subnet',
        '10.91.0.0/24',
        '--subnet',
        'fd91::/64',
        '--ipv6',
        'lab',
      );
    });

    afterAll(() => docker.run('network', 'rm', 'lab'));

    test.each([
      ['its name', () => 'box'],
      ['its id', () => box],
      ['the beginning of its id', () => box.slice(0, 8)],
    ])('joins a sandbox by %s', async (_, target) => {
      await docker.run('network', 'connect', 'lab', target());
      expect(Object.keys((await inspect('lab')).Containers)).toEqual([box]);
      expect(await host.net('exec', 'box', '--', 'hostname', '-I')).toMatch(/^10\.91\.0\.\d+ fd91::/);
      await docker.run('network', 'disconnect', 'lab', target());
      expect((await inspect('lab')).Containers).toEqual({});
    });

    test('gives the addresses, aliases and links asked for', async () => {
      await docker.run('network', 'connect', 'lab', 'job');
      const flags = ['--ip', '10.91.0.77', '--ip6', 'fd91::77', '--alias', 'steady', '--link', 'job:worker'];
      await docker.run('network', 'connect', ...flags, 'lab', 'box');
      const { Containers } = await inspect('lab');
      expect(Containers[box]).toMatchObject({
        Name: 'box',
        IPv4Address: '10.91.0.77/24',
        IPv6Address: 'fd91::77/64',
        MacAddress: expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/),
        EndpointID: expect.stringMatching(/^[0-9a-f]{64}$/),
      });
      expect(await host.net('exec', 'job', '--', 'getent', 'ahostsv4', 'steady')).toMatch(/^10\.91\.0\.77 /);
      expect(await host.net('exec', 'box', '--', 'getent', 'ahostsv4', 'worker')).toMatch(/^10\.91\.0\./);
      await docker.run('network', 'disconnect', 'lab', 'box');
      await docker.run('network', 'disconnect', '-f', 'lab', 'job');
    });

    test('takes driver options of the endpoint', async () => {
      const option = ['--driver-opt', 'com.docker.network.endpoint.ifname=lan7'];
      await docker.run('network', 'connect', ...option, 'lab', 'box');
      expect(await host.net('exec', 'box', '--', 'ls', '/sys/class/net')).toMatch(/^lan7$/m);
      await docker.run('network', 'disconnect', 'lab', 'box');
    });

    test('leaves by force whoever is not there', async () => {
      expect((await docker.attempt('network', 'disconnect', 'lab', 'box')).status).toBe(1);
      await docker.run('network', 'disconnect', '-f', 'lab', 'box');
    });
  });

  describe('network inspect', () => {
    beforeAll(async () => {
      await docker.run('network', 'create', '--subnet', '10.92.0.0/24', '--label', 'a=b', 'seen');
      await docker.run('network', 'connect', '--ip', '10.92.0.5', 'seen', 'box');
    });

    afterAll(async () => {
      await docker.run('network', 'disconnect', 'seen', 'box');
      await docker.run('network', 'rm', 'seen');
    });

    test.each([
      ['{{.Name}} {{.Driver}} {{.Scope}}', 'seen bridge local'],
      ['{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}}{{end}}', '10.92.0.0/24 10.92.0.1'],
      ['{{(index .IPAM.Config 0).Gateway}}', '10.92.0.1'],
      ['{{range $id, $c := .Containers}}{{$c.Name}}={{$c.IPv4Address}}{{end}}', 'box=10.92.0.5/24'],
      ['{{len .Containers}}', '1'],
      [
        '{{index .Labels "a"}} {{.Internal}} {{.Attachable}} {{.Ingress}} {{.ConfigOnly}}',
        'b false false false false',
      ],
      ['{{.IPAM.Driver}} {{.ConfigFrom.Network}}', 'default '],
    ])('fills in %s', async (template, expected) => {
      const { stdout } = await docker.attempt('network', 'inspect', '--format', template, 'seen');
      expect(stdout).toBe(`${expected}\n`);
    });

    test('finds networks by id and the beginning of one, several at once, also verbose', async () => {
      const { Id } = await inspect('seen');
      const list = await docker.run('network', 'inspect', '-v', Id, Id.slice(0, 10), 'host');
      expect((JSON.parse(list) as NetworkShape[]).map(({ Name }) => Name)).toEqual(['seen', 'seen', 'host']);
      expect(list).toMatch(/"Created": "\d{4}-\d\d-\d\dT/);
    });
  });

  describe('network rm and prune', () => {
    test('delete several by name, id and beginning of an id', async () => {
      const ids: string[] = [];
      for (const name of ['one', 'two', 'three']) ids.push(await docker.run('network', 'create', name));
      const refs = ['one', ids[1] ?? '', (ids[2] ?? '').slice(0, 12)];
      expect(await docker.run('network', 'rm', ...refs)).toBe(refs.join('\n'));
      expect(await names()).toEqual(builtin);
    });

    test('prune what was made before a time', async () => {
      await docker.run('network', 'create', 'old');
      const before = (Date.parse(String((await inspect('old'))['Created'])) + 1) / 1000;
      const until = ['--filter', `until=${before.toFixed(3)}`];
      await docker.run('network', 'create', 'new');
      expect(await docker.run('network', 'prune', '-f', ...until)).toBe('Deleted Networks:\nold');
      expect(await docker.run('network', 'rm', 'new')).toBe('new');
    });

    test('leave a network in use alone, and name who uses it', async () => {
      await docker.run('network', 'create', 'used');
      await docker.run('network', 'connect', 'used', 'box');
      const { status, stderr } = await docker.attempt('network', 'rm', 'used');
      expect(status).toBe(1);
      expect(stderr).toMatch(/^Error response from daemon: .*network used .*box/);
      expect(await docker.run('network', 'prune', '-f')).not.toMatch(/used/);
      await docker.run('network', 'disconnect', 'used', 'box');
      expect(await docker.run('network', 'prune', '-f')).toBe('Deleted Networks:\nused');
    });

    test('prune by label and age', async () => {
      await docker.run('network', 'create', '--label', 'temporary', 'short');
      await docker.run('network', 'create', '--label', 'temporary', '--label', 'keep', 'long');
      const prune = (...filters: readonly string[]) =>
        docker.run('network', 'prune', '-f', ...filters.flatMap((filter) => ['--filter', filter]));
      expect(await prune('until=24h')).toBe('');
      expect(await prune('until=2999-01-01', 'label=other')).toBe('');
      expect(await prune('label=other')).toBe('');
      expect(await prune('label=temporary', 'label!=keep')).toBe('Deleted Networks:\nshort');
      expect(await prune('label=keep')).toBe('Deleted Networks:\nlong');
    });
  });
});
