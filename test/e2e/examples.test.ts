// Every example does what its README says, and leaves nothing.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { busyboxImage } from '../support/engines/busybox-image.ts';
import { Containerd } from '../support/engines/containerd.ts';
import { ControlGroups } from '../support/engines/control-groups.ts';
import { clientEnvironment, Dockerd } from '../support/engines/dockerd.ts';
import { Podman } from '../support/engines/podman.ts';
import type { TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';

const folder = new URL('../../examples/', import.meta.url).pathname;

interface Example {
  readonly args: readonly string[];
  /** What it must print last. */
  readonly prints: RegExp;
  /** Installs and starts what it needs besides netd; returns how to run its script there. */
  readonly engine?: (host: TestHost, groups: ControlGroups) => Promise<Run>;
}

type Run = (...command: readonly string[]) => Promise<string>;

const examples: Readonly<Record<string, Example>> = {
  '01-two-processes-by-name': { args: [], prints: /^hello, found by name$/m },
  '02-publish-a-port': { args: [], prints: /(^hello, by the published port\n?){2}/m },
  '03-macvlan': {
    args: ['eth0', '10.99.0.0/24', '10.99.0.254', '10.99.0.50'],
    prints: /^eth0\S* .*10\.99\.0\.50\/24/m,
  },
  '04-containerd': {
    args: [busyboxImage],
    prints: /^hello, from a container of containerd$/m,
    engine: async (host, groups) => {
      await host.net('install', '--cni');
      await Containerd.start(host, groups);
      return (...command) => host.run(command);
    },
  },
  '05-podman': {
    args: [busyboxImage],
    prints: /(^hello, from a container of podman\n?){2}/m,
    engine: async (host, groups) => {
      await host.net('install', '--cni');
      const podman = await Podman.start(host, groups);
      return (...command) => podman.within(...command);
    },
  },
  '06-docker': {
    args: [busyboxImage],
    prints: /^hello, from a container of Docker\nhello from a process\nhello, from a container of Docker$/m,
    engine: async (host, groups) => {
      await Dockerd.start(host, groups);
      return (...command) => host.run(command, { env: clientEnvironment });
    },
  },
  '07-overlay': { args: [], prints: /^h2: hello from web on h1\nh3: hello from web on h1$/m },
};

test('every example is tested', () => {
  expect(readdirSync(folder).sort()).toEqual(Object.keys(examples));
});

test.each(Object.entries(examples))('example %s', async (name, { args, prints, engine }) => {
  const topology = await Topology.start('host');
  const host = topology.host('host');
  const groups = engine === undefined ? undefined : await ControlGroups.start(host);
  try {
    await host.netd();
    const run: Run =
      groups === undefined || engine === undefined
        ? (...command) => host.run(command)
        : await engine(host, groups);
    const before = await host.state();
    expect(await run(`${folder}${name}/run.sh`, ...args)).toMatch(prints);
    await host.net('check');
    expect(await host.state()).toEqual(before);
  } finally {
    await topology[Symbol.asyncDispose]();
    await groups?.[Symbol.asyncDispose]();
  }
});
