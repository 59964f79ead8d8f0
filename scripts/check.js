// `npm run check`: format and lint, types, layers, dead code; side by side, in seconds.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installDependencies, root } from './bootstrap.js';

const bin = (name) => join(root, 'node_modules/.bin', name);
const folders = ['src', 'test', 'bench'].filter((folder) => existsSync(join(root, folder)));

const checks = [
  { name: 'format and lint', command: bin('biome'), args: ['check', '--error-on-warnings', '.'] },
  {
    name: 'types',
    command: bin('tsc'),
    args: ['-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', 'build/check.tsbuildinfo'],
  },
  { name: 'layers', command: bin('depcruise'), args: ['--config', '.dependency-cruiser.js', ...folders] },
  { name: 'dead code', command: bin('knip'), args: ['--no-config-hints'] },
];

function run({ name, command, args }) {
  const started = Date.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => output.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (status) => {
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
      if (status !== 0) process.stdout.write(Buffer.concat(output));
      resolve(status === 0);
    });
  });
}

installDependencies();
const passed = await Promise.all(checks.map(run));
process.exitCode = passed.every(Boolean) ? 0 : 1;
