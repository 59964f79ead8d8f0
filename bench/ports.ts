// What a published port costs as their number grows, with both backends and beside the rules that dockerd and the CNI plugin
// portmap make: adding one more, connecting through the last, throughput, memory, and restoring all of them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestHost } from '../test/support/test-host.ts';
import { must } from './support/ask.ts';
import { compile } from './support/compile.ts';
import { printMark, printSummary, type Summary, timeMs } from './support/figures.ts';
import { residentMiB } from './support/process-figures.ts';

const populations = [1, 1000, 10_000] as const;
const [fewest, most] = [1, 10_000] as const;
const added = 30;
const warmUp = 10;
const connections = 2000;
const seconds = 2;
/** The API takes no more at once. */
const perRequest = 1000;
/** Ports lie two apart, so that no two of them make a range. */
const portAt = (position: number) => 20_000 + 2 * position;
const extraPort = portAt(most) + 2;
const rangeFirst = 50_000;
const rangeLast = 50_999;
const outside = `
  ip netns add outside
  ip link add out0 type veth peer name eth0 netns outside
  ip address add 192.0.2.1/24 dev out0
  ip link set out0 up
  ip -n outside link set eth0 up
  ip -n outside address add 192.0.2.2/24 dev eth0
  ip -n outside route add default via 192.0.2.1`;

/** One way to publish ports of the namespace `web`. */
interface Publisher {
  readonly name: string;
  readonly host: TestHost;
  /** Publishes these ports, number for number. */
  publish(ports: readonly number[]): Promise<void>;
  /** Publishes one more, for somebody else. */
  add(port: number): Promise<void>;
  /** Publishes many that follow each other at once. */
  addRange?(first: number, last: number): Promise<void>;
  /** Of the daemon, where one stays. */
  residentMiB?(): number;
}

interface Figures {
  readonly adding: readonly Summary[];
  readonly connecting: readonly Summary[];
}

const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const tcp = join(folder, 'tcp');
compile({ file: 'tcp.c' }, tcp);
try {
  const nftables = await inHost('nftables', (host) => fairlead(host, 'nftables'));
  const iptables = await inHost('iptables', (host) => fairlead(host, 'iptables'));
  const dockerd = await inHost('dockerd', (host) =>
    byHand(host, 'rules as dockerd makes them', dockerdRules),
  );
  const portmap = await inHost('portmap', (host) =>
    byHand(host, 'rules as portmap makes them', portmapRules),
  );
  restoring();
  mark('nftables', nftables);
  mark('iptables', iptables);
  for (const [name, peer] of Object.entries({ dockerd, portmap })) {
    compare(`adding to ${most}`, name, nftables.adding, peer.adding);
    compare(`connecting, last of ${most}`, name, nftables.connecting, peer.connecting);
  }
} finally {
  rmSync(folder, { recursive: true });
}

async function inHost(name: string, start: (host: TestHost) => Promise<Publisher>): Promise<Figures> {
  await using host = await TestHost.start(name);
  return await measure(await start(host));
}

function mark(name: string, { adding, connecting }: Figures): void {
  const last = populations.length - 1;
  printMark(`${name}: adding to ${most}`, medianAt(adding, last) / 1000, 1, 'ms');
  printMark(`${name}: adding to ${most} / to ${fewest}`, medianAt(adding, last) / medianAt(adding, 0), 1.3);
  printMark(
    `${name}: connecting, last of ${most} / with ${fewest}`,
    medianAt(connecting, last) / medianAt(connecting, 0),
    1.3,
  );
}

function compare(what: string, peer: string, own: readonly Summary[], others: readonly Summary[]): void {
  const last = populations.length - 1;
  printMark(`${what}: nftables / ${peer}`, medianAt(own, last) / medianAt(others, last), 1);
}

function medianAt(summaries: readonly Summary[], position: number): number {
  return summaries[position]?.median ?? Number.NaN;
}

async function measure(publisher: Publisher): Promise<Figures> {
  const { name, host, residentMiB } = publisher;
  const last = populations.map((population) => portAt(population - 1));
  const server = host.spawn(['ip', 'netns', 'exec', 'web', tcp, 'serve', ...new Set(last.map(String))]);
  await server.line(/ready/);
  const figures = { adding: [] as Summary[], connecting: [] as Summary[] };
  const before = residentMiB?.();
  let published = 0;
  let extra = extraPort;
  for (const population of populations) {
    const ports = Array.from({ length: population - published }, (_, i) => portAt(published + i));
    await publisher.publish(ports);
    published = population;
    const times: number[] = [];
    for (let i = 0; i < warmUp + added; i++, extra += 2)
      times.push(1000 * (await timeMs(() => publisher.add(extra))));
    times.splice(0, warmUp);
    figures.adding.push(printSummary(`${name}: adding one to ${population}`, times, 'us'));
    figures.connecting.push(await connect(`${name}: connecting, last of ${population}`, host, population));
    const through = `through the last of ${population}`;
    await sustained(
      { mode: 'rate', text: `${name}: connections, ${through}`, unit: 'a second' },
      host,
      population,
    );
    await sustained(
      { mode: 'bulk', text: `${name}: one transfer, ${through}`, unit: 'Gbit/s' },
      host,
      population,
    );
  }
  if (before !== undefined && residentMiB !== undefined) {
    print(
      `${name}: resident memory, without ports and with ${most}`,
      `${before.toFixed(0)} and ${residentMiB().toFixed(0)} MiB`,
    );
  }
  const { addRange } = publisher;
  if (addRange !== undefined) {
    const ms = await timeMs(() => addRange(rangeFirst, rangeLast));
    print(`${name}: adding a range of ${rangeLast - rangeFirst + 1}`, `${ms.toFixed(1)} ms`);
  }
  return figures;
}

async function connect(what: string, host: TestHost, position: number): Promise<Summary> {
  const client = [
    'ip',
    'netns',
    'exec',
    'outside',
    tcp,
    'connect',
    '192.0.2.1',
    String(portAt(position - 1)),
  ];
  await host.run([...client, '50']);
  const printed = await host.run([...client, String(connections)]);
  return printSummary(what, printed.trim().split('\n').map(Number), 'us');
}

/** Each printed figure of the client that runs for some seconds. */
async function sustained(
  what: { readonly mode: 'rate' | 'bulk'; readonly text: string; readonly unit: string },
  host: TestHost,
  position: number,
): Promise<void> {
  const target = [what.mode, '192.0.2.1', String(portAt(position - 1)), String(seconds)];
  const figure = await host.run(['ip', 'netns', 'exec', 'outside', tcp, ...target]);
  print(what.text, `${figure.trim()} ${what.unit}`);
}

function print(what: string, figures: string): void {
  console.log(`${what.padEnd(52)} ${figures}`);
}

/** Through the API of netd. */
async function fairlead(host: TestHost, firewall: 'nftables' | 'iptables'): Promise<Publisher> {
  const netd = await host.netd('--firewall', firewall);
  await host.shell(outside);
  await must(host, 'POST', '/networks', { name: 'lab' });
  for (const name of ['web', 'other']) {
    await must(host, 'POST', '/sandboxes', { name });
    await must(host, 'POST', '/networks/lab/connect', { target: name });
  }
  const publish = (target: string, ports: readonly string[]) =>
    must(host, 'POST', '/ports', { target, ports });
  return {
    name: `fairlead, ${firewall}`,
    host,
    async publish(ports) {
      for (let first = 0; first < ports.length; first += perRequest) {
        const some = ports.slice(first, first + perRequest);
        await publish(
          'web',
          some.map((port) => `${port}:${port}`),
        );
      }
    },
    add: (port) => publish('other', [`${port}:80`]),
    addRange: (first, last) => publish('other', [`${first}-${last}:${first}-${last}`]),
    residentMiB: () => residentMiB(netd.pid),
  };
}

/** Rules of one port, as arguments of iptables. */
type PortRules = (port: number) => readonly string[];

/** One for the translation, one for the way through, one for a container that asks itself (moby's bridge driver). */
function dockerdRules(port: number): readonly string[] {
  return [
    `-t nat -A DOCKER ! -i lab -p tcp -m tcp --dport ${port} -j DNAT --to-destination 10.99.0.2:${port}`,
    `-t filter -A DOCKER -d 10.99.0.2/32 ! -i lab -o lab -p tcp -m tcp --dport ${port} -j ACCEPT`,
    `-t nat -A POSTROUTING -s 10.99.0.2/32 -d 10.99.0.2/32 -p tcp -m tcp --dport ${port} -j MASQUERADE`,
  ];
}

/** A chain for each container with two marking rules and one translating rule for each port (plugins/meta/portmap). */
function portmapRules(port: number): readonly string[] {
  return [
    `-t nat -N CNI-DN-${port}`,
    `-t nat -A CNI-DN-${port} -s 10.99.0.0/24 -p tcp -m tcp --dport ${port} -j CNI-HOSTPORT-SETMARK`,
    `-t nat -A CNI-DN-${port} -s 127.0.0.1/32 -p tcp -m tcp --dport ${port} -j CNI-HOSTPORT-SETMARK`,
    `-t nat -A CNI-DN-${port} -p tcp -m tcp --dport ${port} -j DNAT --to-destination 10.99.0.2:${port}`,
    `-t nat -A DOCKER -p tcp -m multiport --dports ${port} -j CNI-DN-${port}`,
  ];
}

/** The same topology by hand; each rule is added by the command, as both do. */
async function byHand(host: TestHost, name: string, rules: PortRules): Promise<Publisher> {
  await host.shell(`${outside}
    ip netns add web
    ip link add lab type bridge forward_delay 0
    ip address add 10.99.0.1/24 dev lab
    ip link set lab up
    ip link add web0 master lab up type veth peer name eth0 netns web
    ip -n web address add 10.99.0.2/24 dev eth0
    ip -n web link set eth0 up
    ip -n web route add default via 10.99.0.1
    sysctl -qw net.ipv4.ip_forward=1
    for table in nat filter; do iptables-nft -t $table -N DOCKER; done
    iptables-nft -t nat -N CNI-HOSTPORT-SETMARK
    iptables-nft -t nat -A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
    iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
    iptables-nft -t filter -A FORWARD -o lab -j DOCKER`);
  return {
    name,
    host,
    async publish(ports) {
      await host.run(['iptables-nft-restore', '--noflush'], { input: restoreInput(ports.flatMap(rules)) });
    },
    async add(port) {
      for (const rule of rules(port)) await host.run(['iptables-nft', ...rule.split(' ')]);
    },
  };
}

/** Each line goes to its table. */
function restoreInput(rules: readonly string[]): string {
  const tables = new Map<string, string[]>();
  for (const rule of rules) {
    const [, table = '', ...words] = rule.split(' ');
    tables.set(table, [...(tables.get(table) ?? []), words.join(' ')]);
  }
  return [...tables].map(([table, lines]) => [`*${table}`, ...lines, 'COMMIT', ''].join('\n')).join('');
}

/** How long all rules take to come back when somebody flushed them, without the daemon around: in a namespace of its own. */
function restoring(): void {
  const script = new URL('inside/restore.ts', import.meta.url).pathname;
  const options = ['-n', '-m', '--propagation', 'private', process.execPath, ...process.execArgv, script];
  execFileSync('unshare', [...options, ...populations.map(String)], { stdio: 'inherit' });
}
