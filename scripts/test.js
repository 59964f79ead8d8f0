// `npm test`: checks, then every suite, then one line that says how it went: `N passed, N failed, N skipped`.
// Suites that touch the kernel run in namespaces of their own; that the machine is as it was before is checked as well.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bootstrap.js';
import { describeMachine, leftProcesses, runMarker } from './machine-state.js';
import { installPackages } from './test-packages.js';

const isRoot = process.getuid?.() === 0;
const reports = join(root, 'build/test');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const suiteLimitMs = 40 * 60_000;

/** Own network and mounts for a whole suite, or a part of it; only tests that ask for less run directly. */
const inNamespaces = [
  'unshare',
  // The lock of iptables-legacy is a file in /run.
  [
    ...['--net', '--mount', '--propagation', 'private', 'sh', '-c'],
    ...['ip link set lo up && mount -t tmpfs tmpfs /run && exec "$@"', 'sh'],
  ],
];

/** A suite's parts run at the same time. */
const suites = {
  unit: { inNamespaces: false, needsRoot: false, parts: 1 },
  contract: { inNamespaces: true, needsRoot: false, parts: 1 },
  kernel: { inNamespaces: true, needsRoot: true, parts: 2 },
  e2e: { inNamespaces: false, needsRoot: true, parts: 1 },
};

const counts = { passed: 0, failed: 0, skipped: 0 };
const notes = [];

function count(kind, number, note) {
  counts[kind] += number;
  if (note !== undefined && number > 0) notes.push(`${kind}: ${note}`);
}

/** Runs a command to its end; resolves with its status and everything it printed. */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const limit = setTimeout(() => child.kill('SIGKILL'), suiteLimitMs);
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => output.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (status) => {
      clearTimeout(limit);
      resolve({ status: status ?? 1, output: Buffer.concat(output).toString() });
    });
  });
}

async function runCheck() {
  const { status, output } = await run(process.execPath, [join(root, 'scripts/check.js')]);
  console.log(`\n## check\n\n${output.trimEnd()}`);
  count(status === 0 ? 'passed' : 'failed', 1, status === 0 ? undefined : 'npm run check');
}

async function runSuite(name) {
  const suite = suites[name];
  if (suite.needsRoot && !isRoot) return skipSuite(name, 'needs root');
  const parts = Array.from({ length: suite.parts }, (_, index) => `${index + 1}/${suite.parts}`);
  await Promise.all(parts.map((part) => runPart(name, part)));
}

/** @param part `1/2` is the first half of the files. */
async function runPart(name, part) {
  const suite = suites[name];
  const report = join(reports, `${name}-${part.replace('/', '-of-')}.json`);
  const started = Date.now();
  const args = [vitest, 'run', '--project', name, '--passWithNoTests', `--shard=${part}`];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const [command, before] = suite.inNamespaces && isRoot ? inNamespaces : ['env', []];
  const { status, output } = await run(command, [...before, process.execPath, ...args, ...reporters]);
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`\n## ${name} ${part} (${seconds} s)\n\n${output.trim()}`);
  addReport(name, report, status);
}

function addReport(name, file, status) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return count('failed', 1, `${name}: no report, exit status ${status}`);
  }
  const failedBefore = counts.failed;
  for (const { name: path, assertionResults, status: fileStatus } of report.testResults) {
    const label = path.replace(`${root}/`, '');
    for (const test of assertionResults) addTest(label, test);
    const noneFailed = assertionResults.every((test) => test.status !== 'failed');
    if (fileStatus === 'failed' && noneFailed) count('failed', 1, `${label}: could not be run`);
  }
  if (status !== 0 && counts.failed === failedBefore) count('failed', 1, `${name}: exit status ${status}`);
}

function addTest(label, { status, fullName }) {
  if (status === 'passed') count('passed', 1);
  else if (status === 'failed') count('failed', 1, `${label}: ${fullName}`);
  else count('skipped', 1, `${label}: ${fullName}`);
}

async function skipSuite(name, reason) {
  const { output } = await run(process.execPath, [vitest, 'list', '--project', name]);
  const tests = output.split('\n').filter((line) => line.includes(' > ')).length;
  count('skipped', Math.max(tests, 1), `the whole suite ${name}: ${reason}`);
}

function compareMachine(before) {
  const after = describeMachine();
  const differences = Object.keys(before).filter((key) => before[key] !== after[key]);
  for (const key of differences) {
    console.log(`\n## ${key} of the machine differ\n--- before\n${before[key]}\n--- after\n${after[key]}`);
  }
  const left = leftProcesses();
  count(
    differences.length + left.length === 0 ? 'passed' : 'failed',
    1,
    differences.length + left.length === 0
      ? undefined
      : `left behind: ${[...differences, ...left].join(', ')}`,
  );
}

async function inTurn(names) {
  for (const name of names) await runSuite(name);
}

process.env[runMarker] = String(process.pid);
rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });

const lacking = installPackages();
for (const { name, reason } of lacking) count('skipped', 1, `Debian package ${name} is missing (${reason})`);
const before = describeMachine();
await runCheck();
await Promise.all([inTurn(['unit', 'contract', 'kernel']), inTurn(['e2e'])]);
compareMachine(before);

console.log(`\n${notes.join('\n')}\n`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 ? 0 : 1;
