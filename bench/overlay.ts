// Networks over several hosts: how soon another host reaches what was connected, what goes through, and what it costs when there
// are many endpoints and many hosts; beside Docker's overlays, and a VXLAN device set up by hand.
// Flags: `--part NAME` (repeatable) for these parts alone; `--endpoints N` of the part of that name; `--hosts N` that are simulated.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareConvergence } from './overlay/converge.ts';
import { measureManyEndpoints } from './overlay/many-endpoints.ts';
import { simulateHosts } from './overlay/many-hosts.ts';
import { measureThroughput } from './overlay/throughput.ts';
import { missing } from './support/commands.ts';
import { compile } from './support/compile.ts';

interface Part {
  /** Programs without which it cannot run. */
  readonly needs: readonly string[];
  run(folder: string): Promise<void>;
}

const { values } = parseArgs({
  options: {
    part: { type: 'string', multiple: true },
    endpoints: { type: 'string', default: '10000' },
    hosts: { type: 'string', default: '200' },
  },
});

const parts: Readonly<Record<string, Part>> = {
  convergence: { needs: [], run: compareConvergence },
  throughput: { needs: ['etcd', 'iperf3'], run: measureThroughput },
  endpoints: { needs: ['etcd'], run: () => measureManyEndpoints(Number(values.endpoints)) },
  hosts: { needs: ['etcd'], run: async () => simulate(Number(values.hosts)) },
};

const wanted = values.part ?? Object.keys(parts);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) throw new Error(`no part ${unknown}; there is: ${Object.keys(parts).join(', ')}`);

const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
try {
  compile({ file: 'overlay.c' }, join(folder, 'overlay'));
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.includes(name)) await runPart(name, part);
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** One that fails does not keep the others from running. */
async function runPart(name: string, part: Part): Promise<void> {
  const lacking = missing(part.needs);
  if (lacking.length > 0) return console.log(`${name}: cannot run here without ${lacking.join(', ')}`);
  try {
    await part.run(folder);
  } catch (error) {
    console.log(`${name}: failed:`, error);
    process.exitCode = 1;
  }
}

/** On networks of ten, and on one that as many are on as make a like number of events. */
function simulate(hosts: number): void {
  const endpoints = 100;
  simulateHosts({ hosts, perNetwork: 10, endpoints });
  const wide = Math.round(Math.sqrt(10 * hosts));
  simulateHosts({ hosts: wide, perNetwork: wide, endpoints });
}
