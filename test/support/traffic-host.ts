// A host with one network of every kind, and a machine outside, for the table of traffic-table.ts.
import type { WhyView } from '../../src/model/why.ts';
import { askApi } from './api-client.ts';
import { chooseIptables } from './iptables-variant.ts';
import { startServer } from './peers.ts';
import type { TestHost } from './test-host.ts';
import { Topology } from './topology.ts';
import { type Asker, type Cell, familiesOf, hasHostPort, type NetworkCase } from './traffic-table.ts';

const reach = new URL('reach.py', import.meta.url).pathname;
/** What must come may take long on a machine that is busy; what must not come is not waited for long. */
const patience = { answers: '40 again', silence: '1.5' };
/** How many commands run at a time. */
const breadth = 6;

export class TrafficHost implements AsyncDisposable {
  readonly #topology: Topology;
  readonly #host: TestHost;
  /** `web3 4` and its address. */
  readonly #addresses = new Map<string, string>();

  private constructor(topology: Topology) {
    this.#topology = topology;
    this.#host = topology.host('host');
  }

  static async start(backend: string, networks: readonly NetworkCase[]): Promise<TrafficHost> {
    const place = new TrafficHost(await Topology.start('host', 'outside'));
    const [firewall = '', variant] = backend.split('-');
    if (variant !== undefined) await chooseIptables(place.#host, variant);
    await place.#host.netd('--firewall', firewall);
    const outside = place.#topology.host('outside');
    await outside.run(['ip', 'route', 'add', '10.120.0.0/16', 'via', place.#topology.address('host')]);
    await outside.run(['ip', 'route', 'add', 'fd12::/32', 'via', place.#topology.address6('host')]);
    await place.#host.net('create', '--ipv6', 'other');
    await place.#host.net('run', '-d', '--name', 'other', '--network', 'other', '--', 'sleep', 'infinity');
    await inBatches(networks, (network) => place.#make(network));
    return place;
  }

  /** Who answers each cell, by real connections: first those that somebody should answer, so that silence means something. */
  async reached(cells: readonly Cell[]): Promise<ReadonlyMap<Cell, string>> {
    const found = new Map<Cell, string>();
    for (const expected of [true, false]) {
      const groups = new Map<string, Cell[]>();
      for (const cell of cells.filter(({ answers }) => answers === expected)) {
        const place = this.#placeOf(cell);
        groups.set(place, [...(groups.get(place) ?? []), cell]);
      }
      await inBatches([...groups], async ([place, asked]) => {
        const lines = asked.map((cell) => {
          const [address, port] = this.#target(cell);
          return `${address} ${port} ${expected ? patience.answers : patience.silence}\n`;
        });
        const output = await this.#ask(place, lines.join(''));
        for (const [i, answer] of output.split('\n').entries()) {
          const cell = asked[i];
          if (cell !== undefined) found.set(cell, answer);
        }
      });
    }
    return found;
  }

  /** What `net why` says of each cell, and its whole answer in words. */
  async explained(cells: readonly Cell[]): Promise<ReadonlyMap<Cell, WhyWay>> {
    const found = new Map<Cell, WhyWay>();
    await inBatches(cells, async (cell) => {
      const { from, to, address } = this.#question(cell);
      const query = new URLSearchParams({ from, to });
      const { status, body } = await askApi(this.#host, 'GET', `/why?${query}`);
      if (status !== 200) throw new Error(`why ${from} ${to}: ${body.message}`);
      const way = (body as WhyView).ways.find((one) => one.address === address);
      if (way === undefined) throw new Error(`why ${from} ${to} says nothing of ${address}`);
      found.set(cell, way);
    });
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#topology[Symbol.asyncDispose]();
  }

  async #make(network: NetworkCase): Promise<void> {
    const { name, families, mode, shape, web, peer, hostPort, subnet, subnet6 } = network;
    await this.#host.net(
      'create',
      ...(families === 'IPv6' ? ['--no-ipv4'] : ['--subnet', subnet]),
      ...(families === 'IPv4' ? [] : ['--ipv6', '--subnet', subnet6]),
      ...(shape === 'internal' ? ['--internal'] : []),
      ...(shape === 'icc off' ? ['-o', 'icc=false'] : []),
      ...familiesOf(network).flatMap((family) => ['-o', `gateway_mode_ipv${family}=${mode}`]),
      name,
    );
    const publish = shape === 'internal' ? [] : ['-p', hasHostPort(network) ? `${hostPort}:80` : '80'];
    await startServer(this.#host, web, '--network', name, ...publish);
    await this.#host.net('run', '-d', '--name', peer, '--network', name, '--', 'sleep', 'infinity');
    const { body } = await askApi(this.#host, 'GET', `/sandboxes/${web}`);
    for (const text of body.endpoints[0].addresses as readonly string[]) {
      const [address = ''] = text.split('/');
      this.#addresses.set(`${web} ${address.includes(':') ? 6 : 4}`, address);
    }
  }

  /** `host`, `outside`, or a sandbox. */
  #placeOf({ network, asker }: Cell): string {
    const places: Readonly<Record<Asker, string>> = {
      'same network': network.peer,
      'other network': 'other',
      host: 'host',
      loopback: 'host',
      outside: 'outside',
      'outside, by the host’s port': 'outside',
      'own port': network.web,
    };
    return places[asker];
  }

  #target({ network, family, asker }: Cell): readonly [address: string, port: number] {
    const { hostPort, web } = network;
    if (asker === 'loopback') return [family === 4 ? '127.0.0.1' : '::1', hostPort];
    if (asker === 'own port' || asker === 'outside, by the host’s port') {
      return [family === 4 ? this.#topology.address('host') : this.#topology.address6('host'), hostPort];
    }
    return [this.#addresses.get(`${web} ${family}`) ?? '', 80];
  }

  #question(cell: Cell): { readonly from: string; readonly to: string; readonly address: string } {
    const [address, port] = this.#target(cell);
    const place = this.#placeOf(cell);
    const outside =
      cell.family === 4 ? this.#topology.address('outside') : this.#topology.address6('outside');
    return {
      from: place === 'outside' ? `outside:eth0,${outside}` : place,
      to:
        port === 80
          ? `${cell.network.web}:80`
          : `${address.includes(':') ? `[${address}]` : address}:${port}`,
      address,
    };
  }

  #ask(place: string, input: string): Promise<string> {
    const command = ['python3', reach];
    if (place === 'host' || place === 'outside') {
      return this.#topology.host(place).run(command, { input });
    }
    return this.#host.run(['net', 'exec', place, '--', ...command], { input });
  }
}

type WhyWay = WhyView['ways'][number];

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const run = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: breadth }, run));
}
