// `npm run bench [-- NAME…]`: runs the files of bench/ one after the other, each as a program of its own that prints its
// figures beside its peer's. Without names: all of them. What follows the names from the first flag on is handed to each.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bootstrap.js';
import { benchPackages, installPackages } from './test-packages.js';

const folder = join(root, 'bench');
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.ts')) : [];
const known = files.map((file) => file.slice(0, -'.ts'.length)).sort();
const words = process.argv.slice(2);
const firstFlag = words.findIndex((word) => word.startsWith('-'));
const wanted = firstFlag < 0 ? words : words.slice(0, firstFlag);
const flags = firstFlag < 0 ? [] : words.slice(firstFlag);

const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`bench: no ${unknown.join(', ')}; there is: ${known.join(', ')}`);
  process.exit(2);
}

for (const { name, reason } of installPackages(benchPackages)) {
  console.log(`Debian package ${name} is missing (${reason})`);
}
// Bash takes a pipe of Node's for a remote shell's and reads ~/.bashrc, unless a shell has started it.
process.env.SHLVL = '1';
let failed = 0;
for (const name of wanted.length > 0 ? wanted : known) {
  console.log(`\n## ${name}\n`);
  const file = join(folder, `${name}.ts`);
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', file, ...flags], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) failed++;
}
process.exitCode = failed === 0 ? 0 : 1;
