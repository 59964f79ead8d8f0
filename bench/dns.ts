// Names answered to a process in a sandbox: netd beside unbound, dnsmasq and aardvark-dns, and beside itself while it is at other
// work. Flag: `--part NAME` (repeatable) for these parts alone.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bed } from './dns/bed.ts';
import { compareForwarded } from './dns/forwarded.ts';
import { attachBesideQuestions } from './dns/many-attaches.ts';
import { compareOwnNames } from './dns/own-names.ts';
import { runInside } from './dns/run-inside.ts';
import { missing } from './support/commands.ts';
import { compile } from './support/compile.ts';

interface Part {
  /** Programs without which it cannot run. */
  readonly needs: readonly string[];
  run(): Promise<void>;
}

const peers = ['unbound', 'dnsmasq', '/usr/lib/podman/aardvark-dns', 'dnsperf'];
const parts: Readonly<Record<string, Part>> = {
  own: { needs: peers, run: async () => compareOwnNames(await bed()) },
  forwarded: { needs: peers, run: async () => compareForwarded(await bed()) },
  attaches: { needs: peers, run: async () => attachBesideQuestions(await bed()) },
  memory: { needs: [], run: async () => runInside(new URL('inside/dns-memory.ts', import.meta.url), []) },
  updates: {
    needs: [],
    run: async () => runInside(new URL('inside/dns-updates.ts', import.meta.url), [program]),
  },
  loop: {
    needs: [],
    run: async () => runInside(new URL('inside/dns-blocked-loop.ts', import.meta.url), [program]),
  },
};

const { values } = parseArgs({ options: { part: { type: 'string', multiple: true } } });
const wanted = values.part ?? Object.keys(parts);
const unknown = wanted.filter((name) => !(name in parts));
if (unknown.length > 0) throw new Error(`no part ${unknown}; there is: ${Object.keys(parts).join(', ')}`);

const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const program = join(folder, 'dns');
let started: Promise<Bed> | undefined;
try {
  compile({ file: 'dns.c' }, program);
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.includes(name)) await runPart(name, part);
  }
} finally {
  await (await started)?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}

/** One for all parts that need one. */
function bed(): Promise<Bed> {
  started ??= Bed.start(folder, program);
  return started;
}

/** One that fails does not keep the others from running. */
async function runPart(name: string, part: Part): Promise<void> {
  const lacking = missing(part.needs);
  if (lacking.length > 0) return console.log(`${name}: cannot run here without ${lacking.join(', ')}`);
  try {
    await part.run();
  } catch (error) {
    console.log(`${name}: failed:`, error);
    process.exitCode = 1;
  }
}
