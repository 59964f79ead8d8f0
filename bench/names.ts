// Names answered to a process in a sandbox: the resolver of netd (TypeScript, one for all sandboxes) beside dnsmasq, both on
// loopback addresses of the same namespace, with the same names, asked by dnsperf in turn.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestHost } from '../test/support/test-host.ts';
import { must } from './support/ask.ts';
import { printRatio, printSummary } from './support/figures.ts';
import { cpuSeconds } from './support/process-figures.ts';

const names = 100;
const rounds = 4;
const secondsPerRound = 3;
const inFlight = 50;

interface Server {
  readonly name: string;
  readonly address: string;
  readonly pid: number;
}

const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
try {
  await using host = await TestHost.start('names');
  await measure(host, [await startNetd(host), await startDnsmasq(host)]);
} finally {
  rmSync(folder, { recursive: true });
}

async function startNetd(host: TestHost): Promise<Server> {
  const { pid } = await host.netd();
  await must(host, 'POST', '/networks', { name: 'lab' });
  for (const name of ['asker', ...nameList()]) {
    await must(host, 'POST', '/sandboxes', { name });
    await must(host, 'POST', '/networks/lab/connect', { target: name });
  }
  return { name: 'netd', address: '127.0.0.11', pid };
}

/** It asks nobody else, keeps no cache it would not have anyway, and answers as many at once as it can. */
async function startDnsmasq(host: TestHost): Promise<Server> {
  const hosts = join(folder, 'hosts');
  writeFileSync(
    hosts,
    nameList()
      .map((name, index) => `10.0.0.${index + 1} ${name}\n`)
      .join(''),
  );
  const address = '127.0.0.12';
  const flags = [
    `--listen-address=${address}`,
    '--bind-interfaces',
    '--no-resolv',
    '--no-hosts',
    '--user=root',
  ];
  const command = ['dnsmasq', '--keep-in-foreground', '--log-facility=-', ...flags, `--addn-hosts=${hosts}`];
  const server = host.spawn(['ip', 'netns', 'exec', 'asker', ...command]);
  await server.line(/read .* names/);
  return { name: 'dnsmasq', address, pid: await server.pid() };
}

async function measure(host: TestHost, servers: readonly Server[]): Promise<void> {
  const questions = join(folder, 'questions');
  writeFileSync(
    questions,
    nameList()
      .map((name) => `${name} A\n`)
      .join(''),
  );
  const rates = new Map<Server, number[]>(servers.map((server) => [server, []]));
  const costs = new Map<Server, number[]>(servers.map((server) => [server, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const server of servers) {
      const before = cpuSeconds(server.pid);
      const { answered, perSecond } = await ask(host, server.address, questions);
      if (round === 0) continue;
      rates.get(server)?.push(perSecond);
      costs.get(server)?.push((1e6 * (cpuSeconds(server.pid) - before)) / answered);
    }
  }
  const [ours = Number.NaN, theirs = Number.NaN] = servers.map((server) => {
    printSummary(`${server.name}: answered per second`, rates.get(server) ?? [], '/s');
    return printSummary(`${server.name}: processor time per answer`, costs.get(server) ?? [], 'us').median;
  });
  printRatio('processor time per answer: netd / dnsmasq', ours / theirs);
}

async function ask(host: TestHost, address: string, questions: string) {
  const limits = ['-l', String(secondsPerRound), '-q', String(inFlight)];
  const command = ['dnsperf', '-s', address, '-d', questions, ...limits];
  const printed = await host.run(['ip', 'netns', 'exec', 'asker', ...command]);
  const figure = (label: string) => Number(new RegExp(`${label}:\\s+([\\d.]+)`).exec(printed)?.[1]);
  const codes = /Response codes:\s+(.*)/.exec(printed)?.[1] ?? '';
  if (!/^NOERROR \d+ \(100/.test(codes)) throw new Error(`${address} answered ${codes}`);
  return { answered: figure('Queries completed'), perSecond: figure('Queries per second') };
}

function nameList(): readonly string[] {
  return Array.from({ length: names }, (_, index) => `web${index}`);
}
