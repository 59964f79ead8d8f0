// One host with netd and a sandbox that asks, and the other servers in that sandbox's namespace: each has the same names, and is asked
// from there over loopback, at port 53; that netd's sockets have another port, to which rules lead, is a part of what it costs the asker.
// Behind each that forwards is an upstream of its own.
import type { HostProcess } from '../../test/support/host-process.ts';
import { TestHost } from '../../test/support/test-host.ts';
import { must } from '../support/ask.ts';
import { sandboxes, upstreamAddress } from './names.ts';
import { startAardvark, startDnsmasq, startTurner, startUnbound } from './peers.ts';
import { asker, inside, type Place, type Server } from './server.ts';

const starts = {
  netd: startNetd,
  unbound: startUnbound,
  dnsmasq: startDnsmasq,
  'aardvark-dns': startAardvark,
  'turned round': startTurner,
} as const;

export class Bed implements Place, AsyncDisposable {
  readonly host: TestHost;
  readonly folder: string;
  readonly program: string;
  readonly #servers = new Map<string, Server>();
  #upstreams: readonly HostProcess[] = [];

  private constructor(host: TestHost, folder: string, program: string) {
    this.host = host;
    this.folder = folder;
    this.program = program;
  }

  static async start(folder: string, program: string): Promise<Bed> {
    const bed = new Bed(await TestHost.start('names'), folder, program);
    try {
      for (const [name, start] of Object.entries(starts)) bed.#servers.set(name, await start(bed));
    } catch (error) {
      await bed[Symbol.asyncDispose]();
      throw error;
    }
    const places = [...bed.#servers.values()].map(({ name, address }) => `${name} at ${address}`);
    console.log(`asked from one sandbox, over its loopback: ${places.join(', ')}`);
    return bed;
  }

  server(name: keyof typeof starts): Server {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`${name} was not started`);
    return server;
  }

  /** One for netd, which asks from the host, and one for the others. */
  async startUpstreams(): Promise<void> {
    const command = [this.program, 'upstream', upstreamAddress];
    this.#upstreams = [command, inside(command)].map((each) => this.host.spawn(each));
    for (const upstream of this.#upstreams) await upstream.line(/ready/);
  }

  /** What is answered of theirs from then on was kept. */
  async endUpstreams(): Promise<void> {
    for (const upstream of this.#upstreams) await upstream.end('SIGTERM');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.host[Symbol.asyncDispose]();
  }
}

async function startNetd({ host }: Place): Promise<Server> {
  const { pid } = await host.netd('--dns', upstreamAddress);
  await must(host, 'POST', '/networks', { name: 'lab', pools: [{ subnet: '10.88.0.0/22' }] });
  for (const { address, names } of [{ address: '10.88.0.99', names: [asker] }, ...sandboxes]) {
    const [target, ...aliases] = names;
    await must(host, 'POST', '/sandboxes', { name: target });
    await must(host, 'POST', '/networks/lab/connect', { target, aliases, addresses: [address] });
  }
  return { name: 'netd', address: '127.0.0.11', pid };
}
