// From the start of a connect on one host until a process on another has connected by name: Fairlead's overlay beside Docker's
// two, with etcd and with swarm, each on hosts of its own.
import { join } from 'node:path';
import type { HostProcess } from '../../test/support/host-process.ts';
import { missing } from '../support/commands.ts';
import { printMark, printSummary, type Summary } from '../support/figures.ts';
import { startClusterStore, startSwarm } from './docker-overlays.ts';
import { startFairlead } from './fairlead-overlay.ts';
import { type Overlay, port, type Way, ways } from './overlay.ts';

interface Contender {
  readonly name: string;
  readonly start: (folder: string) => Promise<Overlay>;
  readonly needs: readonly string[];
  readonly rounds: number;
}

interface Result {
  readonly name: string;
  readonly times: Readonly<Record<Way, Summary>>;
}

const docker = ['dockerd', 'containerd', 'runc'];
const contenders: readonly Contender[] = [
  { name: 'fairlead', start: startFairlead, needs: ['etcd'], rounds: 50 },
  { name: 'docker with etcd', start: startClusterStore, needs: ['etcd', ...docker], rounds: 10 },
  { name: 'docker swarm', start: startSwarm, needs: docker, rounds: 10 },
];
const marksMs = { median: 20, p99: 50 };

/** `folder` has the programs to measure with. */
export async function compareConvergence(folder: string): Promise<void> {
  const results: Result[] = [];
  for (const { name, start, needs, rounds } of contenders) {
    const lacking = missing(needs);
    if (lacking.length > 0) {
      console.log(`${name}: cannot run here without ${lacking.join(', ')}`);
      continue;
    }
    try {
      await using overlay = await start(folder);
      const measure = (way: Way) => measureWay(overlay, `${name}, ${way}`, way, { rounds, folder });
      results.push({ name, times: { request: await measure('request'), command: await measure('command') } });
    } catch (error) {
      if (name === 'fairlead') throw error;
      console.log(`${name}: cannot run here:`, error instanceof Error ? error.message : error);
    }
  }
  const ours = results.find(({ name }) => name === 'fairlead');
  if (ours !== undefined)
    printMarks(
      ours,
      results.filter((each) => each !== ours),
    );
}

function printMarks(ours: Result, peers: readonly Result[]): void {
  for (const way of ways) {
    const { median, p99 } = ours.times[way];
    printMark(`${way} to connected, median`, median, marksMs.median, 'ms');
    printMark(`${way} to connected, p99`, p99, marksMs.p99, 'ms');
    for (const { name, times } of peers) {
      printMark(`${way} to connected, medians: fairlead / ${name}`, median / times[way].median, 1);
    }
  }
}

async function measureWay(
  overlay: Overlay,
  title: string,
  way: Way,
  { rounds, folder }: { readonly rounds: number; readonly folder: string },
): Promise<Summary> {
  // The first is not counted: it warms both sides up.
  const names = Array.from({ length: rounds + 1 }, (_, number) => `${way}${number}`);
  const prober = overlay.probe([join(folder, 'overlay'), 'probe', port, ...names]);
  const samples: Sample[] = [];
  for (const name of names) {
    samples.push(await measureOnce(prober, name, () => overlay.connect[way](name)));
    await overlay.disconnect();
  }
  const print = (what: string, part: keyof Sample) => {
    const values = samples.slice(1).map((sample) => sample[part]);
    return printSummary(`${title}: ${what}`, values, 'ms');
  };
  print('answered', 'returnedMs');
  print('name resolves', 'resolvedMs');
  return print('connected', 'connectedMs');
}

/** Each since the start. */
interface Sample {
  readonly returnedMs: number;
  readonly resolvedMs: number;
  readonly connectedMs: number;
}

/** The prober is looking for the name when the connect begins. */
async function measureOnce(
  prober: HostProcess,
  name: string,
  connect: () => Promise<unknown>,
): Promise<Sample> {
  await prober.line(new RegExp(`^ready ${name}$`));
  const began = process.hrtime.bigint();
  await connect();
  const returned = process.hrtime.bigint();
  const line = await prober.line(new RegExp(`^${name} `), 40_000);
  const [, resolved = '', connected] = line.split(' ');
  if (connected === undefined) throw new Error(`the prober says: ${line}`);
  return {
    returnedMs: msSince(began, returned),
    resolvedMs: msSince(began, BigInt(resolved)),
    connectedMs: msSince(began, BigInt(connected)),
  };
}

function msSince(began: bigint, ended: bigint): number {
  return Number(ended - began) / 1e6;
}
