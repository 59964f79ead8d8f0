// A throw-away host with Docker and netd in it, and one beside it on the wire: what the tests of Docker's networks stand on.
import { expect } from 'vitest';
import { askApi } from '../api-client.ts';
import { expectNoRecords } from '../no-records.ts';
import type { HostState, Netd, TestHost } from '../test-host.ts';
import { Topology } from '../topology.ts';
import { waitUntil } from '../wait-until.ts';
import { busyboxImage } from './busybox-image.ts';
import { ControlGroups } from './control-groups.ts';
import { Dockerd } from './dockerd.ts';
import { startEmptyNameServer } from './empty-name-server.ts';

export interface DockerHostOptions {
  /** More flags of dockerd. */
  readonly dockerd?: readonly string[];
  /** Default: dockerd is, as on most machines: then it is who turns forwarding on, and forwards for nobody else by itself. */
  readonly netdIsFirst?: boolean;
}

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly builtin?: boolean;
}

export class DockerHost implements AsyncDisposable {
  readonly docker: Dockerd;
  /** The one that runs; put another here when it was started anew. */
  netd: Netd;
  readonly host: TestHost;
  readonly outside: TestHost;
  /** On the wire. */
  readonly address: string;
  readonly address6: string;
  readonly #topology: Topology;
  readonly groups: ControlGroups;
  readonly #empty: HostState;
  readonly #kept = new Set<string>();

  private constructor(
    { topology, groups }: { readonly topology: Topology; readonly groups: ControlGroups },
    { docker, netd }: { readonly docker: Dockerd; readonly netd: Netd },
    empty: HostState,
  ) {
    this.#topology = topology;
    this.groups = groups;
    this.#empty = empty;
    this.docker = docker;
    this.netd = netd;
    this.host = topology.host('host');
    this.outside = topology.host('outside');
    this.address = topology.address('host');
    this.address6 = topology.address6('host');
  }

  static async start({ dockerd = [], netdIsFirst = false }: DockerHostOptions = {}): Promise<DockerHost> {
    const topology = await Topology.start('host', 'outside');
    const host = topology.host('host');
    const groups = await ControlGroups.start(host);
    const flags = ['--dns', topology.address('outside'), ...dockerd];
    try {
      await startEmptyNameServer(topology.host('outside'));
      const early = netdIsFirst ? undefined : await Dockerd.start(host, groups, flags);
      const netd = await host.netd();
      const docker = early ?? (await Dockerd.start(host, groups, flags));
      await warmUp(host, docker);
      return new DockerHost({ topology, groups }, { docker, netd }, await settledState(host));
    } catch (error) {
      await topology[Symbol.asyncDispose]();
      await groups[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The address of the host outside. */
  get outsideAddress(): string {
    return this.#topology.address('outside');
  }

  get outsideAddress6(): string {
    return this.#topology.address6('outside');
  }

  /** `docker network create` with netd's driver and addresses; returns the id. */
  createNetwork(name: string, ...flags: readonly string[]): Promise<string> {
    return this.docker.run(...createCommand(name, flags));
  }

  /** The same when it must fail; returns what was said. */
  async refusal(name: string, ...flags: readonly string[]): Promise<string> {
    const { status, stderr } = await this.docker.attempt(...createCommand(name, flags));
    expect(status, stderr).not.toBe(0);
    return stderr;
  }

  /** Resolves when netd has learned that name of a network or container of Docker's. */
  async known(what: 'network' | 'container', name: string): Promise<void> {
    const all = what === 'network' ? '/networks' : '/sandboxes';
    await waitUntil(`netd knows ${what} ${name}`, async () =>
      (await this.#list(all)).some((each) => each.name === name),
    );
  }

  /** Fails when anybody answers. Ask the same server from elsewhere before, so that silence means something. */
  async expectSilence(container: string, where: string): Promise<void> {
    const { status, stdout } = await this.docker.from(container)(where);
    // The status of wget(1) when it was refused, and of timeout(1).
    expect([1, 143], `${container} asks ${where}`).toContain(status);
    expect(stdout, `${container} asks ${where}`).toBe('');
  }

  /** What netd records is what the kernel has. */
  async check(): Promise<void> {
    expect((await askApi(this.host, 'GET', '/check')).body).toMatchObject({ differences: [] });
  }

  /** What is there now survives `clear`. */
  async keep(): Promise<void> {
    const { containers, networks, sandboxes } = await this.#all();
    for (const each of [...containers, ...networks, ...sandboxes]) this.#kept.add(each);
  }

  /** Removes what a test made, by whichever door; for after it, should it fail half way as well. */
  async clear(): Promise<void> {
    const others = (all: readonly string[]) => all.filter((each) => !this.#kept.has(each));
    const { containers, networks } = await this.#all();
    await this.remove(...others(containers));
    if (others(networks).length > 0) await this.docker.run('network', 'rm', ...others(networks));
    const left = await this.#all();
    for (const each of others(left.sandboxes)) await this.#delete(`/sandboxes/${each}`);
    for (const each of others(left.ours)) await this.#delete(`/networks/${each}`);
  }

  state(): Promise<HostState> {
    return settledState(this.host);
  }

  /** Removes these containers, running or not. */
  async remove(...containers: readonly string[]): Promise<void> {
    if (containers.length > 0) await this.docker.run('rm', '--force', ...containers);
  }

  /** Removes all that Docker has made; then nothing may be left of it, neither in the kernel nor in the records. */
  async expectNothingLeft(): Promise<void> {
    this.#kept.clear();
    await this.remove(...(await this.#all()).containers);
    const { networks } = await this.#all();
    if (networks.length > 0) await this.docker.run('network', 'rm', ...networks);
    await this.check();
    expect(await this.#list('/sandboxes')).toEqual([]);
    expect(await this.state()).toEqual(this.#empty);
    await this.netd.stop();
    await expectNoRecords(this.host);
    this.netd = await this.host.netd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#topology[Symbol.asyncDispose]();
    await this.groups[Symbol.asyncDispose]();
  }

  async #all() {
    const [containers, networks, sandboxes, ours] = await Promise.all([
      this.docker.words('ps', '--all', '--quiet', '--no-trunc'),
      this.docker.words('network', 'ls', '--quiet', '--no-trunc', '--filter', 'type=custom'),
      this.#ids('/sandboxes'),
      this.#ids('/networks'),
    ]);
    return { containers, networks, sandboxes, ours };
  }

  async #ids(list: string): Promise<readonly string[]> {
    return (await this.#list(list)).filter(({ builtin }) => builtin !== true).map(({ id }) => id);
  }

  async #list(list: string): Promise<readonly Listed[]> {
    const { process } = this.netd;
    if (process.hasEnded) throw new Error(`netd has ended: ${process.stderr}${process.stdout}`);
    return (await askApi(this.host, 'GET', list)).body;
  }

  async #delete(path: string): Promise<void> {
    const { status, body } = await askApi(this.host, 'DELETE', `${path}?force=true`);
    expect(status, JSON.stringify(body)).toBeLessThan(300);
  }
}

/** What the first network or container of a kind leaves on a host for good: forwarding, and Docker's own bridge in use. */
async function warmUp(host: TestHost, docker: Dockerd): Promise<void> {
  const run = ['run', '--rm', busyboxImage, 'busybox', 'true'];
  await Promise.all([
    host.net('create', '--ipv6', 'first').then(() => host.net('rm', 'first')),
    docker.run(...run),
    docker.run(...run.toSpliced(1, 0, '--network', 'host')),
  ]);
  // Its link-local address would come and go with containers.
  await host.run(['sysctl', '-qw', 'net.ipv6.conf.docker0.disable_ipv6=1']);
}

/** When the kernel has looked for duplicates of all addresses: RFC 4862, section 5.4. */
async function settledState(host: TestHost): Promise<HostState> {
  await waitUntil(
    'no address is tentative',
    async () => (await host.run(['ip', '-6', 'address', 'show', 'tentative'])) === '',
  );
  return host.state();
}

function createCommand(name: string, flags: readonly string[]): readonly string[] {
  const drivers = ['--driver', 'fairlead', '--ipam-driver', 'fairlead'];
  return ['network', 'create', ...drivers, ...flags, name];
}
