// One network, four doors: a container of Docker, a process, a pod, and a container that holds only Docker's names.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { busyboxImage } from '../support/engines/busybox-image.ts';
import { installNetwork, type NetworkConfiguration } from '../support/engines/cni-plugins.ts';
import { CniRuntime } from '../support/engines/cni-runtime.ts';
import { DockerHost } from '../support/engines/docker-host.ts';
import type { Dockerd } from '../support/engines/dockerd.ts';
import {
  type Ask,
  fromSandbox,
  serveCommand,
  serveOnHost,
  urlOf,
  whoAnswers,
  writeHostSite,
} from '../support/engines/web.ts';
import type { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const executable = new URL('../../bin/fairlead-cni', import.meta.url).pathname;

/** A pod's way onto a network that is there. */
const configuration: NetworkConfiguration = {
  name: 'lab',
  conflist: { cniVersion: '1.0.0', name: 'lab', plugins: [{ type: 'fairlead-cni', network: 'lab' }] },
  executables: { 'fairlead-cni': executable },
};

let bed: DockerHost;
let docker: Dockerd;
let host: TestHost;

beforeAll(async () => {
  bed = await DockerHost.start({ netdIsFirst: true });
  ({ docker, host } = bed);
  serveOnHost(bed.outside, 'outside');
  writeHostSite(host);
  await bed.createNetwork('lab');
  await bed.known('network', 'lab');
  await host.net('run', '-d', '--name', 'job', '--network', 'lab', '--', ...serveCommand('job'));
  await startPod('pod');
  await docker.serve('web', '--network', 'lab', '--network-alias', 'www', '--hostname', 'inside');
  await bed.known('container', 'web');
  await bed.keep();
});

afterAll(() => bed[Symbol.asyncDispose]());
afterEach(async () => {
  await bed.check();
  await bed.clear();
});

async function startPod(name: string): Promise<void> {
  await installNetwork(host, configuration);
  const runtime = new CniRuntime(host, configuration);
  await runtime.makeNamespaces([name]);
  const CNI_ARGS = `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name}`;
  const { status, stderr } = await runtime.call('ADD', name, {}, { CNI_ARGS });
  expect(status, stderr).toBe(0);
  host.spawn(['ip', 'netns', 'exec', name, ...serveCommand(name)]);
}

/** A pod asks the resolver its engine was told of: that of the network's gateway. */
const fromPod: Ask = async (where) => {
  const [address] = /^[\d.]+$/.test(where) ? [where] : await resolveIn('pod', where);
  if (address === undefined) return { stdout: '', stderr: `pod does not know ${where}` };
  return host.attempt(['ip', 'netns', 'exec', 'pod', 'curl', '--silent', '--max-time', '2', urlOf(address)]);
};

async function resolveIn(namespace: string, name: string): Promise<readonly string[]> {
  const gateway = await docker.inspect<string>('(index .IPAM.Config 0).Gateway', 'lab');
  const dig = ['dig', '+short', '+tries=1', '+time=2', `@${gateway}`, name];
  const text = await host.run(['ip', 'netns', 'exec', namespace, ...dig]);
  return text.split('\n').filter(Boolean);
}

const ways: Readonly<Record<string, Ask>> = {
  web: (where) => docker.from('web')(where),
  job: (where) => fromSandbox(host, 'job')(where),
  pod: fromPod,
};

/** The answer of Docker's and netd's resolvers together, as a program in the container gets it. */
async function ask(container: string, name: string, ...flags: readonly string[]): Promise<string> {
  const pid = await docker.inspect<number>('.State.Pid', container);
  return host.run(['nsenter', '-t', String(pid), '-n', 'dig', '@127.0.0.11', '+tries=1', ...flags, name]);
}

describe('names across doors', () => {
  test.each([
    ['web', 'job'],
    ['web', 'pod'],
    ['web', 'web'],
    ['job', 'web'],
    ['job', 'pod'],
    ['pod', 'web'],
    ['pod', 'job'],
  ])('%s reaches %s by its name', async (from, to) => {
    expect(await whoAnswers(ways[from] as Ask, to)).toMatchObject({ server: to });
  });

  test.each(['www', 'web.lab'])('a process and a pod reach the container as %s', async (name) => {
    for (const from of ['job', 'pod']) {
      expect(await whoAnswers(ways[from] as Ask, name)).toMatchObject({ server: 'web' });
    }
  });

  test('a container’s short id is a name of it, as on Docker’s networks', async () => {
    const id = await docker.inspect<string>('.Id', 'web');
    expect(await whoAnswers(ways['job'] as Ask, id.slice(0, 12))).toMatchObject({ server: 'web' });
  });

  test('an alias of a process is known in a container', async () => {
    await host.net('sandbox', 'create', 'late');
    await host.net('connect', '--alias', 'tardy', 'lab', 'late');
    const [address = ''] = (await ask('web', 'tardy', '+short')).split('\n');
    expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    await host.net('disconnect', 'lab', 'late');
    expect(await ask('web', 'tardy')).toMatch(/NXDOMAIN/);
  });

  test('an address has its name in a container, whoever made that', async () => {
    const address = await docker.addressOf('web', 'lab');
    expect(await ask('web', address, '+short', '-x')).toBe('web.lab.');
  });

  test('a renamed container has the new name, and not the old one', async () => {
    await docker.serve('old', '--network', 'lab');
    expect(await whoAnswers(ways['job'] as Ask, 'old')).toMatchObject({ server: 'old' });
    await docker.run('rename', 'old', 'new');
    expect(await whoAnswers(ways['job'] as Ask, 'new')).toMatchObject({ server: 'old' });
    expect(await whoAnswers(ways['web'] as Ask, 'new')).toMatchObject({ server: 'old' });
    expect((await (ways['job'] as Ask)('old')).stdout).toBe('');
  });

  test('a container that was restarted has its name and aliases again', async () => {
    await docker.serve('brief', '--network', 'lab', '--network-alias', 'short');
    await docker.run('restart', '--time', '0', 'brief');
    for (const name of ['brief', 'short']) {
      expect(await whoAnswers(ways['job'] as Ask, name)).toMatchObject({ server: 'brief' });
    }
    expect(await whoAnswers(docker.from('brief'), 'job')).toMatchObject({ server: 'job' });
  });

  test('a container that was removed is unknown', async () => {
    await docker.serve('brief', '--network', 'lab');
    expect(await whoAnswers(ways['job'] as Ask, 'brief')).toMatchObject({ server: 'brief' });
    await bed.remove('brief');
    expect((await (ways['job'] as Ask)('brief')).stdout).toBe('');
    expect(await ask('web', 'brief')).toMatch(/NXDOMAIN/);
  });

  test('a container connected later knows and is known', async () => {
    await docker.serve('late');
    await docker.run('network', 'connect', '--alias', 'tardy', 'lab', 'late');
    for (const name of ['late', 'tardy']) {
      expect(await whoAnswers(ways['job'] as Ask, name)).toMatchObject({ server: 'late' });
    }
  });

  test('a name that a process has already is not taken from it', async () => {
    await docker.serve('job', '--network', 'lab');
    const address = await docker.addressOf('job', 'lab');
    expect(await whoAnswers(ways['web'] as Ask, address)).toMatchObject({ server: 'job' });
    expect((await host.net('sandbox', 'ls', '--format', 'json')).match(/"name": ?"job"/g)).toHaveLength(1);
  });
});

describe('Docker’s own resolver in a container', () => {
  test('is asked for what netd does not know, and says so itself', async () => {
    expect(await ask('web', 'nobody')).toMatch(/status: NXDOMAIN/);
  });

  test('answers for Docker’s networks that the container is on as well', async () => {
    await docker.run('network', 'create', 'bridged');
    await docker.serve('there', '--network', 'bridged');
    await docker.serve('both', '--network', 'lab');
    await docker.run('network', 'connect', 'bridged', 'both');
    expect(await whoAnswers(docker.from('both'), 'there')).toMatchObject({ server: 'there' });
    expect(await whoAnswers(docker.from('both'), 'job')).toMatchObject({ server: 'job' });
    expect(await whoAnswers(docker.from('there'), 'both')).toMatchObject({ server: 'both' });
  });

  test('is reached over TCP, too', async () => {
    expect(await ask('web', 'nobody', '+tcp')).toMatch(/status: NXDOMAIN/);
    expect(await ask('web', 'job', '+tcp', '+short')).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });

  test('alone is asked while netd is dead, without a question lost', async () => {
    await docker.serve('peer', '--network', 'lab');
    expect(await whoAnswers(ways['web'] as Ask, 'peer')).toMatchObject({ server: 'peer' });
    await bed.netd.kill9();
    expect(await whoAnswers(ways['web'] as Ask, 'peer')).toMatchObject({ server: 'peer' });
    expect(await ask('web', 'job')).toMatch(/NXDOMAIN/);
    bed.netd = await host.netd();
    expect(await whoAnswers(ways['web'] as Ask, 'job')).toMatchObject({ server: 'job' });
    expect(await whoAnswers(ways['job'] as Ask, 'peer')).toMatchObject({ server: 'peer' });
  });

  test('leaves port 53 to a name server that runs in the container', async () => {
    const resolver = ['--network', 'lab', '--name', 'resolver', busyboxImage];
    await docker.run(
      'run',
      '--detach',
      ...resolver,
      'busybox',
      'nc',
      '-ll',
      '-p',
      '53',
      '-e',
      'cat',
      '/who/cgi-bin/who',
    );
    const listens = async () =>
      (await docker.run('exec', 'resolver', 'busybox', 'netstat', '-ltn')).includes(':53 ');
    await waitUntil('it listens at port 53', listens);
    const pid = await docker.inspect<number>('.State.Pid', 'resolver');
    const inside = ['nsenter', '-t', String(pid), '-n'];
    // Of UDP as well, at every address.
    const udp = host.spawn([...inside, 'socat', '-u', 'UDP4-RECV:53', 'CREATE:/run/heard']);
    const address = await docker.addressOf('resolver', 'lab');
    await waitUntil('a datagram is heard at port 53', async () => {
      await host.attempt(['socat', '-u', 'STDIN', `UDP4-SENDTO:${address}:53`], { input: 'question' });
      return (await host.attempt(['cat', '/run/heard'])).stdout.includes('question');
    });
    await udp.end('SIGTERM');
    expect(await ask('resolver', 'job', '+short')).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });
});

test('nothing is left when all is removed', async () => {
  await host.net('stop', 'job');
  await host.net('sandbox', 'rm', 'job');
  const { status } = await new CniRuntime(host, configuration).call('DEL', 'pod');
  expect(status).toBe(0);
  await host.run(['ip', 'netns', 'del', 'pod']);
  await bed.expectNothingLeft();
});
