// Runs in namespaces of its own, see ../overlay/many-hosts.ts: many hosts of a cluster, some hundred in a process, and one real etcd.
// usage: overlay-hosts.ts HOSTS HOSTS-PER-NETWORK ENDPOINTS-PER-HOST
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Order, Place, Report } from '../overlay/orders.ts';
import { type EtcdFigures, etcdCommand, etcdServes, etcdUrl, readEtcdFigures } from '../support/etcd.ts';
import { printSummary } from '../support/figures.ts';
import { cpuSeconds, residentMiB } from '../support/process-figures.ts';

const address = '127.0.0.1';
const url = etcdUrl(address);
const mostPerProcess = 250;
const fewestProcesses = 2;
const furtherEndpoints = 50;
const steadySeconds = 12;
/** `afterlifeMs` of the cluster, and a little more. */
const afterlifeSeconds = 21;

/** Whose needs are worked out. */
const manyHosts = 10_000;

/** How long something took, and what it took of etcd. */
interface Phase {
  readonly seconds: number;
  readonly etcdSeconds: number;
  readonly sentMiB: number;
  readonly renewals: number;
}

interface Group {
  readonly process: ChildProcess;
  readonly places: readonly Place[];
}

const [hosts = 0, perNetwork = 0, endpoints = 0] = process.argv.slice(2).map(Number);
const title = `${hosts} hosts, ${perNetwork} on a network`;

execFileSync('ip', ['link', 'set', 'lo', 'up']);
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
mkdirSync('/run/etcd', { mode: 0o700 });
await startEtcd();
const groups = startProcesses();
try {
  const registering = await phase('all register', () =>
    everywhere(({ places }) => ({ what: 'register', url, places })),
  );
  // Each looks once more for what came into the store as its own after it was registered: while that has little in it.
  await pause(afterlifeSeconds);
  await phase('networks are made and known', async () => {
    await tell(groups[0], { what: 'create', networks: networks() });
    await everywhere(() => ({ what: 'learn' }));
  });
  const publishing = await phase(`each publishes ${endpoints} endpoints, all know all`, async () => {
    await everywhere(() => ({ what: 'publish', endpoints }));
    await everywhere(() => ({ what: 'converge', peers: endpoints * (perNetwork - 1) }));
  });
  const resting = await phase(`nothing changes for ${steadySeconds} s`, () => pause(steadySeconds));
  const newcomer = { host: hosts, network: networkName(0) };
  const coming = await phase('one more host registers', async () => {
    await tell(groups[0], { what: 'register', url, places: [newcomer] });
  });
  const { times } = await tell(groups[0], { what: 'further', count: furtherEndpoints });
  printSummary(`${title}: one more endpoint until another host knows it`, times, 'ms');
  // On one network of all the cost of publishing grows with the square.
  if (perNetwork < hosts) printEstimate({ registering, publishing, resting, coming });
} finally {
  for (const { process } of groups) process.kill();
}
process.exit();

async function startEtcd(): Promise<void> {
  const [program = '', ...flags] = etcdCommand(address);
  const etcd = spawn(program, flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines = createInterface(etcd.stderr);
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => etcdServes.test(line) && resolve());
    etcd.on('exit', () => reject(new Error('etcd ended')));
  });
}

/** Hosts of one network are in one process as far as there is room. */
function startProcesses(): readonly Group[] {
  const count = Math.max(fewestProcesses, Math.ceil(hosts / mostPerProcess));
  const perProcess = Math.ceil(hosts / count);
  const places = Array.from({ length: hosts }, (_, host) => ({
    host,
    network: networkName(Math.floor(host / perNetwork)),
  }));
  const script = new URL('overlay-agents.ts', import.meta.url).pathname;
  return Array.from({ length: count }, (_, number) => ({
    process: fork(script),
    places: places.slice(number * perProcess, (number + 1) * perProcess),
  }));
}

/** Each has room for as many endpoints as are on it, and blocks of at least 128 addresses. */
function networks(): readonly { readonly name: string; readonly subnet: string }[] {
  const most = endpoints * perNetwork > 2000 ? 256 : 16;
  return Array.from({ length: Math.ceil(hosts / perNetwork) }, (_, number) => ({
    name: networkName(number),
    subnet: `10.${(number * most) >> 8}.${(number * most) & 255}.0/${most === 256 ? 16 : 20}`,
  }));
}

function networkName(number: number): string {
  return `net${number}`;
}

async function everywhere(orderFor: (group: Group) => Order): Promise<void> {
  await Promise.all(groups.map((group) => tell(group, orderFor(group))));
}

async function tell(group: Group | undefined, order: Order): Promise<Report> {
  if (group === undefined) throw new Error('there is no process');
  const answered = once(group.process, 'message');
  group.process.send(order);
  const [report] = (await answered) as [Report];
  if (report.error !== undefined) throw new Error(report.error);
  return report;
}

/** Prints how long it took, and what it took of etcd and of all hosts together. */
async function phase(what: string, work: () => Promise<void>): Promise<Phase> {
  const [before, busyBefore] = [await readEtcdFigures(url), busySeconds()];
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const after = await readEtcdFigures(url);
  const grown = (name: keyof EtcdFigures) => after[name] - before[name];
  const rate = (name: keyof EtcdFigures) =>
    `${Math.round(grown(name))} (${Math.round(grown(name) / seconds)}/s)`;
  console.log(`${title}: ${what}: ${seconds.toFixed(2)} s`);
  console.log(
    `  etcd: processor ${grown('cpuSeconds').toFixed(2)} s, reads ${rate('reads')}, puts ${rate('puts')}, events told ${rate('events')}`,
  );
  console.log(
    `  etcd: sent ${grown('sentMiB').toFixed(1)} MiB, leases renewed ${rate('renewals')}, resident memory ${after.residentMiB.toFixed(0)} MiB`,
  );
  console.log(
    `  hosts: processor ${(busySeconds() - busyBefore).toFixed(2)} s, resident memory ${resident().toFixed(0)} MiB`,
  );
  return {
    seconds,
    etcdSeconds: grown('cpuSeconds'),
    sentMiB: grown('sentMiB'),
    renewals: grown('renewals'),
  };
}

/** What follows for many more hosts like these, see docs/overlay-scale.md: proportional to them, or to their square. */
function printEstimate(phases: Readonly<Record<'registering' | 'publishing' | 'resting' | 'coming', Phase>>) {
  const { registering, publishing, resting, coming } = phases;
  const times = manyHosts / hosts;
  const figures = [
    `${((resting.renewals / resting.seconds) * times).toFixed(0)} leases renewed a second`,
    `etcd at rest busy for ${((resting.etcdSeconds / resting.seconds) * times).toFixed(2)} s a second`,
    `and for ${(publishing.etcdSeconds * times).toFixed(0)} s until all have published`,
    `${(coming.sentMiB * times).toFixed(0)} MiB read by one that registers`,
    `${((registering.sentMiB * times ** 2) / 1024).toFixed(1)} GiB sent when all register at once`,
  ];
  console.log(`${title}: of ${manyHosts} such hosts: ${figures.join('; ')}`);
}

function busySeconds(): number {
  return groups.reduce((sum, { process }) => sum + cpuSeconds(process.pid ?? 0), 0);
}

function resident(): number {
  return groups.reduce((sum, { process }) => sum + residentMiB(process.pid ?? 0), 0);
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
