// Attaching pods: `fairlead-cni` beside Debian's chain bridge (host-local), portmap, firewall, each pod with a published port
// and masquerade. Both are driven by the same small program, the way container runtimes do, so that starting a process
// costs both the same.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestHost } from '../test/support/test-host.ts';
import { compile } from './support/compile.ts';
import { printMark, printRatio, printSummary, type Summary } from './support/figures.ts';

const pods = 100;
const warmUp = 10;
/** They take turns, so that whatever else the machine does burdens both. */
const turns = 4;
const referenceFolder = '/usr/lib/cni';
const executable = new URL('../bin/fairlead-cni', import.meta.url).pathname;

const network = {
  bridge: 'pods0',
  isGateway: true,
  ipMasq: true,
  ipam: { type: 'host-local', subnet: '10.88.0.0/16', routes: [{ dst: '0.0.0.0/0' }] },
};
/** The driver puts a number of each pod's own in place of `@`. */
const published = {
  capabilities: { portMappings: true },
  runtimeConfig: { portMappings: [{ hostPort: '@', containerPort: 80, protocol: 'tcp' }] },
};

interface Plugin {
  readonly type: string;
}

const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const driver = join(folder, 'driver');
compile({ file: 'cni.c' }, driver);

/** One way to attach pods. */
class Side {
  readonly times = { ADD: [] as number[], DEL: [] as number[], VERSION: [] as number[] };
  readonly #name: string;
  readonly #host: TestHost;
  readonly #list: string;
  readonly #results: string;

  constructor(name: string, host: TestHost, plugins: readonly Plugin[]) {
    this.#name = name;
    this.#host = host;
    this.#results = mkdtempSync(join(folder, 'results-'));
    this.#list = join(this.#results, 'plugins');
    const lines = plugins.map((plugin) => {
      const path = plugin.type === 'fairlead-cni' ? executable : join(referenceFolder, plugin.type);
      const configuration = JSON.stringify({ cniVersion: '1.0.0', name: 'pods', ...plugin });
      return `${path} ${configuration.replace('"@"', '@')}\n`;
    });
    writeFileSync(this.#list, lines.join(''));
  }

  async prepare(): Promise<void> {
    await this.#host.shell(`for i in $(seq ${pods}); do ip netns add pod$i; done`);
    await this.#inTurn('ADD', 0, warmUp);
    await this.#inTurn('DEL', 0, warmUp);
  }

  /** One pod after the other, a share of them. */
  async measure(command: 'ADD' | 'DEL' | 'VERSION', turn: number): Promise<void> {
    const share = pods / turns;
    this.times[command].push(...(await this.#inTurn(command, turn * share, share)));
  }

  /** All pods at once; returns the milliseconds until the last is done. */
  async measureAtOnce(command: 'ADD' | 'DEL'): Promise<number> {
    const [took = Number.NaN] = await this.#drive('all', command, 0, pods);
    console.log(`${`${this.#name}: ${pods} ${command} at once`.padEnd(52)} ${took.toFixed(1)} ms`);
    return took;
  }

  summary(command: 'ADD' | 'DEL' | 'VERSION'): Summary {
    return printSummary(`${this.#name}: ${command}`, this.times[command], 'ms');
  }

  #inTurn(command: string, first: number, count: number): Promise<number[]> {
    return this.#drive('each', command, first, count);
  }

  async #drive(how: string, command: string, first: number, count: number): Promise<number[]> {
    const namespaces = Array.from({ length: count }, (_, i) => `/run/netns/pod${first + i + 1}`);
    const printed = await this.#host.run([driver, how, command, this.#list, this.#results, ...namespaces]);
    return printed.split('\n').map((microseconds) => Number(microseconds) / 1000);
  }
}

async function measure(): Promise<void> {
  await using host = await TestHost.start('pods');
  await using peer = await TestHost.start('reference');
  await host.netd();
  const ours = new Side('fairlead-cni', host, [{ type: 'fairlead-cni', ...network, ...published }]);
  const theirs = new Side('bridge, portmap, firewall', peer, [
    { type: 'bridge', ...network },
    { type: 'portmap', ...published },
    { type: 'firewall' },
  ]);
  for (const side of [ours, theirs]) await side.prepare();
  for (const command of ['VERSION', 'ADD', 'DEL'] as const) {
    for (let turn = 0; turn < turns; turn++) {
      for (const side of [ours, theirs]) await side.measure(command, turn);
    }
  }
  const atOnce = [];
  for (const command of ['ADD', 'DEL'] as const) {
    atOnce.push([await ours.measureAtOnce(command), await theirs.measureAtOnce(command)] as const);
  }
  report(ours, theirs, atOnce);
}

function report(ours: Side, theirs: Side, atOnce: readonly (readonly [number, number])[]): void {
  const version = ours.summary('VERSION');
  theirs.summary('VERSION');
  const [add, addOfPeer] = [ours.summary('ADD'), theirs.summary('ADD')];
  const [del, delOfPeer] = [ours.summary('DEL'), theirs.summary('DEL')];
  printMark('VERSION, median', version.median, 1, 'ms');
  printMark('ADD, median', add.median, 3, 'ms');
  printMark('DEL, median', del.median, 3, 'ms');
  printMark('ADD, median: ours / chain', add.median / addOfPeer.median, 1 / 25);
  printRatio('ADD, p99: ours / chain', add.p99 / addOfPeer.p99);
  printRatio('DEL, median: ours / chain', del.median / delOfPeer.median);
  const [[adding, addingOfPeer] = [0, 0], [deleting, deletingOfPeer] = [0, 0]] = atOnce;
  printMark(`${pods} ADD at once: ours / chain`, adding / addingOfPeer, 1 / 20);
  printRatio(`${pods} DEL at once: ours / chain`, deleting / deletingOfPeer);
}

try {
  await measure();
} finally {
  rmSync(folder, { recursive: true });
}
