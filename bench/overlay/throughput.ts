// Throughput and latency between containers of two hosts: Fairlead's overlay beside a VXLAN device, a bridge and a pair of
// interfaces that ip(8) made on the same two hosts, in turn.
import type { ClusterBed } from '../../test/support/cluster-bed.ts';
import type { HostProcess } from '../../test/support/host-process.ts';
import type { TestHost } from '../../test/support/test-host.ts';
import { printLeastMark, printMark, printSummary } from '../support/figures.ts';
import { startLab } from './fairlead-overlay.ts';

const transfers = 3;
const seconds = 5;
/** Short ones, so that what else the machine does falls on both. */
const echoRounds = 10;
const echoes = 60;
const echoPort = '7';
const streams = [1, 4] as const;

/** A container that serves on the first host, and one that asks on the second. */
interface Pair {
  readonly name: string;
  readonly address: string;
  serve(command: readonly string[]): HostProcess;
  ask(command: readonly string[]): Promise<string>;
}

/** `folder` has the programs to measure with. */
export async function measureThroughput(folder: string): Promise<void> {
  await using lab = await startLab();
  const { bed } = lab;
  const pairs = [await fairleadPair(bed), await handMadePair(bed)] as const;
  for (const pair of pairs) {
    await pair.serve(['iperf3', '--server', '--forceflush']).line(/listening/);
    await pair.serve([`${folder}/overlay`, 'serve', echoPort]).line(/ready/);
  }
  for (const parallel of streams) {
    const [ours, theirs] = await inTurn(transfers, pairs, async (pair) => [await transfer(pair, parallel)]);
    const what = `TCP, ${parallel} at once, ${seconds} s`;
    const median = (pair: Pair, values: readonly number[]) =>
      printSummary(`${pair.name}: ${what}`, values, 'Gbit/s').median;
    const ratio = median(pairs[0], ours) / median(pairs[1], theirs);
    printLeastMark(`${what}: fairlead / by hand`, ratio, 0.95);
  }
  const [ours, theirs] = await inTurn(echoRounds, pairs, (pair) => echo(pair, folder));
  const [first, second] = [ours, theirs].map((values, index) =>
    printSummary(`${pairs[index]?.name}: there and back by UDP`, values, 'us'),
  );
  printMark('there and back: fairlead / by hand', (first?.median ?? 0) / (second?.median ?? 0), 1.05);
}

/** All that was measured of either, which take turns in going first. */
async function inTurn(
  rounds: number,
  pairs: readonly [Pair, Pair],
  measure: (pair: Pair) => Promise<readonly number[]>,
): Promise<readonly [number[], number[]]> {
  const values: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const index of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      values[index].push(...(await measure(pairs[index])));
    }
  }
  return values;
}

/** Gbit a second. */
async function transfer(pair: Pair, parallel: number): Promise<number> {
  const flags = ['--time', String(seconds), '--parallel', String(parallel), '--json'];
  const report = JSON.parse(await pair.ask(['iperf3', '--client', pair.address, ...flags]));
  return report.end.sum_received.bits_per_second / 1e9;
}

async function echo(pair: Pair, folder: string): Promise<readonly number[]> {
  const printed = await pair.ask([`${folder}/overlay`, 'rtt', pair.address, echoPort, String(echoes)]);
  return printed.split('\n').map(Number);
}

async function fairleadPair(bed: ClusterBed): Promise<Pair> {
  const [first, second] = [bed.host('h1'), bed.host('h2')];
  return {
    name: 'fairlead',
    address: await addressIn(first, (command) => first.net('exec', first.name, '--', ...command)),
    serve: (command) => first.spawnNet('exec', first.name, '--', ...command),
    ask: (command) => second.net('exec', second.name, '--', ...command),
  };
}

const handMade = { namespace: 'hand', address: (number: number) => `10.60.0.${number}` };

/** What there must be, and no more: each forwarding entry is there before the first packet. */
async function handMadePair(bed: ClusterBed): Promise<Pair> {
  const mac = (number: number) => `02:60:00:00:00:0${number}`;
  for (const [number, other] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const [local, remote] = [bed.address(`h${number}`), bed.address(`h${other}`)];
    await bed.host(`h${number}`).shell(`
      ip netns add ${handMade.namespace}
      ip link add hand-br mtu 1450 type bridge forward_delay 0
      ip link add hand-vx mtu 1450 master hand-br type vxlan id 77 dstport 4789 local ${local} nolearning
      ip link add hand0 mtu 1450 master hand-br type veth \
        peer name eth0 mtu 1450 address ${mac(number)} netns ${handMade.namespace}
      for link in hand-br hand-vx hand0; do ip link set $link up; done
      bridge fdb add ${mac(other)} dev hand-vx dst ${remote}
      ip -n ${handMade.namespace} address add ${handMade.address(number)}/24 dev eth0
      ip -n ${handMade.namespace} link set eth0 up
      ip -n ${handMade.namespace} neigh add ${handMade.address(other)} lladdr ${mac(other)} dev eth0`);
  }
  const enter = ['ip', 'netns', 'exec', handMade.namespace];
  return {
    name: 'by hand',
    address: handMade.address(1),
    serve: (command) => bed.host('h1').spawn([...enter, ...command]),
    ask: (command) => bed.host('h2').run([...enter, ...command]),
  };
}

async function addressIn(
  host: TestHost,
  run: (command: readonly string[]) => Promise<string>,
): Promise<string> {
  const [link] = JSON.parse(await run(['ip', '-4', '-json', 'address', 'show', 'dev', 'eth0']));
  const address: unknown = link?.addr_info[0]?.local;
  if (typeof address !== 'string') throw new Error(`no address in ${host.name}`);
  return address;
}
