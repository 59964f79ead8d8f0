// A pod, a container of `ctr` and a plain process on one network: each finds the others by name.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, busyboxImage, serve } from '../support/engines/busybox-image.ts';
import { fairleadConfiguration, installNetwork } from '../support/engines/cni-plugins.ts';
import { Containerd } from '../support/engines/containerd.ts';
import { ControlGroups } from '../support/engines/control-groups.ts';
import { type Ask, fromSandbox, serveCommand, whoAnswers, writeHostSite } from '../support/engines/web.ts';
import type { HostProcess } from '../support/host-process.ts';
import { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const gateway = '10.88.0.1';

let host: TestHost;
let groups: ControlGroups;
let containerd: Containerd;
let pod: string;
let box: HostProcess;
const members = new Map<string, { readonly name: string; readonly ask: Ask }>();

beforeAll(async () => {
  host = await TestHost.start();
  groups = await ControlGroups.start(host);
  await host.netd();
  await installNetwork(host, fairleadConfiguration({ name: 'lab', bridge: 'lab0', subnet: '10.88.0.0/24' }));
  containerd = await Containerd.start(host, groups);
  await startPod();
  await startContainer();
  await startProcess();
});

afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await groups[Symbol.asyncDispose]();
});

async function startPod(): Promise<void> {
  const config = {
    metadata: { name: 'pod', uid: 'uid-pod', namespace: 'default' },
    dns: { servers: [gateway] },
  };
  pod = await containerd.cri.runPod(config);
  const container = await containerd.cri.runContainer(
    { id: pod, config },
    'server',
    busyboxImage,
    serve('pod'),
  );
  members.set('the pod', { name: 'pod', ask: (where) => containerd.cri.exec(container, ...ask(where)) });
}

/** `ctr` takes its network away when it has waited for the container, not when the container was detached. */
async function startContainer(): Promise<void> {
  await host.shell(`echo nameserver ${gateway} >/run/box-resolv.conf`);
  const mount = 'type=bind,src=/run/box-resolv.conf,dst=/etc/resolv.conf,options=rbind:ro';
  const flags = ['--rm', '--cni', '--mount', mount];
  box = host.spawn(['ctr', 'run', ...flags, busyboxImage, 'box', ...serve('box')]);
  let asked = 0;
  const askFromBox: Ask = (where) =>
    containerd.tryCtr('task', 'exec', '--exec-id', `ask${++asked}`, 'box', ...ask(where));
  members.set('the container of ctr', { name: 'default-box', ask: askFromBox });
}

async function startProcess(): Promise<void> {
  writeHostSite(host);
  await host.net('run', '-d', '--name', 'plain', '--network', 'lab', '--', ...serveCommand('plain'));
  members.set('the process', { name: 'plain', ask: fromSandbox(host, 'plain') });
}

describe('on one network', () => {
  test.each([
    ['the pod', 'the container of ctr', 'box'],
    ['the pod', 'the process', 'plain'],
    ['the container of ctr', 'the pod', 'pod'],
    ['the container of ctr', 'the process', 'plain'],
    ['the process', 'the pod', 'pod'],
    ['the process', 'the container of ctr', 'box'],
  ])('%s reaches %s by name', async (from, to, server) => {
    const [asker, asked] = [members.get(from), members.get(to)];
    if (asker === undefined || asked === undefined) throw new Error('they are not there');
    expect(await whoAnswers(asker.ask, asked.name)).toMatchObject({ server });
  });

  test('all are seen, and what is recorded is there', async () => {
    const networks = await host.netJson<{ name: string; endpoints: { sandboxName: string }[] }[]>(
      'inspect',
      'lab',
    );
    const names = networks[0]?.endpoints.map(({ sandboxName }) => sandboxName);
    expect(names?.sort()).toEqual(['default-box', 'plain', 'pod.default']);
    await host.net('check');
  });

  test('the container of ctr is taken away by ctr, the pod by containerd, and nothing of them is left', async () => {
    await containerd.ctr('task', 'kill', '--signal', 'SIGKILL', 'box');
    await box.ended;
    await containerd.cri.stopPod(pod);
    await containerd.cri.removePod(pod);
    const sandboxes = await host.netJson<{ name: string }[]>('sandbox', 'ls');
    expect(sandboxes.map(({ name }) => name)).toEqual(['plain']);
    await waitUntil('one port of the bridge is left', async () => {
      const ports = JSON.parse(await host.run(['ip', '-json', 'link', 'show', 'master', 'lab0'])) as object[];
      return ports.length === 1;
    });
    await host.net('check');
  });
});
