// Compiles the C programs that benchmarks measure with.
import { execFileSync } from 'node:child_process';

/** `source` is a name in bench/floor, or the text of a program. */
export function compile(source: { readonly file: string } | { readonly text: string }, output: string): void {
  const options = ['-O2', '-static', '-s', '-o', output, '-x', 'c'];
  if ('text' in source) execFileSync('cc', [...options, '-'], { input: source.text });
  else execFileSync('cc', [...options, new URL(`../floor/${source.file}`, import.meta.url).pathname]);
}
