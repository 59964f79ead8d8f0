// Runs a program of ../inside in network and mount namespaces of its own, with the name service in the program itself.
import { execFileSync } from 'node:child_process';

export function runInside(script: URL, words: readonly string[]): void {
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
  const command = [process.execPath, '--expose-gc', ...process.execArgv, script.pathname, ...words];
  execFileSync('unshare', [...apart, ...command], { stdio: 'inherit' });
}
