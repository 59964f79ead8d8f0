// A cluster in one machine: hosts h1, h2, … each with a netd of its own, and etcd beside them on the same wire.

import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EtcdMember } from './cluster-bed-etcd.ts';
import type { Netd, TestHost } from './test-host.ts';
import { Underlay } from './underlay.ts';

export interface ClusterBedOptions {
  /** Default: three. */
  readonly hosts?: number;
  /** Members of etcd: one (default) or three. */
  readonly etcd?: 1 | 3;
  /** Hosts reach etcd and each other over IPv6. */
  readonly ipv6Outside?: boolean;
  /** Of every netd. */
  readonly flags?: readonly string[];
}

const firstEtcdNumber = 201;
const outsiderNumber = 100;

export class ClusterBed implements AsyncDisposable {
  /** The names of the hosts with a netd. */
  readonly names: readonly string[];
  readonly underlay: Underlay;
  readonly #ipv6: boolean;
  readonly #flags: readonly string[];
  /** What hosts keep when the power is cut. */
  readonly #disks: string;
  #etcd: readonly EtcdMember[] = [];

  private constructor(underlay: Underlay, disks: string, options: ClusterBedOptions) {
    this.underlay = underlay;
    this.#disks = disks;
    this.#ipv6 = options.ipv6Outside ?? false;
    this.#flags = options.flags ?? [];
    this.names = Array.from({ length: options.hosts ?? 3 }, (_, index) => `h${index + 1}`);
  }

  /** Hosts without a netd, and etcd that answers. Beside them the host `outside`, which has neither. */
  static async start(options: ClusterBedOptions = {}): Promise<ClusterBed> {
    const disks = await mkdtemp(join(tmpdir(), 'fairlead-cluster-'));
    const bed = new ClusterBed(await Underlay.start(), disks, options);
    try {
      await Promise.all(bed.names.map((name) => bed.boot(name)));
      await bed.underlay.add('outside', outsiderNumber);
      await bed.#startEtcd(options.etcd ?? 1);
      return bed;
    } catch (error) {
      await bed[Symbol.asyncDispose]();
      throw error;
    }
  }

  host(name: string): TestHost {
    return this.underlay.host(name);
  }

  /** Where its tunnels end. */
  address(name: string): string {
    return this.#ipv6 ? this.underlay.address6(name) : this.underlay.address(name);
  }

  get etcd(): readonly EtcdMember[] {
    return this.#etcd;
  }

  get etcdNames(): readonly string[] {
    return this.#etcd.map(({ name }) => name);
  }

  /** The only member. */
  get theEtcd(): EtcdMember {
    const [member] = this.#etcd;
    if (member === undefined || this.#etcd.length > 1) throw new Error('etcd has not one member');
    return member;
  }

  /** Starts the netd of a host, with the records it had. */
  netd(name: string, ...flags: readonly string[]): Promise<Netd> {
    return this.host(name).netd(...this.netdFlags(name), ...flags);
  }

  /** The flags every netd of the cluster is started with. */
  netdFlags(name: string): readonly string[] {
    const urls = this.#etcd.flatMap(({ url }) => ['--etcd', url]);
    return [...urls, '--state-dir', join(this.#disks, name), ...this.#flags];
  }

  /** Starts the netd of every host. */
  async netds(...flags: readonly string[]): Promise<ReadonlyMap<string, Netd>> {
    const started = await Promise.all(
      this.names.map(async (name) => [name, await this.netd(name, ...flags)] as const),
    );
    return new Map(started);
  }

  /** Cuts the power of a host; what it has on disk stays. */
  powerOff(name: string): Promise<void> {
    return this.underlay.remove(name);
  }

  /** Starts a host, as another boot each time, without a netd. */
  async boot(name: string): Promise<TestHost> {
    const host = await this.underlay.add(name, this.names.indexOf(name) + 1);
    await mkdir(join(this.#disks, name), { recursive: true });
    await host.shell(`
      echo ${randomUUID()} >/run/boot_id
      mount --bind /run/boot_id /proc/sys/kernel/random/boot_id`);
    return host;
  }

  /** Nothing passes between this host and those, or all of etcd, until `heal`. */
  part(name: string, others: readonly string[] = this.etcdNames): Promise<void> {
    return this.underlay.part(name, others);
  }

  heal(): Promise<void> {
    return this.underlay.heal();
  }

  /** `etcdctl` towards every member; must succeed. */
  etcdctl(...args: readonly string[]): Promise<string> {
    const [member] = this.#etcd;
    if (member === undefined) throw new Error('there is no etcd');
    const urls = this.#etcd.map(({ url }) => url).join(',');
    return member.host.run(['etcdctl', '--endpoints', urls, ...args]);
  }

  /** The keys in the store below this one, without the cluster's prefix. */
  async keys(below = ''): Promise<readonly string[]> {
    const prefix = '/fairlead/v1/';
    const text = await this.etcdctl('get', '--prefix', '--keys-only', prefix + below);
    return text
      .split('\n')
      .filter(Boolean)
      .map((key) => key.slice(prefix.length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that hangs would keep its host from ending.
    await Promise.all(this.#etcd.map((member) => member.kill9()));
    await this.underlay[Symbol.asyncDispose]();
    await rm(this.#disks, { recursive: true, force: true });
  }

  async #startEtcd(count: number): Promise<void> {
    const numbers = Array.from({ length: count }, (_, index) => firstEtcdNumber + index);
    const places = await Promise.all(
      numbers.map(async (number, index) => {
        const name = `e${index + 1}`;
        const host = await this.underlay.add(name, number);
        const address = this.#ipv6 ? `[${this.underlay.address6(name)}]` : this.underlay.address(name);
        return { name, host, address };
      }),
    );
    this.#etcd = places.map((place) => new EtcdMember(place, places));
    for (const member of this.#etcd) member.start();
    await Promise.all(this.#etcd.map((member) => member.healthy()));
  }
}
