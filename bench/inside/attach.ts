// Runs in namespaces of its own, see ../attach.ts.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createLog } from '../../src/base/log.ts';
import { assemble, dismantle } from '../../src/bin/assemble.ts';
import { readConfig } from '../../src/bin/config.ts';
import { CoreController } from '../../src/core/controller.ts';
import { printMark, printSummary, timeMs } from '../support/figures.ts';

const rounds = 20;
const perRound = 10;
const concurrent = 100;

execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
execFileSync('ip', ['link', 'set', 'lo', 'up']);
mkdirSync('/run/netns');
const directory = mkdtempSync('/run/bench-');
const floorProgram = `${directory}/floor`;
execFileSync('cc', ['-O2', '-o', floorProgram, new URL('../floor/attach.c', import.meta.url).pathname]);

const flags = ['--run-dir', `${directory}/run`, '--state-dir', `${directory}/state`, '--log-level', 'error'];
const config = readConfig(flags, {});
if (config === undefined) throw new Error('no settings');
const parts = await assemble(config, createLog('error', 'text'));
const core = new CoreController(parts);
await core.start();
await core.createNetwork({ name: 'lab', options: {} });
prepareFloor();

const ours: number[] = [];
const floor: number[] = [];
for (let round = 0; round < rounds; round++) {
  const first = round * perRound;
  const numbers = Array.from({ length: perRound }, (_, i) => first + i);
  for (const number of numbers) await core.createSandbox({ name: `ours${number}` });
  for (const number of numbers) {
    ours.push(1000 * (await timeMs(() => core.connect({ network: 'lab', target: `ours${number}` }))));
  }
  floor.push(...runFloor(first, numbers));
}
const attach = printSummary('connect through the core', ours, 'us');
const base = printSummary('the same kernel work from C', floor, 'us');
printMark('connect / floor, medians', attach.median / base.median, 1.5);

await attachAtOnce();
await core.close();
await dismantle(parts);
process.exit(0);

/** A bridge like ours, with a larger subnet. */
function prepareFloor(): void {
  const script = `
    ip link add floor type bridge forward_delay 0 mcast_snooping 0
    ip address add 10.77.255.254/16 dev floor
    ip link set floor up`;
  execFileSync('bash', ['-ec', script]);
}

function runFloor(first: number, numbers: readonly number[]): number[] {
  const names = numbers.map((number) => `floor${number}`);
  // Namespaces of ours have IPv6 off unless a network has it: the floor's too.
  for (const name of names) {
    const script = `ip netns add ${name}; ip netns exec ${name} sysctl -qw net.ipv6.conf.default.disable_ipv6=1`;
    execFileSync('bash', ['-ec', script]);
  }
  const paths = names.map((name) => `/run/netns/${name}`);
  const printed = execFileSync(floorProgram, ['floor', String(first), '77', ...paths], { encoding: 'utf8' });
  return printed.trim().split('\n').map(Number);
}

/** A hundred at once: how long the event loop is kept from other work. */
async function attachAtOnce(): Promise<void> {
  await core.createNetwork({ name: 'crowd' });
  const names = Array.from({ length: concurrent }, (_, i) => `crowd${i}`);
  for (const name of names) await core.createSandbox({ name });
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const began = performance.now();
  await Promise.all(names.map((target) => core.connect({ network: 'crowd', target })));
  const wallMs = performance.now() - began;
  delays.disable();
  console.log(`${`${concurrent} connects at once`.padEnd(52)} ${wallMs.toFixed(1)} ms in all`);
  printMark('longest gap in the event loop meanwhile', delays.max / 1e6, 10, 'ms');
}
