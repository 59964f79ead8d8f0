// Files that are put in place for other programs, and taken away again: somebody else's are never touched unasked.
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { NetError } from '../base/errors.ts';
import { randomId } from '../base/random-id.ts';

export interface InstalledFile {
  readonly path: string;
  /** Undefined where it cannot be made now: it can still be removed. */
  readonly content: Buffer | undefined;
  readonly mode: number;
  /** Whether other content comes from us too and may be replaced. */
  readonly mayReplace: (content: Buffer) => boolean;
  /** Whether other content comes from us too and may be removed. */
  readonly mayRemove: (content: Buffer) => boolean;
  /** Somebody else's does as well as ours: it stays, whatever is forced. */
  readonly optional?: true;
}

interface Found {
  /** Undefined of what is no regular file; we make nothing else. */
  readonly content: Buffer | undefined;
  readonly mode: number;
  readonly isDirectory: boolean;
}

interface Force {
  readonly force: boolean;
}

/**
 * Writes what is not there yet and returns the paths of it. Looks at everything before it writes anything, and every file
 * appears whole or not at all. Errors: `conflict` naming a file that is not ours, `unavailable`.
 */
export function installFiles(files: readonly InstalledFile[], options: Force): readonly string[] {
  const missing = files.filter((file) => isToWrite(file, options));
  const staged: { readonly path: string; readonly temporary: string }[] = [];
  try {
    for (const file of missing) staged.push({ path: file.path, temporary: stage(file) });
    for (const { path, temporary } of staged) attempt('write', path, () => renameSync(temporary, path));
  } finally {
    for (const { temporary } of staged) rmSync(temporary, { force: true });
  }
  return missing.map(({ path }) => path);
}

/**
 * Removes what is there and returns the paths of it; directories stay. Looks at everything before it removes anything.
 * Errors: `conflict` naming a file that is not ours or no longer as it was, `unavailable`.
 */
export function uninstallFiles(files: readonly InstalledFile[], options: Force): readonly string[] {
  const present = files.filter((file) => isToRemove(file, options));
  for (const { path } of present) attempt('remove', path, () => rmSync(path));
  return present.map(({ path }) => path);
}

function isToWrite(file: InstalledFile, { force }: Force): boolean {
  const found = look(file.path);
  if (found === undefined) return true;
  if (isSame(found, file)) return (found.mode & file.mode & 0o111) !== (file.mode & 0o111);
  if (found.content !== undefined && file.mayReplace(found.content)) return true;
  if (file.optional) return false;
  return insist(found, file.path, force, 'is there with other content; --force replaces it');
}

function isToRemove(file: InstalledFile, { force }: Force): boolean {
  const found = look(file.path);
  if (found === undefined) return false;
  if (isSame(found, file)) return true;
  if (found.content !== undefined && file.mayRemove(found.content)) return true;
  if (file.optional) return false;
  return insist(found, file.path, force, 'is not as it was installed; --force removes it');
}

function isSame(found: Found, { content }: InstalledFile): boolean {
  return content !== undefined && found.content?.equals(content) === true;
}

function insist(found: Found, path: string, force: boolean, problem: string): true {
  if (found.isDirectory) throw new NetError('conflict', `${path} is a directory`);
  if (!force) throw new NetError('conflict', `${path} ${problem}`);
  return true;
}

function look(path: string): Found | undefined {
  return attempt('read', path, () => {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) return undefined;
    const content = status.isFile() ? readFileSync(path) : undefined;
    return { content, mode: status.mode, isDirectory: status.isDirectory() };
  });
}

/**
 * Beside its place, so that it can be renamed to it; under a name that no reader of the directory takes for one of its files.
 */
function stage({ path, content, mode }: InstalledFile): string {
  if (content === undefined) throw new NetError('internal', `${path}: nothing to write`);
  const temporary = join(dirname(path), `.${basename(path)}.${randomId().slice(0, 8)}`);
  attempt('write', path, () => {
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(temporary, content, { flag: 'wx', mode, flush: true });
      chmodSync(temporary, mode); // whatever the umask
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
  return temporary;
}

function attempt<T>(verb: string, path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NetError('unavailable', `cannot ${verb} ${path}: ${reason}`, { cause: error });
  }
}
