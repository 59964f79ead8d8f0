// A bridge of the test's own host, with the host's addresses on it, and namespaces plugged into it.
import { run, succeeds } from '../../support/own-network.ts';

export class PodBridge implements Disposable {
  readonly name: string;
  readonly #ports: string[] = [];

  /** @param addresses with prefix length, of the host. */
  constructor(name: string, addresses: readonly string[]) {
    this.name = name;
    run(`ip link add ${name} type bridge`);
    run(`ip link set ${name} up`);
    for (const address of addresses) this.addAddress(address);
  }

  addAddress(address: string): void {
    addAddress(address, this.name);
  }

  removeAddress(address: string): void {
    run(`ip address delete ${address} dev ${this.name}`);
  }

  /** Gives a namespace an interface on the bridge. */
  plug(path: string, ifname: string, addresses: readonly string[]): void {
    const port = `${this.name}p${this.#ports.length}`;
    run(`ip link add ${port} type veth peer name ${ifname} netns ${path}`);
    this.#ports.push(port);
    run(`ip link set ${port} master ${this.name} up`);
    run(`ip link set ${ifname} up`, path);
    for (const address of addresses) addAddress(address, ifname, path);
  }

  [Symbol.dispose](): void {
    for (const link of [...this.#ports, this.name]) succeeds(`ip link delete ${link}`);
  }
}

/** Without waiting whether somebody else has it (RFC 4862 section 5.4), during which nobody can listen there. */
function addAddress(address: string, ifname: string, path?: string): void {
  const nodad = address.includes(':') ? ' nodad' : '';
  run(`ip address add ${address} dev ${ifname}${nodad}`, path);
}
