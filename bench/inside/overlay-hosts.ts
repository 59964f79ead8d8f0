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
  await phase('all register', () => everywhere(({ places }) => ({ what: 'register', url, places })));
  await phase('networks are made and known', async () => {
    await tell(groups[0], { what: 'create', networks: networks() });
    await everywhere(() => ({ what: 'learn' }));
  });
  await phase(`each publishes ${endpoints} endpoints, all know all`, async () => {
    await everywhere(() => ({ what: 'publish', endpoints }));
    await everywhere(() => ({ what: 'converge', peers: endpoints * (perNetwork - 1) }));
  });
  await phase(`nothing changes for ${steadySeconds} s`, () => pause(steadySeconds));
  const { times } = await tell(groups[0], { what: 'further', count: furtherEndpoints });
  printSummary(`${title}: one more until another knows it`, times, 'ms');
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
async function phase(what: string, work: () => Promise<void>): Promise<void> {
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
    `  etcd: processor ${grown('cpuSeconds').toFixed(2)} s, puts ${rate('puts')}, events told ${rate('events')}`,
  );
  console.log(
    `  etcd: sent ${grown('sentMiB').toFixed(1)} MiB, leases renewed ${rate('renewals')}, resident memory ${after.residentMiB.toFixed(0)} MiB`,
  );
  console.log(
    `  hosts: processor ${(busySeconds() - busyBefore).toFixed(2)} s, resident memory ${resident().toFixed(0)} MiB`,
  );
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
