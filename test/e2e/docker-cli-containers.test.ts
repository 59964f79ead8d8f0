// What the docker command line, asked at netd's own socket, sees of the containers dockerd put on Fairlead's networks.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerClient, dockerClients } from '../support/engines/docker-client.ts';
import { DockerHost } from '../support/engines/docker-host.ts';

const mtu = 'com.docker.network.driver.mtu';
let bed: DockerHost;

beforeAll(async () => {
  bed = await DockerHost.start();
  await bed.createNetwork('lab', '-o', `${mtu}=1400`, '--subnet', '10.98.0.0/24');
  await bed.known('network', 'lab');
  await bed.docker.serve('web', '--network', 'lab', '--ip', '10.98.0.9');
  await bed.known('container', 'web');
});

afterAll(() => bed[Symbol.asyncDispose]());

describe.each(dockerClients())('%s', (path) => {
  const ask = (...words: readonly string[]) => new DockerClient(bed.host, path).run(...words);

  test('a container is listed as running', async () => {
    expect(await ask('ps', '--format', '{{.Names}} {{.State}} {{.Networks}}')).toBe('web running lab');
    expect(await ask('ps', '-q', '--filter', 'status=created')).toBe('');
    expect(await ask('info', '--format', '{{.Containers}} {{.ContainersRunning}}')).toBe('1 1');
  });

  test('a container is inspected with what it has', async () => {
    const template =
      '{{.State.Status}} {{.NetworkSettings.SandboxKey}} {{.NetworkSettings.Networks.lab.IPAddress}}';
    const [status, key, address] = (await ask('inspect', '--format', template, 'web')).split(' ');
    expect(status).toBe('running');
    expect(key).toBe(await bed.docker.run('inspect', '--format', '{{.NetworkSettings.SandboxKey}}', 'web'));
    expect(address).toBe('10.98.0.9');
  });

  test('its network shows it, and the options given to dockerd', async () => {
    const members = '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}';
    expect(await ask('network', 'inspect', '--format', members, 'lab')).toBe('web 10.98.0.9/24');
    expect(JSON.parse(await ask('network', 'inspect', '--format', '{{json .Options}}', 'lab'))).toEqual({
      [mtu]: '1400',
    });
  });
});
