// Builds the native parts: the addon with node-gyp, then the static executables with make. Says nothing unless it fails.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

buildAddon();
run('make', ['--silent', '-C', 'native']);

function buildAddon() {
  const nodeGyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
  const headers = headerPrefix();
  const steps = isConfigured() ? ['build'] : ['configure', 'build'];
  for (const step of steps) {
    const options =
      step === 'configure'
        ? ['--release', '--', `-Daddon_api=${addonApiDirectory()}`]
        : ['--release', '--jobs=max'];
    const nodedir = headers === undefined ? [] : [`--nodedir=${headers}`];
    run(process.execPath, [nodeGyp, step, ...nodedir, ...options]);
  }
}

/** Where node's own headers are installed, so that none are downloaded. */
function headerPrefix() {
  const prefixes = [dirname(dirname(process.execPath)), '/usr'];
  return prefixes.find((prefix) => existsSync(join(prefix, 'include/node/node.h')));
}

function addonApiDirectory() {
  return dirname(require.resolve('node-addon-api/package.json'));
}

/** The makefile is up to date with what it was made from: the description, the folder it lists, the node version and this script. */
function isConfigured() {
  const makefile = join(root, 'build/Makefile');
  if (!existsSync(makefile) || !existsSync(join(root, 'build/config.gypi'))) return false;
  const made = statSync(makefile).mtimeMs;
  const listed = ['binding.gyp', 'native/dns'].map((path) => join(root, path));
  const sources = [...listed, fileURLToPath(import.meta.url), process.execPath];
  return sources.every((source) => statSync(source).mtimeMs < made);
}

function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  process.stderr.write(`building the native parts failed: ${command} ${args.join(' ')}\n`);
  if (error) process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
