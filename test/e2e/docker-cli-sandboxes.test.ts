// What the stock docker command line sees of events, and of sandboxes, which stand where Docker has containers.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DockerClient, dockerClients } from '../support/engines/docker-client.ts';
import { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

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

  describe('events', () => {
    test('tell what happened to networks, until the time asked for', async () => {
      const since = (Date.now() / 1000).toFixed(3);
      const id = await docker.run('network', 'create', 'told');
      await docker.run('network', 'connect', 'told', 'box');
      await docker.run('network', 'disconnect', 'told', 'box');
      await docker.run('network', 'rm', 'told');
      // Events of one millisecond are told apart by later times, so the last may be a little ahead of the clock.
      const until = (Date.now() / 1000 + 1).toFixed(3);
      const bounds = ['--since', since, '--until', until, '--filter', 'network=told'];
      const lines = await docker.run('events', ...bounds, '--format', '{{json .}}');
      const events = lines.split('\n').map((line) => JSON.parse(line));
      expect(events.map(({ Action }) => Action)).toEqual(['create', 'connect', 'disconnect', 'destroy']);
      for (const event of events) {
        const Actor = { ID: id, Attributes: { name: 'told', type: 'bridge' } };
        expect(event).toMatchObject({ Type: 'network', scope: 'local', Actor });
      }
      expect(events[1].Actor.Attributes.container).toBe(box);
      const connects = await docker.run('events', ...bounds, '--filter', 'event=connect');
      expect(connects).toMatch(new RegExp(`^\\S+ network connect ${id} \\(.*container=${box}.*\\)$`));
    });

    test('are told while they happen', async () => {
      const client = docker.spawn('events', '--filter', 'type=network', '--filter', 'event=destroy');
      // Nothing says when the client listens: what it missed is made to happen again.
      await waitUntil('an event is told', async () => {
        await docker.run('network', 'create', 'live');
        await docker.run('network', 'rm', 'live');
        return client.stdout !== '';
      });
      expect(client.stdout).toMatch(/ network destroy [0-9a-f]{64} \(name=live, type=bridge\)\n/);
      await client.end('SIGKILL');
    });
  });

  describe('sandboxes', () => {
    const listed = (...flags: readonly string[]) => docker.words('ps', '--format', '{{.Names}}', ...flags);

    test.each([
      ['', ['job']],
      ['-a', ['box', 'job']],
      ['-a --filter name=bo', ['box']],
      ['-a --filter status=running', ['job']],
      ['-a --filter status=created', ['box']],
      ['-a --filter network=bridge', ['job']],
      ['-a --filter network=none', []],
    ])('are listed by docker ps %s', async (words, expected) => {
      expect(await listed(...words.split(' ').filter(Boolean))).toEqual(expected);
    });

    test('are found by id, and shown in a table', async () => {
      expect(await listed('-a', '--filter', `id=${box.slice(0, 12)}`)).toEqual(['box']);
      expect(await docker.words('ps', '-aq', '--no-trunc', '--filter', 'name=box')).toEqual([box]);
      expect(await docker.run('ps')).toMatch(/^[0-9a-f]{12} .*"sleep 1003".* Up .* job$/m);
    });

    test('are inspected by name, id and beginning of an id', async () => {
      const format = ['--format', '{{.Name}} {{.State.Status}} {{.State.Running}}'];
      for (const ref of ['box', box, box.slice(0, 9)]) {
        expect(await docker.run('inspect', ...format, ref)).toBe('/box created false');
      }
      expect(await docker.run('inspect', ...format, 'job')).toBe('/job running true');
      const address = '{{.NetworkSettings.Networks.bridge.IPAddress}}';
      const seen = await docker.run('container', 'inspect', '--format', address, 'job');
      expect(seen).toMatch(/^10\.209\.\d+\.\d+$/);
      expect(await host.net('exec', 'job', '--', 'hostname', '-I')).toContain(seen);
    });
  });
});
