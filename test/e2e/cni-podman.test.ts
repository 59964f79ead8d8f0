// podman's containers on a network of `fairlead-cni`.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, busyboxImage, serve } from '../support/engines/busybox-image.ts';
import { fairleadConfiguration, installNetwork } from '../support/engines/cni-plugins.ts';
import { ControlGroups } from '../support/engines/control-groups.ts';
import { Podman } from '../support/engines/podman.ts';
import { type Ask, fromHost, whoAnswers } from '../support/engines/web.ts';
import type { HostState, TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';

let topology: Topology;
let host: TestHost;
let groups: ControlGroups;
let podman: Podman;
let empty: HostState;

beforeAll(async () => {
  topology = await Topology.start('host', 'outside');
  host = topology.host('host');
  groups = await ControlGroups.start(host);
  await host.netd();
  await installNetwork(host, fairleadConfiguration({ name: 'lab', bridge: 'lab0', subnet: '10.88.0.0/24' }));
  podman = await Podman.start(host, groups);
  empty = await host.state();
  await run('web', '--publish', '8080:80');
  await run('client');
});

afterAll(async () => {
  await topology[Symbol.asyncDispose]();
  await groups[Symbol.asyncDispose]();
});

/** A container with a server of its name in it. */
async function run(name: string, ...flags: readonly string[]): Promise<void> {
  await podman.run(
    'run',
    '--detach',
    '--name',
    name,
    '--network',
    'lab',
    ...flags,
    busyboxImage,
    ...serve(name),
  );
}

function from(container: string): Ask {
  return (where) => podman.attempt('exec', container, ...ask(where));
}

/** Stops it first: nothing in it listens to signals. */
async function remove(container: string): Promise<void> {
  await podman.run('stop', '--time', '0', container);
  await podman.run('rm', container);
}

async function addressOf(container: string): Promise<string> {
  const network = '(index .NetworkSettings.Networks "lab")';
  return await podman.run('inspect', '--format', `{{${network}.IPAddress}}`, container);
}

describe('a container of podman', () => {
  test('is on the network that podman was told of', async () => {
    expect(await podman.run('network', 'ls', '--format', '{{.Name}}')).toMatch(/^lab$/m);
    expect(await addressOf('web')).toMatch(/^10\.88\.0\.\d+$/);
  });

  test('is reached by name, and sees who asks', async () => {
    const answer = { server: 'web', asker: await addressOf('client') };
    expect(await whoAnswers(from('client'), 'web')).toEqual(answer);
    expect(await whoAnswers(from('web'), 'client')).toMatchObject({ server: 'client' });
  });

  test('is reached by its published port, from the host and from outside', async () => {
    const address = topology.address('host');
    expect(await whoAnswers(fromHost(host), `${address}:8080`)).toMatchObject({ server: 'web' });
    const answer = await whoAnswers(fromHost(topology.host('outside')), `${address}:8080`);
    expect(answer).toEqual({ server: 'web', asker: topology.address('outside') });
  });

  test('has the address, the MAC address and the names it was run with', async () => {
    const address = '10.88.0.77';
    const mac = '02:00:00:00:00:77';
    await run('fixed', '--ip', address, '--mac-address', mac, '--network-alias', 'steady');
    const link = await podman.run('exec', 'fixed', 'ip', '-o', 'link', 'show', 'eth0');
    expect(link).toContain(mac);
    for (const where of [address, 'fixed', 'steady']) {
      expect(await whoAnswers(from('client'), where)).toMatchObject({ server: 'fixed' });
    }
    await remove('fixed');
  });

  test('is found again after it was stopped and started', async () => {
    await podman.run('stop', '--time', '0', 'web');
    await podman.run('start', 'web');
    expect(await whoAnswers(from('client'), 'web')).toMatchObject({ server: 'web' });
    const address = `${topology.address('host')}:8080`;
    expect(await whoAnswers(fromHost(host), address)).toMatchObject({ server: 'web' });
  });

  test('leaves nothing when it is removed', async () => {
    const before = await host.state();
    await run('brief', '--publish', '8090:80', '--network-alias', 'short');
    expect(await whoAnswers(from('client'), 'short')).toMatchObject({ server: 'brief' });
    await remove('brief');
    await host.net('check');
    expect(await host.state()).toEqual(before);
    expect(await host.net('port')).not.toMatch(/8090/);
  });

  test('leaves nothing but its network when it was the last, and that is removed like any other', async () => {
    for (const container of ['web', 'client']) await remove(container);
    expect(await host.netJson('sandbox', 'ls')).toEqual([]);
    await host.net('rm', 'lab');
    await host.net('check');
    expect(await host.state()).toEqual(empty);
  });
});
