// From a bare clone to something that runs: dependencies, the native part, the compiled TypeScript. Does only what is
// missing or stale, so every npm script may start with it. Imports nothing but Node, because nothing else may be there yet.
// `--dependencies` stops after the first step, `--force` does all steps anew.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [20, 11];

/** Commands the build needs, with the Debian package each comes from. */
const tools = { make: 'make', 'g++': 'g++', python3: 'python3' };

/** Installs the locked dependencies when there are none, or older ones than the lock file. */
export function installDependencies(force = false) {
  checkNode();
  const installed = modifiedAt(join(root, 'node_modules/.package-lock.json'));
  if (!force && installed >= modifiedAt(join(root, 'package-lock.json'))) return;
  checkTools();
  step('installing dependencies', 'npm', [
    'ci',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ]);
  const now = new Date();
  utimesSync(join(root, 'node_modules/.package-lock.json'), now, now);
}

const products = {
  native: ['bin/net', 'bin/fairlead-cni', 'bin/fairlead-keeper'],
  typescript: ['dist/bin/netd.js'],
};

/** Builds the native part and compiles the TypeScript where their sources are newer than what was made of them. */
export function build(force = false) {
  const native = ['native', 'binding.gyp', 'scripts/build-native.js'];
  refresh('native', native, force, () => {
    checkTools();
    step('building the native part', process.execPath, [join(root, 'scripts/build-native.js')]);
  });
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
  refresh('typescript', sources, force, () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    step('compiling TypeScript', process.execPath, [tsc, '-p', 'tsconfig.build.json']);
  });
}

function refresh(name, sources, force, work) {
  const stamp = join(root, 'build', `.${name}-built`);
  const newest = Math.max(...sources.map((source) => newestUnder(join(root, source))));
  const isBuilt = products[name].every((product) => existsSync(join(root, product)));
  if (!force && isBuilt && modifiedAt(stamp) > newest) return;
  const started = new Date();
  work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, '');
  // What was saved while the work went on must count as newer.
  utimesSync(stamp, started, started);
}

function step(title, command, args) {
  process.stderr.write(`fairlead: ${title}\n`);
  const { status, error, signal } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  fail(`${title} failed (${error?.message ?? signal ?? `exit status ${status}`})`);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (!enough) fail(`Node ${oldestNode.join('.')} or newer is needed, this is ${process.versions.node}`);
}

function checkTools() {
  const missing = Object.keys(tools).filter((tool) => !isCommand(tool));
  if (missing.length === 0) return;
  const packages = missing.map((tool) => tools[tool]).join(' ');
  fail(`${missing.join(', ')} not found; on Debian: apt-get install ${packages}`);
}

/** True when a command of that name is on the PATH (or where Debian keeps those for root). */
export function isCommand(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, name)));
}

function newestUnder(path) {
  if (!existsSync(path)) return 0;
  if (!statSync(path).isDirectory()) return modifiedAt(path);
  const children = readdirSync(path).map((name) => newestUnder(join(path, name)));
  return Math.max(modifiedAt(path), ...children);
}

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function fail(message) {
  process.stderr.write(`fairlead: ${message}\n`);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const force = process.argv.includes('--force');
  installDependencies();
  if (!process.argv.includes('--dependencies')) build(force);
}
