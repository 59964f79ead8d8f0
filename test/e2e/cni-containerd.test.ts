// Pods of containerd, asked for by its CRI as a kubelet does: a configuration with `fairlead-cni` alone gives them what the
// chain bridge, portmap, firewall, bandwidth gives them.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, busyboxImage, serve } from '../support/engines/busybox-image.ts';
import {
  fairleadConfiguration,
  installNetwork,
  type NetworkChoice,
  referenceConfiguration,
} from '../support/engines/cni-plugins.ts';
import { Containerd } from '../support/engines/containerd.ts';
import { ControlGroups } from '../support/engines/control-groups.ts';
import type { PodConfig } from '../support/engines/cri-client.ts';
import { type Ask, fromHost, serveOnHost, whoAnswers } from '../support/engines/web.ts';
import type { HostState, TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';

const network: NetworkChoice = {
  name: 'pods',
  bridge: 'cni0',
  subnet: '10.88.0.0/24',
  subnet6: 'fd88::/64',
};
const dns = {
  servers: ['10.96.0.10', '10.96.0.11'],
  searches: ['default.svc.cluster.local', 'cluster.local'],
  options: ['ndots:5'],
};

interface Pod {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly address6: string;
  readonly container: string;
  readonly ask: Ask;
}

let topology: Topology;
let host: TestHost;
let groups: ControlGroups;
let containerd: Containerd;
/** Before there was a pod. */
let empty: Partial<HostState>;

async function start(configuration: typeof fairleadConfiguration): Promise<void> {
  topology = await Topology.start('host', 'outside');
  host = topology.host('host');
  groups = await ControlGroups.start(host);
  if (configuration === fairleadConfiguration) await host.netd();
  await installNetwork(host, configuration(network));
  containerd = await Containerd.start(host, groups);
  empty = await traces();
  serveOnHost(topology.host('outside'), 'world');
}

async function end(): Promise<void> {
  await topology[Symbol.asyncDispose]();
  await groups[Symbol.asyncDispose]();
}

/** A pod with a server of its name in it. */
async function runPod(name: string, more: Partial<PodConfig> = {}): Promise<Pod> {
  const { cri } = containerd;
  const metadata = { name, uid: `uid-${name}`, namespace: 'default' };
  const config = { metadata, hostname: name, logDirectory: '/run/pods', labels: { app: name }, ...more };
  const id = await cri.runPod(config);
  const container = await cri.runContainer({ id, config }, 'server', busyboxImage, serve(name));
  const { network } = await cri.podStatus(id);
  return {
    name,
    id,
    container,
    address: network?.ip ?? '',
    address6: network?.additionalIps[0]?.ip ?? '',
    ask: (where) => cri.exec(container, ...ask(where)),
  };
}

async function removePod({ id }: Pod): Promise<void> {
  await containerd.cri.stopPod(id);
  await containerd.cri.stopPod(id);
  await containerd.cri.removePod(id);
}

/** Without the IPv6 addresses that the kernel gives links of its own accord, when it finds the time. */
async function traces(): Promise<Partial<HostState>> {
  const { links, namespaces, mounts, ruleset } = await host.state();
  return { links, namespaces, mounts, ruleset };
}

/** Bytes per second of every token bucket on the host. */
async function rateLimits(): Promise<readonly number[]> {
  const disciplines = JSON.parse(await host.run(['tc', '-json', 'qdisc', 'show'])) as {
    kind: string;
    options: { rate: number };
  }[];
  return disciplines
    .filter(({ kind }) => kind === 'tbf')
    .map(({ options }) => options.rate)
    .sort((a, b) => a - b);
}

describe.each([
  ['the chain of reference plugins', referenceConfiguration],
  ['fairlead-cni alone', fairleadConfiguration],
])('with %s, a pod', (_, configuration) => {
  let web: Pod;
  let client: Pod;

  beforeAll(async () => {
    await start(configuration);
    web = await runPod('web', { dns, portMappings: [{ containerPort: 80, hostPort: 8080 }] });
    client = await runPod('client');
  });

  afterAll(end);

  test('has an address of each subnet, and its labels', async () => {
    expect(web.address).toMatch(/^10\.88\.0\.\d+$/);
    expect(web.address6).toMatch(/^fd88::[0-9a-f]+$/);
    expect((await containerd.cri.podStatus(web.id)).labels).toEqual({ app: 'web' });
  });

  test('has the name servers, search domains and options it was given', async () => {
    const { stdout } = await containerd.cri.exec(web.container, 'cat', '/etc/resolv.conf');
    expect(stdout.trim().split('\n').sort()).toEqual([
      'nameserver 10.96.0.10',
      'nameserver 10.96.0.11',
      'options ndots:5',
      'search default.svc.cluster.local cluster.local',
    ]);
  });

  test('is reached by another under its own address', async () => {
    expect(await whoAnswers(client.ask, web.address)).toEqual({ server: 'web', asker: client.address });
    const answer = await whoAnswers(client.ask, `[${web.address6}]`);
    expect(answer).toEqual({ server: 'web', asker: client.address6 });
  });

  test('reaches the world under the host’s address', async () => {
    const answer = await whoAnswers(client.ask, topology.address('outside'));
    expect(answer).toEqual({ server: 'world', asker: topology.address('host') });
  });

  test.each([
    ['IPv4', () => topology.address('host'), () => topology.address('outside')],
    ['IPv6', () => `[${topology.address6('host')}]`, () => topology.address6('outside')],
  ])('is reached by its host port from outside over %s, and sees who asks', async (_, where, asker) => {
    const answer = await whoAnswers(fromHost(topology.host('outside')), `${where()}:8080`);
    expect(answer).toEqual({ server: 'web', asker: asker() });
  });

  test.each([
    ['the host', () => fromHost(host), () => topology.address('host')],
    ['the host at 127.0.0.1', () => fromHost(host), () => '127.0.0.1'],
    ['another pod', () => client.ask, () => topology.address('host')],
    ['itself', () => web.ask, () => topology.address('host')],
  ])('is reached by its host port from %s', async (_, from, where) => {
    expect(await whoAnswers(from(), `${where()}:8080`)).toMatchObject({ server: 'web' });
  });

  test('has rate limits in both directions', async () => {
    const annotations = {
      'kubernetes.io/ingress-bandwidth': '10M',
      'kubernetes.io/egress-bandwidth': '20M',
    };
    const slow = await runPod('slow', { annotations });
    expect(await rateLimits()).toEqual([10e6 / 8, 20e6 / 8]);
    expect(await whoAnswers(client.ask, slow.address)).toMatchObject({ server: 'slow' });
    await removePod(slow);
    expect(await rateLimits()).toEqual([]);
  });

  test('may be stopped twice, and leaves nothing', async () => {
    const before = await traces();
    const brief = await runPod('brief', {
      portMappings: [{ containerPort: 80, hostPort: 8090 }],
      annotations: { 'kubernetes.io/egress-bandwidth': '20M' },
    });
    expect(await whoAnswers(fromHost(host), `${topology.address('host')}:8090`)).toMatchObject({
      server: 'brief',
    });
    await removePod(brief);
    expect(await traces()).toEqual(before);
  });

  if (configuration === referenceConfiguration) return;

  test('is known to netd by its name and namespace, with its address', async () => {
    const [lab] = await host.netJson<{ endpoints: { sandboxName: string; addresses: string[] }[] }[]>(
      'inspect',
      network.name,
    );
    const known = new Map(lab?.endpoints.map((each) => [each.sandboxName, each.addresses]));
    expect(known).toEqual(
      new Map(
        [web, client].map((pod) => [`${pod.name}.default`, [`${pod.address}/24`, `${pod.address6}/64`]]),
      ),
    );
    await host.net('check');
  });

  test('leaves nothing but the network when it was the last, and that is removed like any other', async () => {
    for (const pod of [web, client]) await removePod(pod);
    expect(await host.netJson('sandbox', 'ls')).toEqual([]);
    expect(await host.net('port')).not.toMatch(/8080/);
    await host.net('rm', network.name);
    await host.net('check');
    expect(await traces()).toEqual(empty);
  });
});
