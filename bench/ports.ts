// What a published port costs as their number grows, beside one iptables rule for each: adding one more, and connecting
// through the first and the last from outside.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestHost } from '../test/support/test-host.ts';
import { must } from './support/ask.ts';
import { compile } from './support/compile.ts';
import { printMark, printSummary, type Summary, timeMs } from './support/figures.ts';

const populations = [1, 1000, 10_000] as const;
const firstPort = 20_000;
const extraPort = 40_000;
const added = 30;
const warmUp = 30;
const connections = 2000;
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
  publish(first: number, last: number): Promise<void>;
  /** Publishes one more, for somebody else. */
  add(port: number): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const tcp = join(folder, 'tcp');
compile({ file: 'tcp.c' }, tcp);
try {
  await using own = await TestHost.start('ports');
  await using peer = await TestHost.start('iptables');
  await own.netd();
  const [ours, theirs] = [await measure(await fairlead(own)), await measure(await iptables(peer))];
  printMark('adding to 10,000 / to 1', ours.add.growth, 1.3);
  printMark('adding to 10,000', ours.add.largest.median / 1000, 1, 'ms');
  printMark('connecting, last of 10,000 / with 1', ours.connect.growth, 1.3);
  printMark('adding to 10,000: ours / iptables', ours.add.largest.median / theirs.add.largest.median, 1);
  printMark(
    'connecting, last of 10,000: ours / iptables',
    ours.connect.largest.median / theirs.connect.largest.median,
    1,
  );
} finally {
  rmSync(folder, { recursive: true });
}

async function measure(publisher: Publisher) {
  const { name, host } = publisher;
  const last = populations.map((population) => firstPort + population - 1);
  const server = host.spawn(['ip', 'netns', 'exec', 'web', tcp, 'serve', ...new Set(last.map(String))]);
  await server.line(/ready/);
  const adding: Summary[] = [];
  const connecting: Summary[] = [];
  let published = 0;
  let extra = extraPort;
  for (const population of populations) {
    await publisher.publish(firstPort + published, firstPort + population - 1);
    published = population;
    const times: number[] = [];
    for (let i = 0; i < warmUp + added; i++) times.push(1000 * (await timeMs(() => publisher.add(extra++))));
    times.splice(0, warmUp);
    adding.push(printSummary(`${name}: adding one to ${population}`, times, 'us'));
    connecting.push(await connect(`${name}: connecting, last of ${population}`, host, population));
  }
  await connect(`${name}: connecting, first of ${published}`, host, 1);
  return { add: compare(adding), connect: compare(connecting) };
}

async function connect(what: string, host: TestHost, position: number): Promise<Summary> {
  const port = String(firstPort + position - 1);
  const client = ['ip', 'netns', 'exec', 'outside', tcp, 'connect', '192.0.2.1', port];
  await host.run([...client, '50']);
  const printed = await host.run([...client, String(connections)]);
  return printSummary(what, printed.split('\n').map(Number), 'us');
}

function compare(summaries: readonly Summary[]): { readonly growth: number; readonly largest: Summary } {
  const [first, largest] = [summaries[0], summaries.at(-1)];
  if (first === undefined || largest === undefined) throw new Error('nothing was measured');
  return { growth: largest.median / first.median, largest };
}

/** Through the API of netd. */
async function fairlead(host: TestHost): Promise<Publisher> {
  await host.shell(outside);
  await must(host, 'POST', '/networks', { name: 'lab' });
  for (const name of ['web', 'other']) {
    await must(host, 'POST', '/sandboxes', { name });
    await must(host, 'POST', '/networks/lab/connect', { target: name });
  }
  const publish = (target: string, ports: string) => must(host, 'POST', '/ports', { target, ports: [ports] });
  return {
    name: 'fairlead',
    host,
    publish: (first, last) => publish('web', `${first}-${last}:${first}-${last}`),
    add: (port) => publish('other', `${port}:80`),
  };
}

/** The same topology by hand; each rule is added by the command, as container engines do. */
async function iptables(host: TestHost): Promise<Publisher> {
  await host.shell(`${outside}
    ip netns add web
    ip link add lab type bridge forward_delay 0
    ip address add 10.99.0.1/24 dev lab
    ip link set lab up
    ip link add web0 master lab up type veth peer name eth0 netns web
    ip -n web address add 10.99.0.2/24 dev eth0
    ip -n web link set eth0 up
    ip -n web route add default via 10.99.0.1
    sysctl -qw net.ipv4.ip_forward=1`);
  const rule = (port: number) =>
    `-A PREROUTING -p tcp --dport ${port} -j DNAT --to-destination 10.99.0.2:${port}`;
  return {
    name: 'iptables-nft',
    host,
    async publish(first, last) {
      const rules = Array.from({ length: last - first + 1 }, (_, i) => rule(first + i));
      const input = ['*nat', ...rules, 'COMMIT', ''].join('\n');
      await host.run(['iptables-nft-restore', '--noflush'], { input });
    },
    async add(port) {
      await host.run(['iptables-nft', '-t', 'nat', ...rule(port).split(' ')]);
    },
  };
}
