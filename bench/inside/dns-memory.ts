// Runs in namespaces of its own, see ../dns.ts: what the resolver of a sandbox takes of the machine's memory, in the kernel and in
// processes.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { makeNamespace, openResolver, putName, startService } from '../dns/own-service.ts';
import { printFigure, printMark, summarize } from '../support/figures.ts';

const sandboxCount = 1000;
/** Of /proc/meminfo: what the kernel has for itself. */
const kernelParts = ['Slab', 'Percpu', 'KernelStack', 'PageTables'];
const samples = 9;

interface Memory {
  readonly kernelKiB: number;
  readonly processesKiB: number;
}

const names = await startService();
const paths: string[] = [];
for (let number = 0; number <= sandboxCount; number++) paths.push(await makeNamespace(`s${number}`));
// What there is but once is there before it begins.
putName(names, sandboxCount);
await open(sandboxCount);
const empty = await read();
for (let number = 0; number < sandboxCount; number++) putName(names, number);
const named = await read();
for (let number = 0; number < sandboxCount; number++) await open(number);
const opened = await read();
const [perName, perResolver] = [perSandbox(empty, named), perSandbox(named, opened)];
printFigure('names of one sandbox', perName.kernelKiB + perName.processesKiB, 'KiB');
printFigure('resolver of one sandbox, in the kernel', perResolver.kernelKiB, 'KiB');
printFigure('resolver of one sandbox, in processes', perResolver.processesKiB, 'KiB');
const whole = perResolver.kernelKiB + perResolver.processesKiB;
printMark(`resolver of one of ${sandboxCount} sandboxes`, whole, 16, 'KiB');
await names.shutdown();
process.exit(0);

async function open(number: number): Promise<void> {
  await openResolver(names, `sandbox${number}`, paths[number] ?? '');
}

function perSandbox(before: Memory, after: Memory): Memory {
  return {
    kernelKiB: (after.kernelKiB - before.kernelKiB) / sandboxCount,
    processesKiB: (after.processesKiB - before.processesKiB) / sandboxCount,
  };
}

/** What else the machine does comes and goes: the median of some moments. */
async function read(): Promise<Memory> {
  globalThis.gc?.();
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
