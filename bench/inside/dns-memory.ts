// Runs in namespaces of its own, see ../dns.ts: what the resolver of a sandbox takes of the machine's memory, in the kernel and in
// processes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { makeNamespace, openResolver, putName, startService } from '../dns/own-service.ts';
import { printMark, printSummary, summarize } from '../support/figures.ts';

const sandboxCount = 500;
const rounds = 3;
/** Of /proc/meminfo: what the kernel has for itself. */
const kernelParts = ['Slab', 'Percpu', 'KernelStack', 'PageTables'];
const samples = 5;

interface Memory {
  readonly kernelKiB: number;
  readonly processesKiB: number;
}

const names = await startService();
let sandboxes = 0;
// What there is but once is there before it begins.
putName(names, sandboxes);
await openResolver(names, String(sandboxes), await makeNamespace(String(sandboxes)));

const perNames: number[] = [];
const perResolver = { kernel: [] as number[], processes: [] as number[], both: [] as number[] };
for (let round = 0; round < rounds; round++) {
  const numbers = Array.from({ length: sandboxCount }, () => ++sandboxes);
  const paths = new Map<number, string>();
  for (const number of numbers) paths.set(number, await makeNamespace(String(number)));
  const empty = await read();
  for (const number of numbers) putName(names, number);
  const named = await read();
  for (const [number, path] of paths) await openResolver(names, String(number), path);
  const opened = await read();
  const { kernelKiB, processesKiB } = perSandbox(named, opened);
  perNames.push(perSandbox(empty, named).processesKiB);
  perResolver.kernel.push(kernelKiB);
  perResolver.processes.push(processesKiB);
  perResolver.both.push(kernelKiB + processesKiB);
}
printSummary('names of one sandbox, in processes', perNames, 'KiB');
printSummary('resolver of one sandbox, in the kernel', perResolver.kernel, 'KiB');
printSummary('resolver of one sandbox, in processes', perResolver.processes, 'KiB');
printMark(
  `resolver of one of ${sandboxCount} sandboxes, median`,
  summarize(perResolver.both).median,
  16,
  'KiB',
);
await names.shutdown();
process.exit(0);

function perSandbox(before: Memory, after: Memory): Memory {
  return {
    kernelKiB: (after.kernelKiB - before.kernelKiB) / sandboxCount,
    processesKiB: (after.processesKiB - before.processesKiB) / sandboxCount,
  };
}

/**
 * Without what the kernel only keeps to find it sooner: inodes and entries of /proc, say. What else the machine does comes and goes:
 * the median of some moments.
 */
async function read(): Promise<Memory> {
  globalThis.gc?.();
  writeFileSync('/proc/sys/vm/drop_caches', '2');
  const kernel: number[] = [];
  const processes: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    await setTimeout(100);
    kernel.push(kernelKiB());
    processes.push(processesKiB());
  }
  return { kernelKiB: summarize(kernel).median, processesKiB: summarize(processes).median };
}

function kernelKiB(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  const values = kernelParts.map((part) => Number(new RegExp(`^${part}:\\s+(\\d+)`, 'm').exec(text)?.[1]));
  return values.reduce((sum, value) => sum + value, 0);
}

/** Of all there are here, each with its part of what they share. */
function processesKiB(): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const values = pids.map((pid) => {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]);
  });
  return values.reduce((sum, value) => sum + value, 0);
}
