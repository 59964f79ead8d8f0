// A directory for namespace pins that can be taken away again although it has become a mount point.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function makePinDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'fairlead-pins-'));
}

export function removePinDirectory(directory: string): void {
  try {
    execFileSync('umount', ['--lazy', directory], { stdio: 'ignore' });
  } catch {
    // Nothing was pinned in it.
  }
  rmSync(directory, { recursive: true, force: true });
}
