// Which pins in the namespace directory are ours: others (`ip netns add`) keep theirs there too, and a crash may come
// between making a pin and recording its sandbox. Each pin of ours has a file of its name in RUN_DIR/pins, written before
// the pin is made (then empty) and again after it (then with the namespace's device and inode). A pin is ours when its
// file names its namespace; one whose file is still empty is too, as it was made in the moment of the crash.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NamespaceIdentity } from '../kernel/netns.ts';

/** The files are tiny and in memory (tmpfs), so that reading and writing them at once costs less than a thread would. */
export class PinLedger {
  readonly #directory: string;

  /** @param runDir the daemon's RUN_DIR; what is missing of the path is made. */
  constructor(runDir: string) {
    this.#directory = join(runDir, 'pins');
    mkdirSync(this.#directory, { recursive: true });
  }

  announce(name: string): void {
    writeFileSync(this.#path(name), '');
  }

  confirm(name: string, identity: NamespaceIdentity): void {
    writeFileSync(this.#path(name), textOf(identity));
  }

  /** Absent is fine. */
  forget(name: string): void {
    rmSync(this.#path(name), { force: true });
  }

  names(): readonly string[] {
    return readdirSync(this.#directory);
  }

  /** Whether the namespace pinned under a name is the one we pinned there. */
  owns(name: string, identity: NamespaceIdentity): boolean {
    const text = readFileSync(this.#path(name), 'utf8');
    return text === '' || text === textOf(identity);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function textOf({ device, inode }: NamespaceIdentity): string {
  return `${device}:${inode}`;
}
