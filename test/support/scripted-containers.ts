// What dockerd does for containers between its calls to a plugin: namespaces at sandbox keys, and the interfaces it takes.
import { expect } from 'vitest';
import type { HostProcess } from './host-process.ts';
import { ask, serverCommand } from './peers.ts';
import type { TestHost } from './test-host.ts';

/** An endpoint's interface and what it gets in its container. */
export interface TakenInterface {
  readonly endpoint: string;
  readonly network: string;
  readonly key: string;
  /** `InterfaceName.SrcName` of the answer to Join. */
  readonly source: string;
  /** With their prefix lengths. */
  readonly addresses: readonly string[];
  readonly mac: string;
  readonly gateways: readonly string[];
}

export class ScriptedContainers {
  readonly #host: TestHost;
  /** Each has a server on port 80 that answers with the last part of its sandbox key. */
  readonly #servers = new Map<string, HostProcess>();
  readonly #taken = new Map<string, TakenInterface>();

  constructor(host: TestHost) {
    this.#host = host;
  }

  /** Makes the namespace at a sandbox key, once. */
  async start(key: string): Promise<void> {
    if (this.#servers.has(key)) return;
    await this.#host.shell(`mkdir -p ${key.slice(0, key.lastIndexOf('/'))}
      touch ${key}
      unshare --net=${key} ip link set lo up`);
    this.#servers.set(key, this.#host.spawn(['nsenter', `--net=${key}`, ...serverCommand(nameOf(key), 80)]));
  }

  /** Moves an interface into its container, and configures it there. */
  async take(taken: TakenInterface): Promise<void> {
    const { key, source, addresses, mac, gateways } = taken;
    const ifname = `eth${this.#of(key).length}`;
    const inside = `nsenter --net=${key} ip`;
    const commands = [
      `ip link set ${source} netns ${key}`,
      `${inside} link set ${source} name ${ifname} address ${mac}`,
      ...addresses.map((address) => `${inside} address add ${address} dev ${ifname} nodad`),
      `${inside} link set ${ifname} up`,
      ...gateways.map((gateway) => `${inside} route replace default via ${gateway}`),
    ];
    await this.#host.shell(commands.join('\n'));
    this.#taken.set(taken.endpoint, taken);
  }

  /** After Leave: fails when the interface is still there. A container without any ends. */
  async left(endpoint: string): Promise<void> {
    const taken = this.#taken.get(endpoint);
    if (taken === undefined) return;
    const { key, mac } = taken;
    expect(await this.#host.run(['nsenter', `--net=${key}`, 'ip', 'link'])).not.toContain(mac);
    this.#taken.delete(endpoint);
    if (this.#of(key).length === 0) await this.stop(key);
  }

  async stop(key: string): Promise<void> {
    await this.#servers.get(key)?.end('SIGKILL');
    this.#servers.delete(key);
    await this.#host.shell(`umount --lazy ${key}
      rm ${key}`);
  }

  /** Fails unless each container reaches every address of the others on its networks, and its gateways; returns how many. */
  async expectTraffic(): Promise<number> {
    const all = [...this.#taken.values()];
    let reached = 0;
    for (const { key, network, gateways } of all) {
      const others = all.filter((other) => other.network === network && other.key !== key);
      const peers = others.flatMap(({ addresses }) => addresses.map(withoutPrefix));
      for (const address of [...peers, ...gateways]) {
        await this.#host.run(['nsenter', `--net=${key}`, 'busybox', 'ping', '-c', '1', '-W', '2', address]);
        reached++;
      }
    }
    return reached;
  }

  /** Fails unless the container answers at a port of the host. */
  async expectPublished(endpoint: string, hostPort: number): Promise<void> {
    const server = nameOf(this.#taken.get(endpoint)?.key ?? 'nobody');
    expect(await ask({ host: this.#host }, '127.0.0.1', hostPort)).toMatchObject({ server });
  }

  #of(key: string): readonly TakenInterface[] {
    return [...this.#taken.values()].filter((taken) => taken.key === key);
  }
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

function withoutPrefix(address: string): string {
  return address.slice(0, address.indexOf('/'));
}
