// Servers asked by dnsperf in turn: how many questions each answers in a second, and what an answer costs its process.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printSummary } from '../support/figures.ts';
import { cpuSeconds } from '../support/process-figures.ts';
import { inside, type Place, type Server } from './server.ts';

/** Medians. */
export interface Answering {
  readonly perSecond: number;
  /** Processor time of all threads of the server, in microseconds. */
  readonly cost: number;
}

const rounds = 6;
const seconds = 1;
const inFlight = 50;

/** `questions` as dnsperf reads them; each must be answered without an error. */
export async function askInTurn(
  place: Place,
  servers: readonly Server[],
  questions: { readonly what: string; readonly text: string },
): Promise<readonly Answering[]> {
  const file = join(place.folder, 'questions');
  writeFileSync(file, questions.text);
  const measured = servers.map((server) => ({ server, rates: [] as number[], costs: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { server, rates, costs } of measured) {
      const { perSecond, cost } = await askFor(place, server, file);
      rates.push(perSecond);
      costs.push(cost);
    }
  }
  return measured.map(({ server, rates, costs }) => ({
    perSecond: printSummary(`${server.name}: ${questions.what} a second`, rates, '/s').median,
    cost: printSummary(`${server.name}: processor time of each`, costs, 'us').median,
  }));
}

/** Asks each question once. */
export async function askOnce(place: Place, server: Server, text: string): Promise<void> {
  const file = join(place.folder, 'questions-once');
  writeFileSync(file, text);
  await dnsperf(place, server, [...['-d', file], ...['-n', '1'], ...['-q', '1']]);
}

async function askFor(place: Place, server: Server, file: string): Promise<Answering> {
  const before = cpuSeconds(server.pid);
  const printed = await dnsperf(place, server, ['-d', file, '-l', String(seconds), '-q', String(inFlight)]);
  const used = cpuSeconds(server.pid) - before;
  const figure = (label: string) => Number(new RegExp(`${label}:\\s+([\\d.]+)`).exec(printed)?.[1]);
  return { perSecond: figure('Queries per second'), cost: (1e6 * used) / figure('Queries completed') };
}

async function dnsperf(place: Place, server: Server, flags: readonly string[]): Promise<string> {
  const printed = await place.host.run(inside(['dnsperf', '-s', server.address, ...flags]));
  const codes = /Response codes:\s+(.*)/.exec(printed)?.[1] ?? '';
  if (!/^NOERROR \d+ \(100/.test(codes)) throw new Error(`${server.name} answered ${codes}`);
  return printed;
}
