// Runs in namespaces of its own, see ../attach.ts.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLog } from '../../src/base/log.ts';
import { assemble, dismantle } from '../../src/bin/assemble.ts';
import { readConfig } from '../../src/bin/config.ts';
import { CoreController } from '../../src/core/controller.ts';
import { compile } from '../support/compile.ts';
import { printMark, printSummary, timeMs } from '../support/figures.ts';

const rounds = 20;
const perRound = 10;
const warmUp = { rounds: 8, perRound: 50 };
const concurrent = 100;
const crowds = 7;

execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
mkdirSync('/run/netns');
const directory = mkdtempSync('/run/bench-');
const floorProgram = `${directory}/floor`;
compile({ file: 'attach.c' }, floorProgram);

const flags = ['--run-dir', `${directory}/run`, '--state-dir', `${directory}/state`, '--log-level', 'error'];
const config = readConfig(flags, {});
if (config === undefined) throw new Error('no settings');
const parts = await assemble(config, createLog('error', 'text'));
const core = new CoreController(parts);
await core.start();
await core.createNetwork({ name: 'lab', options: {} });
prepareFloor();
await warm();

const ours: number[] = [];
const floor: number[] = [];
const batch: number[] = [];
for (let round = 0; round < rounds; round++) {
  const first = round * perRound;
  const numbers = Array.from({ length: perRound }, (_, i) => first + i);
  for (const number of numbers) await core.createSandbox({ name: `ours${number}` });
  for (const number of numbers) {
    ours.push(1000 * (await timeMs(() => core.connect({ network: 'lab', target: `ours${number}` }))));
  }
  floor.push(...runFloor(first, numbers));
  batch.push(runBatch(numbers));
}
const attach = printSummary(
  `connect through the core, after ${warmUp.rounds * warmUp.perRound} others`,
  ours,
  'us',
);
const base = printSummary('the same kernel work from C', floor, 'us');
const byHand = printSummary(`the same by ip -batch, ${perRound} at a time, each`, batch, 'us');
printMark('connect / C, medians', attach.median / base.median, 1.5);
printMark('connect / ip -batch, medians', attach.median / byHand.median, 1.5);

await attachAtOnce();
await core.close();
await dismantle(parts);
process.exit(0);

/** A daemon that has been at work for a while runs compiled code. Nothing of it is left. */
async function warm(): Promise<void> {
  await core.createNetwork({ name: 'warm' });
  const names = Array.from({ length: warmUp.perRound }, (_, i) => `warm${i}`);
  for (let round = 0; round < warmUp.rounds; round++) {
    for (const name of names) {
      await core.createSandbox({ name });
      await core.connect({ network: 'warm', target: name });
    }
    await Promise.all(names.map((name) => core.deleteSandbox(name, { force: false })));
  }
  await core.deleteNetwork('warm', { force: false });
}

/** Bridges like ours, with larger subnets. */
function prepareFloor(): void {
  for (const [bridge, gateway] of Object.entries({ floor: '10.77.255.254', batch: '10.78.255.254' })) {
    const script = `
      ip link add ${bridge} type bridge forward_delay 0 mcast_snooping 0
      ip address add ${gateway}/16 dev ${bridge}
      ip link set ${bridge} up`;
    execFileSync('bash', ['-ec', script]);
  }
}

function runFloor(first: number, numbers: readonly number[]): number[] {
  const names = numbers.map((number) => `floor${number}`);
  addNamespaces(names);
  const paths = names.map((name) => `/run/netns/${name}`);
  const printed = execFileSync(floorProgram, ['floor', String(first), '77', ...paths], { encoding: 'utf8' });
  return printed.trim().split('\n').map(Number);
}

/** Microseconds of each: the host's part of all in one process, then one for each namespace. */
function runBatch(numbers: readonly number[]): number {
  addNamespaces(numbers.map((number) => `batch${number}`));
  const queues = 'numtxqueues 1 numrxqueues 1 mtu 1500';
  const host = numbers.map(
    (number) =>
      `link add batch${number} ${queues} master batch up type veth peer name eth0 ${queues} netns batch${number}\n`,
  );
  const began = performance.now();
  execFileSync('ip', ['-batch', '-'], { input: host.join('') });
  for (const number of numbers) {
    const inside = [
      `address add 10.78.${Math.floor(number / 250)}.${2 + (number % 250)}/16 dev eth0`,
      'link set eth0 up',
      'route add default via 10.78.255.254\n',
    ];
    execFileSync('ip', ['-n', `batch${number}`, '-batch', '-'], { input: inside.join('\n') });
  }
  return (1000 * (performance.now() - began)) / numbers.length;
}

/** Namespaces of ours have IPv6 off unless a network has it: these too. */
function addNamespaces(names: readonly string[]): void {
  for (const name of names) {
    const script = `ip netns add ${name}; ip netns exec ${name} sysctl -qw net.ipv6.conf.default.disable_ipv6=1`;
    execFileSync('bash', ['-ec', script]);
  }
}

/** A hundred at once, some times over: how long the event loop is kept from other work, by us and by the machine itself. */
async function attachAtOnce(): Promise<void> {
  const walls: number[] = [];
  const gaps: number[] = [];
  const floorGaps: number[] = [];
  for (let round = 0; round < crowds; round++) {
    const network = `crowd${round}`;
    await core.createNetwork({ name: network });
    const names = Array.from({ length: concurrent }, (_, i) => `${network}-${i}`);
    for (const name of names) await core.createSandbox({ name });
    const connects = () => Promise.all(names.map((target) => core.connect({ network, target })));
    const delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
    walls.push(await timeMs(connects));
    delays.disable();
    gaps.push(delays.max / 1e6);
    floorGaps.push(await idleGap(`idle${round}-`, 1000 * (round + 1)));
  }
  printSummary(`${concurrent} connects at once, in all`, walls, 'ms');
  const gap = printSummary('longest gap in the event loop meanwhile', gaps, 'ms');
  printSummary('the same of an idle loop while C makes as many', floorGaps, 'ms');
  printMark('longest gap, median of the crowds', gap.median, 10, 'ms');
}

/** The longest gap in a loop that does nothing while another process does the kernel work. */
async function idleGap(prefix: string, first: number): Promise<number> {
  const names = Array.from({ length: concurrent }, (_, i) => `${prefix}${i}`);
  addNamespaces(names);
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const args = ['floor', String(first), '77', ...names.map((name) => `/run/netns/${name}`)];
  await once(spawn(floorProgram, args, { stdio: 'ignore' }), 'close');
  delays.disable();
  return delays.max / 1e6;
}
