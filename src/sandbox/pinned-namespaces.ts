// The namespaces we make, each pinned as a file of the namespace directory.
import { existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NetError } from '../base/errors.ts';
import { withUndo } from '../base/undo.ts';
import { createPinnedNamespace, type NamespaceIdentity, unpinNamespace } from '../kernel/netns.ts';
import { codeOf, enter, openIfThere } from './own-namespace.ts';
import { PinLedger } from './pin-ledger.ts';
import type { PinnedNamespace } from './sandbox.ts';

export class PinnedNamespaces {
  readonly #directory: string;
  readonly #ledger: PinLedger;

  /** @param runDir the daemon's RUN_DIR: tells its pins from another daemon's. */
  constructor(netnsDir: string, runDir: string) {
    this.#directory = resolve(netnsDir);
    this.#ledger = new PinLedger(runDir);
  }

  /** Errors: `already_exists`. */
  async create(name: string): Promise<PinnedNamespace> {
    const path = join(this.#directory, name);
    if (existsSync(path)) throw pathTaken(path);
    return withUndo(async (undo) => {
      undo(() => this.#ledger.forget(name));
      this.#ledger.announce(name);
      const { device, inode } = await pin(path);
      undo(() => unpinNamespace(path));
      this.#ledger.confirm(name, { device, inode });
      return { kind: 'pinned', path, device, inode };
    });
  }

  /** Only the very namespace that was recorded: the path may be somebody else's by now. */
  async unpin(namespace: PinnedNamespace): Promise<void> {
    const { path } = namespace;
    const open = enter(namespace);
    open?.close();
    if (open !== undefined || (await isBare(path))) await unpinNamespace(path);
    this.#ledger.forget(this.#nameOf(path));
  }

  /** Paths of pins of ours that are not among these. */
  async strays(keep: ReadonlySet<string>): Promise<readonly string[]> {
    const strays: string[] = [];
    for (const name of this.#ledger.names()) {
      const path = join(this.#directory, name);
      if (keep.has(path)) continue;
      if (await this.#isOurs(name, path)) strays.push(path);
      else this.#ledger.forget(name);
    }
    return strays;
  }

  async removeStray(path: string): Promise<void> {
    await unpinNamespace(path);
    this.#ledger.forget(this.#nameOf(path));
  }

  async #isOurs(name: string, path: string): Promise<boolean> {
    const pinned = openIfThere(path);
    pinned?.close();
    return pinned === undefined ? isBare(path) : this.#ledger.owns(name, pinned);
  }

  #nameOf(path: string): string {
    return path.slice(this.#directory.length + 1);
  }
}

/** Errors: `already_exists`. */
async function pin(path: string): Promise<NamespaceIdentity> {
  try {
    return await createPinnedNamespace(path, { disableIpv6: true });
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? pathTaken(path) : error;
  }
}

/** Whether a path is the empty file a pin is mounted on, without the mount: between the two steps of pinning and unpinning. */
async function isBare(path: string): Promise<boolean> {
  const file = await lstat(path).catch(() => undefined);
  if (file?.isFile() !== true || file.size !== 0) return false;
  const pinned = openIfThere(path);
  pinned?.close();
  return pinned === undefined;
}

function pathTaken(path: string): NetError {
  return new NetError('already_exists', `${path} exists already`);
}
