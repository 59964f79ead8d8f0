// The generations of the store: each file begins with the whole state and goes on with the commits since.
import { closeSync, fsync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type FileCalls, JournalFile, unavailable } from './journal-file.ts';
import { encodeRecord } from './record.ts';
import { schemaVersion } from './schema.ts';
import type { Change } from './store.ts';

const prefix = 'records-';
const unfinished = '.new';
/** So many are encoded between two turns of the event loop: about a millisecond's work. */
const changesPerPart = 256;

export function generationPath(directory: string, number: number): string {
  return join(directory, `${prefix}${number}`);
}

/** Numbers of the generations there are, newest first. */
export function listGenerations(directory: string): number[] {
  return readdirSync(directory)
    .flatMap((name) => /^records-(\d{1,15})$/.exec(name)?.slice(1) ?? [])
    .map(Number)
    .sort((a, b) => b - a);
}

/** The state a generation begins with. */
export interface Snapshot {
  readonly sequence: number;
  readonly changes: readonly Change[];
}

/** Writes a generation under a name that is not read yet, and flushes it. Errors: `unavailable`; then nothing is left of it. */
export async function writeGeneration(
  directory: string,
  number: number,
  { sequence, changes }: Snapshot,
  calls: FileCalls,
): Promise<JournalFile> {
  const file = new JournalFile(`${generationPath(directory, number)}${unfinished}`, 0, calls);
  try {
    const parts = Math.max(1, Math.ceil(changes.length / changesPerPart));
    for (let part = 0; part < parts; part++) {
      const slice = changes.slice(part * changesPerPart, (part + 1) * changesPerPart);
      file.append(
        encodeRecord({ schema: schemaVersion, sequence, snapshot: parts - 1 - part, changes: slice }),
      );
      await setImmediate();
    }
    await file.flush();
    return file;
  } catch (error) {
    discard(file);
    throw error;
  }
}

/** Adds the commits made since and gives the file its name. Errors: `unavailable`; then nothing is left of it. */
export function publishGeneration(
  directory: string,
  number: number,
  file: JournalFile,
  since: readonly Uint8Array[],
): void {
  try {
    for (const bytes of since) file.append(bytes);
    file.rename(generationPath(directory, number));
  } catch (error) {
    discard(file);
    throw error;
  }
}

/** Makes the names in the directory survive a power cut. Errors: `unavailable`. */
export async function flushDirectory(directory: string): Promise<void> {
  const fd = openSync(directory, 'r');
  try {
    await promisify(fsync)(fd);
  } catch (error) {
    throw unavailable(directory, error);
  } finally {
    closeSync(fd);
  }
}

/** Removes the generations before this one. */
export function removeOlder(directory: string, oldest: number): void {
  const older = listGenerations(directory).filter((number) => number < oldest);
  for (const number of older) rmSync(generationPath(directory, number), { force: true });
}

/** Removes what a process left that died while it wrote a generation. */
export function removeUnfinished(directory: string): void {
  const left = readdirSync(directory).filter((name) => name.startsWith(prefix) && name.endsWith(unfinished));
  for (const name of left) rmSync(join(directory, name), { force: true });
}

function discard(file: JournalFile): void {
  file.close();
  rmSync(file.path, { force: true });
}
