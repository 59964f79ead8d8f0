// Runs a program of ../inside in network and mount namespaces of its own, with the name service in the program itself.
import { execFileSync } from 'node:child_process';

export function runInside(script: string, words: readonly string[]): void {
  const path = new URL(`../inside/${script}`, import.meta.url).pathname;
  const apart = [
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--propagation',
    'private',
  ];
  const command = [process.execPath, '--expose-gc', ...process.execArgv, path, ...words];
  execFileSync('unshare', [...apart, ...command], { stdio: 'inherit' });
}
