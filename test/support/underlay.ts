// The wire between throw-away hosts: a bridge in a namespace of its own, on which any two can be parted.
import { TestHost } from './test-host.ts';

export class Underlay implements AsyncDisposable {
  readonly #wire: TestHost;
  readonly #hosts = new Map<string, { readonly number: number; readonly host: TestHost }>();

  private constructor(wire: TestHost) {
    this.#wire = wire;
  }

  static async start(): Promise<Underlay> {
    const underlay = new Underlay(await TestHost.start('wire'));
    try {
      await underlay.#wire.shell(`
        ip link add wire type bridge forward_delay 0
        ip address add 10.99.0.254/24 dev wire
        ip address add fd99::fe/64 dev wire nodad
        ip link set wire up
        nft -f - <<'RULES'
        table bridge parting {
          set parted {
            type ifname . ifname
          }
          chain forward {
            type filter hook forward priority filter
            iifname . oifname @parted drop
          }
        }
RULES`);
      return underlay;
    } catch (error) {
      await underlay[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * A host whose `eth0` has 10.99.0.NUMBER/24, fd99::NUMBER/64, a hardware address made of the number, and default routes through
   * the wire's .254.
   */
  async add(name: string, number: number): Promise<TestHost> {
    const host = await TestHost.start(name);
    this.#hosts.set(name, { number, host });
    const port = portOf(name);
    await this.#wire.plug(port, host);
    await this.#wire.shell(`ip link set ${port} master wire up`);
    await host.shell(`
      ip address add ${this.address(name)}/24 dev eth0
      ip address add ${this.address6(name)}/64 dev eth0 nodad
      ip link set eth0 addrgenmode none address 02:99:00:00:00:${hex(number).padStart(2, '0')}
      ip link set eth0 up
      ip route add default via 10.99.0.254
      ip -6 route add default via fd99::fe`);
    return host;
  }

  host(name: string): TestHost {
    return this.#find(name).host;
  }

  /** The IPv4 address of a host on the wire. */
  address(name: string): string {
    return `10.99.0.${this.#find(name).number}`;
  }

  /** The IPv6 address of a host on the wire. */
  address6(name: string): string {
    return `fd99::${hex(this.#find(name).number)}`;
  }

  /** From now on nothing passes between one host and these others; what they send is lost without a word. */
  async part(name: string, others: readonly string[]): Promise<void> {
    const pairs = others.flatMap((other) => [
      `"${portOf(name)}" . "${portOf(other)}"`,
      `"${portOf(other)}" . "${portOf(name)}"`,
    ]);
    await this.#wire.run(['nft', `add element bridge parting parted { ${pairs.join(', ')} }`]);
  }

  /** Ends every parting. */
  async heal(): Promise<void> {
    await this.#wire.run(['nft', 'flush set bridge parting parted']);
  }

  /** Cuts the power: the host and all it knew that was not on a disk of others is gone. Its name and number can be added again. */
  async remove(name: string): Promise<void> {
    const { host } = this.#find(name);
    this.#hosts.delete(name);
    await host[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const hosts = [...this.#hosts.values()].map(({ host }) => host);
    await Promise.all([this.#wire, ...hosts].map((host) => host[Symbol.asyncDispose]()));
  }

  #find(name: string): { readonly number: number; readonly host: TestHost } {
    const found = this.#hosts.get(name);
    if (found === undefined) throw new Error(`no host ${name}`);
    return found;
  }
}

/** The wire's end of a host's cable. */
function portOf(name: string): string {
  return `port-${name}`;
}

function hex(number: number): string {
  return number.toString(16);
}
