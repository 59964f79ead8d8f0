// What formats and filters of the stock docker command line find of Fairlead's sandboxes and events.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerClient, dockerClients } from '../support/engines/docker-client.ts';
import { TestHost } from '../support/test-host.ts';

describe.each(dockerClients())('%s', (path) => {
  let host: TestHost;
  let docker: DockerClient;
  /** Before and after everything that happens in `beforeAll`. */
  let bounds: readonly string[];

  beforeAll(async () => {
    host = await TestHost.start();
    await host.netd();
    docker = new DockerClient(host, path);
    const since = (Date.now() / 1000).toFixed(3);
    await docker.run('network', 'create', '--label', 'stage=test', '--subnet', '10.95.0.0/24', 'lab');
    await docker.run('network', 'create', 'other');
    await host.net('sandbox', 'create', '--label', 'team=net', 'box');
    await docker.run('network', 'connect', '--ip', '10.95.0.9', '--alias', 'www', 'lab', 'box');
    await docker.run('network', 'disconnect', 'lab', 'box');
    const job = ['--name', 'job', '--network', 'lab', '--label', 'team=ops', '-p', '8080:80'];
    await host.net('run', '-d', ...job, '--', 'sleep', '1003');
    await host.net('run', '-d', '--name', 'ended', '--network', 'none', '--', 'sleep', '1004');
    await host.net('kill', 'ended');
    await host.net('sandbox', 'rm', 'box');
    // Events of one millisecond are told apart by later times, so the last may be a little ahead of the clock.
    const until = (Date.now() / 1000 + 1).toFixed(3);
    bounds = ['--since', since, '--until', until, '--format', '{{.Type}} {{.Action}}'];
  });

  afterAll(() => host[Symbol.asyncDispose]());

  const filters = (words: string) => words.split(' ').flatMap((word) => ['--filter', word]);

  test.each([
    ['container=box', ['container create', 'network connect', 'network disconnect', 'container destroy']],
    ['container=box type=container', ['container create', 'container destroy']],
    ['container=ended type=container', ['container create', 'container die']],
    ['label=team', ['container create', 'container create', 'container destroy']],
    ['label=team=ops', ['container create']],
    ['label=team label=team=net', ['container create', 'container destroy']],
    ['label=stage=test', ['network create', 'network connect', 'network disconnect', 'network connect']],
    ['network=lab event=connect', ['network connect', 'network connect']],
    ['network=other', ['network create']],
    ['type=network event=create', ['network create', 'network create']],
    ['event=die event=destroy', ['container die', 'container destroy']],
    ['type=image', []],
  ])('docker events with %s', async (words, expected) => {
    const told = await docker.run('events', ...bounds, ...filters(words));
    expect(told.split('\n').filter(Boolean)).toEqual(expected);
  });

  test('docker events shows labels and how a process ended', async () => {
    const [since, until] = [bounds.slice(0, 2), bounds.slice(2, 4)];
    const died = await docker.run('events', ...since, ...until, '--filter', 'event=die');
    expect(died).toMatch(/ container die [0-9a-f]{64} \(exitCode=137, name=ended\)$/);
    const created = await docker.run('events', ...since, ...until, ...filters('label=team=net event=create'));
    expect(created).toMatch(/ container create [0-9a-f]{64} \(name=box, team=net\)$/);
  });

  test.each([
    ['{{.Names}} {{.State}} {{.Networks}} {{.Label "team"}}', 'job running lab ops'],
    ['{{.Command}} {{.Labels}} {{.Ports}}', '"sleep 1003" team=ops 0.0.0.0:8080->80/tcp, :::8080->80/tcp'],
  ])('docker ps fills in %s', async (template, expected) => {
    const seen = await docker.run('ps', '--filter', 'label=team=ops', '--format', template);
    // Newer command lines write IPv6 addresses in brackets.
    expect(seen.replace('[::]:', ':::')).toBe(expected);
  });

  test('docker ps tells since when something runs, or has ended', async () => {
    const template = ['-a', '--format', '{{.Names}} {{.Status}}'];
    const span = '(Less than a second|\\d+ (seconds?|minutes?))';
    expect(await docker.run('ps', ...template, '--filter', 'name=job')).toMatch(RegExp(`^job Up ${span}$`));
    expect(await docker.run('ps', ...template, '--filter', 'status=exited')).toMatch(
      RegExp(`^ended Exited \\(137\\) ${span} ago$`),
    );
  });

  test.each([
    ['{{.HostConfig.NetworkMode}} {{.Config.Hostname}} {{index .Config.Labels "team"}}', 'lab job ops'],
    [
      '{{range $name, $e := .NetworkSettings.Networks}}{{$name}} {{$e.IPAddress}}/{{$e.IPPrefixLen}}{{end}}',
      /^lab 10\.95\.0\.\d+\/24$/,
    ],
    ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', '8080'],
    ['{{.State.Running}} {{.State.ExitCode}} {{.Path}} {{join .Args " "}}', 'true 0 sleep 1003'],
    ['{{.State.FinishedAt}}', '0001-01-01T00:00:00Z'],
    ['{{.NetworkSettings.Networks.lab.Gateway}}', '10.95.0.1'],
  ])('docker inspect fills in %s', async (template, expected) => {
    expect(await docker.run('inspect', '--format', template, 'job')).toMatch(expected);
  });

  test('docker inspect tells when a process began and ended', async () => {
    const template = '{{.State.StartedAt}} {{.State.FinishedAt}} {{.State.ExitCode}}';
    const [began = '', ended = '', status] = (
      await docker.run('inspect', '--format', template, 'ended')
    ).split(' ');
    expect(status).toBe('137');
    expect(Date.parse(began)).toBeGreaterThanOrEqual(Number(bounds[1]) * 1000);
    expect(Date.parse(ended)).toBeGreaterThan(Date.parse(began));
    expect(Date.parse(ended)).toBeLessThan(Number(bounds[3]) * 1000);
  });

  test.each([
    ['version', '{{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}}', '1.51 1.24 linux'],
    ['version', '{{range .Server.Components}}{{.Name}} {{.Details.ApiVersion}}{{end}}', 'netd 1.51'],
    ['info', '{{.Containers}} {{.ContainersRunning}} {{.ContainersStopped}} {{.Images}}', '2 1 1 0'],
    ['info', '{{.OSType}} {{.Swarm.LocalNodeState}}', 'linux inactive'],
    ['info', '{{json .Plugins.Network}}', /"bridge".*"host".*"macvlan".*"null"/],
  ])('docker %s fills in %s', async (verb, template, expected) => {
    expect(await docker.run(verb, '--format', template)).toMatch(expected);
  });
});
