// From nothing to the end of a program in a sandbox: `net run true` beside `docker run --rm` and `podman run --rm` of the same
// static program, whole processes as a user sees them, in one throw-away host in turn.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inCgroups, removeControlGroups } from '../test/support/engines/control-groups.ts';
import { TestHost } from '../test/support/test-host.ts';
import { compile } from './support/compile.ts';
import { printMark, printSummary, type Summary } from './support/figures.ts';

const rounds = 25;
const ways = {
  net_run: 'net run',
  net_run_named: 'net run, own network',
  docker_run: 'docker run --rm',
  docker_run_named: 'docker run --rm, own network',
  podman_run_named: 'podman run --rm (crun), own network',
} as const;
type Way = keyof typeof ways;

const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const controlGroup = `fairlead-bench-${process.pid}`;
try {
  const program = join(folder, 'true');
  compile({ text: 'int main(void) { return 0; }' }, program);
  execFileSync('tar', ['-C', folder, '-cf', join(folder, 'bench.tar'), 'true']);
  report(await measure());
} finally {
  await removeControlGroups(controlGroup);
  rmSync(folder, { recursive: true });
}

async function measure(): Promise<string> {
  await using host = await TestHost.start('run');
  await host.netd();
  const script = new URL('inside/run.sh', import.meta.url).pathname;
  return await host.run(['bash', inCgroups, controlGroup, 'bash', script, folder, String(rounds)]);
}

function report(printed: string): void {
  const lines = printed.split('\n').map((line) => line.split(' '));
  const summaries = new Map<Way, Summary>();
  for (const way of Object.keys(ways) as Way[]) {
    const without = lines.find((words) => words[0] === 'without' && words[1] === way);
    if (without !== undefined) {
      console.log(`${ways[way].padEnd(52)} cannot run here: ${without.slice(2).join(' ')}`);
      continue;
    }
    const times = lines.filter((words) => words[0] === way).map((words) => Number(words[1]) / 1000);
    summaries.set(way, printSummary(`${ways[way]}: start to end`, times, 'ms'));
  }
  const own = summaries.get('net_run');
  if (own !== undefined) printMark('net run, median', own.median, 15, 'ms');
  compare(summaries, 'net_run', 'docker_run', 1 / 10);
  compare(summaries, 'net_run_named', 'docker_run_named', 1 / 10);
  compare(summaries, 'net_run_named', 'podman_run_named', 1 / 5);
}

function compare(summaries: ReadonlyMap<Way, Summary>, own: Way, peer: Way, mark: number): void {
  const [a, b] = [summaries.get(own), summaries.get(peer)];
  if (a !== undefined && b !== undefined)
    printMark(`${ways[own]} / ${ways[peer]}`, a.median / b.median, mark);
}
