// Global set-up of the end-to-end suite: what it runs is built from the sources as they are.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

export function setup(): void {
  const bootstrap = join(import.meta.dirname, '../../scripts/bootstrap.js');
  execFileSync(process.execPath, [bootstrap], { stdio: ['ignore', 'ignore', 'inherit'] });
}
