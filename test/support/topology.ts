// Several throw-away hosts on one wire, numbered in their order.
import type { TestHost } from './test-host.ts';
import { Underlay } from './underlay.ts';

export class Topology implements AsyncDisposable {
  readonly #underlay: Underlay;

  private constructor(underlay: Underlay) {
    this.#underlay = underlay;
  }

  /** Hosts by name; the Nth has `eth0` with 10.99.0.N/24 and fd99::N/64 and its default routes through the wire's .254. */
  static async start(...names: readonly string[]): Promise<Topology> {
    const topology = new Topology(await Underlay.start());
    try {
      for (const [index, name] of names.entries()) await topology.#underlay.add(name, index + 1);
      return topology;
    } catch (error) {
      await topology[Symbol.asyncDispose]();
      throw error;
    }
  }

  host(name: string): TestHost {
    return this.#underlay.host(name);
  }

  /** The IPv4 address of a host on the wire. */
  address(name: string): string {
    return this.#underlay.address(name);
  }

  /** The IPv6 address of a host on the wire. */
  address6(name: string): string {
    return this.#underlay.address6(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#underlay[Symbol.asyncDispose]();
  }
}
