// Looking at interfaces and loopbacks of namespaces somebody else made.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AdoptedNamespace, PinnedNamespace } from '../../../src/sandbox/sandbox.ts';
import { run, showLink } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { attachment, bridge, refused, routes, useLab } from './lab.ts';

const { workspace, sandboxes } = useLab();
let pinned: PinnedNamespace;
let pod: AdoptedNamespace;

beforeEach(async () => {
  pinned = await sandboxes.create('pod');
  pod = await sandboxes.adopt({ path: pinned.path });
});

afterEach(async () => {
  if (showLink('fi-host') !== undefined) run('ip link delete fi-host');
  await sandboxes.remove(pinned, []);
});

function makeVeth(): void {
  run('ip link add fi-host type veth peer name fi-inner');
  run(`ip link set fi-inner address 02:00:00:00:0f:01 mtu 1450 txqueuelen 250 netns ${pod.path} name eth0`);
}

describe('an interface', () => {
  test('is told with its settings, addresses and routes', async () => {
    makeVeth();
    for (const command of [
      'ip link set eth0 up promisc on allmulticast on',
      'ip address add 10.71.0.2/24 dev eth0',
      'ip address add 10.72.0.2/24 dev eth0',
      'ip route add default via 10.71.0.1',
      'ip route add 10.99.0.0/16 via 10.71.0.9 metric 7 mtu 1300 advmss 1200',
      'ip route add 10.98.0.0/16 dev eth0 table 1000',
      'ip route add blackhole 10.97.0.0/16',
    ]) {
      run(command, pod.path);
    }
    const found = await sandboxes.lookAt(pod, 'eth0');
    expect(found).toMatchObject({
      settings: {
        mac: '02:00:00:00:0f:01',
        mtuBytes: 1450,
        promiscuous: true,
        allMulticast: true,
        txQueueLength: 250,
      },
      up: true,
      addresses: ['10.71.0.2/24', '10.72.0.2/24'],
      host: { ifname: 'fi-host' },
    });
    expect(found.routes).toEqual(
      expect.arrayContaining([
        { destination: '0.0.0.0/0', gateway: '10.71.0.1', scope: 0 },
        {
          destination: '10.99.0.0/16',
          gateway: '10.71.0.9',
          metric: 7,
          scope: 0,
          mtuBytes: 1300,
          advertisedMssBytes: 1200,
        },
        { destination: '10.98.0.0/16', table: 1000, scope: 253 },
        { destination: '10.71.0.0/24', scope: 253 },
      ]),
    );
    expect(found.routes).toHaveLength(5);
  });

  test('is told with the bridge its other end is a port of, or none', async () => {
    makeVeth();
    expect((await sandboxes.lookAt(pod, 'eth0')).host).toEqual({ ifname: 'fi-host' });
    run(`ip link set fi-host master ${bridge}`);
    expect(await sandboxes.lookAt(pod, 'eth0')).toMatchObject({
      host: { ifname: 'fi-host', bridge },
      up: false,
    });
  });

  test('has no end on the host when that is in a third namespace, whatever its index', async () => {
    const third = await sandboxes.create('third');
    run('ip link add fi-host index 7001 type veth peer name fi-inner index 7002');
    run(`ip link set fi-inner netns ${third.path}`);
    run('ip link add eth0 index 7002 type veth peer name fi-far index 7001', pod.path);
    expect((await sandboxes.lookAt(pod, 'eth0')).host).toBeUndefined();
    run(`ip link set fi-far netns ${third.path}`, pod.path);
    expect((await sandboxes.lookAt(pod, 'eth0')).host).toBeUndefined();
    expect((await sandboxes.lookAt(third, 'fi-inner')).host).toEqual({ ifname: 'fi-host' });
    // Or it would go with the namespace, at some time.
    run('ip link delete fi-host');
    await sandboxes.remove(third, []);
  });

  test('of ours is told like any other', async () => {
    const made = await sandboxes.attach(pod, attachment(1), routes);
    const found = await sandboxes.lookAt(pod, 'eth0');
    expect(found).toMatchObject({
      settings: { mac: attachment(1).mac, mtuBytes: 1400 },
      addresses: expect.arrayContaining([...attachment(1).addresses]),
      host: { ifname: 'lab-1', bridge },
    });
    expect(made.map(({ name }) => name)).toEqual([bridge, 'lab-1']);
    await sandboxes.detach(pod, attachment(1), {});
  });

  test('that is not there is not found, naming it and the namespace', async () => {
    await refused(
      sandboxes.lookAt(pod, 'eth9'),
      'not_found',
      new RegExp(`interface eth9 does not exist in ${pod.path}`),
    );
  });
});

describe('loopback', () => {
  test('is brought up and down, and told with its addresses', async () => {
    run('ip link set lo down', pod.path);
    run('sysctl -qw net.ipv6.conf.lo.disable_ipv6=0', pod.path);
    expect(await sandboxes.loopback(pod.path, true)).toEqual(['127.0.0.1/8', '::1/128']);
    expect(showLink('lo', pod.path)?.flags).toContain('UP');
    await sandboxes.loopback(pod.path, false);
    expect(showLink('lo', pod.path)?.flags).not.toContain('UP');
  });

  test('is not touched where there is no namespace, or it is the host’s', async () => {
    await refused(sandboxes.loopback('/nowhere', true), 'not_found', /\/nowhere does not exist/);
    await refused(sandboxes.loopback('/etc/passwd', true), 'invalid_parameter', /is not a network namespace/);
    await refused(sandboxes.loopback('/proc/self/ns/net', false), 'invalid_parameter', /the host's own/);
    expect(showLink('lo')?.flags).toContain('UP');
  });
});

describe('a namespace', () => {
  test('is adopted by the path of a process’s, or through a symbolic link', async () => {
    const child = spawn('nsenter', [`--net=${pod.path}`, 'sleep', '60']);
    const path = `/proc/${child.pid}/ns/net`;
    const identity = { device: pod.device, inode: pod.inode };
    const adopted = await waitUntil('the process is in the namespace', async () => {
      const found = await sandboxes.adopt({ path }).catch(() => undefined);
      return found?.inode === pod.inode ? found : undefined;
    });
    expect(adopted).toEqual({ kind: 'adopted', path, ...identity });
    child.kill();
    await once(child, 'close');
    expect(await sandboxes.exists(adopted)).toBe(false);

    const link = join(workspace.runDir, 'netns');
    symlinkSync(workspace.netnsDir, link);
    expect(await sandboxes.adopt({ path: join(link, 'pod') })).toEqual({
      kind: 'adopted',
      path: join(link, 'pod'),
      ...identity,
    });
  });

  test('of the host is not adopted, by whichever path', async () => {
    for (const path of ['/proc/self/ns/net', `/proc/${process.pid}/ns/net`, '/proc/thread-self/ns/net']) {
      await refused(sandboxes.adopt({ path }), 'invalid_parameter', /the host's own network namespace/);
    }
  });
});
