// `npm run fuzz [-- --seconds N | --runs N] [TARGET…]`: gives the native resolver what nobody should, by clang's libFuzzer with
// sanitizers; a minute for each target unless told otherwise. What it learns it keeps in build/fuzz/corpus, what ended it in build/fuzz.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './bootstrap.js';
import { dictionary, seeds } from './fuzz-seeds.js';

const folder = join(root, 'build/fuzz');
/** Runs of the one for each of the others: it makes a world anew each time. */
const slowness = { apply: 20 };

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string' }, runs: { type: 'string' } },
  allowPositionals: true,
});
const inputs = seeds();
const unknown = positionals.filter((name) => inputs[name] === undefined);
if (unknown.length > 0) {
  console.error(`fuzz: no ${unknown.join(', ')}; there is: ${Object.keys(inputs).join(', ')}`);
  process.exit(2);
}

run('make', ['--silent', `-j${availableParallelism()}`, '-C', 'native/dns/fuzz']);
for (const target of positionals.length > 0 ? positionals : Object.keys(inputs)) fuzz(target);

function fuzz(target) {
  const [corpus, given] = ['corpus', 'seeds'].map((name) => join(folder, name, target));
  for (const path of [corpus, given]) mkdirSync(path, { recursive: true });
  inputs[target].forEach((bytes, i) => {
    writeFileSync(join(given, String(i)), bytes);
  });
  const words = join(folder, 'dictionary');
  writeFileSync(words, dictionary());
  const until =
    values.runs === undefined
      ? `-max_total_time=${values.seconds ?? 60}`
      : `-runs=${Math.ceil(Number(values.runs) / (slowness[target] ?? 1))}`;
  console.log(`\n## ${target}\n`);
  run(join(folder, target), [
    until,
    `-dict=${words}`,
    `-artifact_prefix=${folder}/${target}-`,
    '-max_len=4096',
    '-timeout=10',
    '-print_final_stats=1',
    '-verbosity=1',
    corpus,
    given,
  ]);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status === 0) return;
  if (error) console.error(`fuzz: ${command}: ${error.message}`);
  process.exit(1);
}
