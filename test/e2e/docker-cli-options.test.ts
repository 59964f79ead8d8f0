// Options of networks and of joining them that not every version of the stock docker command line has.
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerClient, dockerClients } from '../support/engines/docker-client.ts';
import { TestHost } from '../support/test-host.ts';

function clientHas(path: string, verb: string, flag: string): boolean {
  return execFileSync(path, ['network', verb, '--help'], { encoding: 'utf8' }).includes(`${flag} `);
}

describe.each(dockerClients())('%s', (path) => {
  let host: TestHost;
  let docker: DockerClient;

  beforeAll(async () => {
    host = await TestHost.start();
    await host.netd();
    docker = new DockerClient(host, path);
    await docker.run('network', 'create', '--subnet', '10.96.0.0/24', 'lab');
    await docker.run('network', 'create', '--subnet', '10.97.0.0/24', 'way-out');
    await host.net('sandbox', 'create', 'box');
  });

  afterAll(() => host[Symbol.asyncDispose]());

  const inBox = (...command: readonly string[]) => host.net('exec', 'box', '--', ...command);
  const show = (kind: string, name: string, template: string) =>
    docker.run(kind, 'inspect', '--format', template, name);

  test.skipIf(!clientHas(path, 'connect', '--gw-priority'))(
    'the network with the highest gateway priority gives the default route (clients before 28 have no such flag)',
    async () => {
      await docker.run('network', 'connect', 'lab', 'box');
      expect(await inBox('ip', 'route', 'show', 'default')).toContain('via 10.96.0.1 ');
      await docker.run('network', 'connect', '--gw-priority', '7', 'way-out', 'box');
      expect(await inBox('ip', 'route', 'show', 'default')).toContain('via 10.97.0.1 ');
      const priority = '{{(index .NetworkSettings.Networks "way-out").GwPriority}}';
      expect(await show('container', 'box', priority)).toBe('7');
      await docker.run('network', 'disconnect', 'way-out', 'box');
      expect(await inBox('ip', 'route', 'show', 'default')).toContain('via 10.96.0.1 ');
      await docker.run('network', 'disconnect', 'lab', 'box');
    },
  );

  test.skipIf(!clientHas(path, 'create', '--ipv4'))(
    'a network has IPv6 alone (clients before 28 have no such flag)',
    async () => {
      await docker.run('network', 'create', '--ipv4=false', '--ipv6', 'six');
      const families = '{{.EnableIPv4}} {{.EnableIPv6}} {{range .IPAM.Config}}{{.Subnet}}{{end}}';
      expect(await show('network', 'six', families)).toMatch(/^false true fd[0-9a-f:]+\/64$/);
      await docker.run('network', 'connect', 'six', 'box');
      expect(await inBox('hostname', '-I')).toMatch(/^fd[0-9a-f:]+ *$/);
      await docker.run('network', 'disconnect', 'six', 'box');
      await docker.run('network', 'rm', 'six');
    },
  );

  test('sysctls of an interface are set under the name it gets', async () => {
    const sysctls = 'net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.ifname.shared_media=0';
    // The client takes the option apart at commas that are not in quotes.
    const option = `"com.docker.network.endpoint.sysctls=${sysctls}"`;
    await docker.run('network', 'connect', '--driver-opt', option, 'lab', 'box');
    const settings = '/proc/sys/net/ipv4/conf/eth0';
    expect(await inBox('cat', `${settings}/log_martians`, `${settings}/shared_media`)).toMatch(/^1\s+0$/);
    await docker.run('network', 'disconnect', 'lab', 'box');
  });

  test.each([
    ['net.ipv4.conf.eth0.log_martians=1', /"net\.ipv4\.conf\.eth0\.log_martians=1" is not/],
    ['net.ipv4.conf.IFNAME.colour=1', /colour/],
  ])('sysctl %s is refused', async (sysctl, named) => {
    const option = `com.docker.network.endpoint.sysctls=${sysctl}`;
    const answer = await docker.attempt('network', 'connect', '--driver-opt', option, 'lab', 'box');
    expect(answer.status).toBe(1);
    expect(answer.stderr).toMatch(named);
    expect(await show('network', 'lab', '{{len .Containers}}')).toBe('0');
  });

  test('options of a network are shown as they were given, at whatever door', async () => {
    const given = ['-o', 'com.docker.network.driver.mtu=1400', '-o', 'icc=1'];
    await docker.run('network', 'create', ...given, 'mine');
    await host.net('create', '-o', 'com.docker.network.bridge.name=theirs0', 'theirs');
    expect(JSON.parse(await show('network', 'mine', '{{json .Options}}'))).toEqual({
      'com.docker.network.driver.mtu': '1400',
      icc: '1',
    });
    expect(JSON.parse(await show('network', 'theirs', '{{json .Options}}'))).toEqual({
      'com.docker.network.bridge.name': 'theirs0',
    });
    expect(await show('network', 'lab', '{{json .Options}}')).toBe('{}');
    const [{ options } = { options: {} }] = (await host.netJson('inspect', 'mine')) as { options: object }[];
    expect(options).toMatchObject({ mtu: '1400', icc: 'true' });
    await docker.run('network', 'rm', 'mine', 'theirs');
  });
});
