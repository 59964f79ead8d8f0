// Several throw-away hosts on one wire: a bridge in a namespace of its own.
import { TestHost } from './test-host.ts';

export class Topology implements AsyncDisposable {
  readonly #wire: TestHost;
  readonly #hosts = new Map<string, TestHost>();

  private constructor(wire: TestHost) {
    this.#wire = wire;
  }

  /** Hosts by name; the Nth has `eth0` with 10.99.0.N/24 and fd99::N/64 and its default routes through the wire's .254. */
  static async start(...names: readonly string[]): Promise<Topology> {
    const topology = new Topology(await TestHost.start('wire'));
    try {
      await topology.#wire.shell(`
        ip link add wire type bridge forward_delay 0
        ip address add 10.99.0.254/24 dev wire
        ip address add fd99::fe/64 dev wire nodad
        ip link set wire up`);
      for (const name of names) await topology.#add(name);
      return topology;
    } catch (error) {
      await topology[Symbol.asyncDispose]();
      throw error;
    }
  }

  host(name: string): TestHost {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  /** The IPv4 address of a host on the wire. */
  address(name: string): string {
    return `10.99.0.${this.#number(name)}`;
  }

  /** The IPv6 address of a host on the wire. */
  address6(name: string): string {
    return `fd99::${this.#number(name).toString(16)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#wire, ...this.#hosts.values()].map((host) => host[Symbol.asyncDispose]()));
  }

  async #add(name: string): Promise<void> {
    const host = await TestHost.start(name);
    this.#hosts.set(name, host);
    const port = `port${this.#number(name)}`;
    await this.#wire.plug(port, host);
    await this.#wire.shell(`ip link set ${port} master wire up`);
    await host.shell(`
      ip address add ${this.address(name)}/24 dev eth0
      ip address add ${this.address6(name)}/64 dev eth0 nodad
      ip link set eth0 addrgenmode none
      ip link set eth0 up
      ip route add default via 10.99.0.254
      ip -6 route add default via fd99::fe`);
  }

  #number(name: string): number {
    return [...this.#hosts.keys()].indexOf(name) + 1;
  }
}
