// The store on disk: a journal of checksummed commits, rewritten as a new generation when it has grown.
import { mkdirSync, renameSync } from 'node:fs';
import { type DirectoryLock, lockDirectory } from '../base/directory-lock.ts';
import { NetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import {
  flushDirectory,
  generationPath,
  publishGeneration,
  removeOlder,
  removeUnfinished,
  writeGeneration,
} from './generations.ts';
import { type FileCalls, JournalFile, systemCalls } from './journal-file.ts';
import { encodeRecord } from './record.ts';
import { type Damage, type Recovered, recover } from './recovery.ts';
import { applyChanges, emptyState, type MutableState, schemaVersion, snapshotOf } from './schema.ts';
import type { Change, State, Store } from './store.ts';

export interface EmbeddedStoreOptions {
  /** Made when absent. */
  readonly directory: string;
  readonly log: Pick<Log, 'warn' | 'error'>;
  readonly calls?: FileCalls;
  /** The journal is rewritten when it has grown by this, and to three times its snapshot. */
  readonly compactAfterBytes?: number;
}

const oneMebibyte = 1 << 20;

/**
 * Opens the store, alone. Damage is logged, never thrown: what is left is the newest state the undamaged records give.
 * Errors: `conflict` when another process has it open, or its records are of a newer version; `unavailable`.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const { directory } = options;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = await lockDirectory(directory);
    try {
      return await openLocked(options, lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    if (error instanceof NetError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new NetError('unavailable', `cannot open the records in ${directory}: ${reason}`, { cause: error });
  }
}

async function openLocked(options: EmbeddedStoreOptions, lock: DirectoryLock): Promise<Store> {
  const { directory, log, calls = systemCalls, compactAfterBytes = oneMebibyte } = options;
  removeUnfinished(directory);
  const recovered = recover(directory);
  const state = emptyState();
  applyChanges(state, recovered.records as readonly Change[]);
  for (const damage of recovered.damage) report(log, damage, recovered.sequence);
  const journal = await openJournal(directory, recovered, state, calls);
  const store = new EmbeddedStore({ directory, log, calls, compactAfterBytes }, state, journal);
  return {
    state,
    commit: (changes, commitOptions) => store.commit(changes, commitOptions?.durable === true),
    async close() {
      await store.close();
      await lock.release();
    },
  };
}

interface Journal {
  readonly file: JournalFile;
  readonly generation: number;
  readonly sequence: number;
  readonly snapshotBytes: number;
}

class EmbeddedStore {
  readonly #options: Required<EmbeddedStoreOptions>;
  readonly #state: MutableState;
  #file: JournalFile;
  #generation: number;
  #sequence: number;
  #compactAtBytes: number;
  /** A generation being written; it ends without error. */
  #compaction: Promise<void> | undefined;
  /** Commits made since its snapshot was taken. */
  #since: Buffer[] = [];
  /** The last flush begun or waiting. */
  #flushing: Promise<void> = Promise.resolve();
  /** What takes back the commits that a waiting flush will cover. */
  #unflushed: (() => void)[] | undefined;
  /** After a failed flush what was written before may be lost: the file cannot be relied on. */
  #mustRewrite = false;
  #open = true;

  constructor(options: Required<EmbeddedStoreOptions>, state: MutableState, journal: Journal) {
    this.#options = options;
    this.#state = state;
    this.#file = journal.file;
    this.#generation = journal.generation;
    this.#sequence = journal.sequence;
    this.#compactAtBytes = this.#limit(journal.snapshotBytes);
  }

  async commit(changes: readonly Change[], durable: boolean): Promise<void> {
    // What is flushed must be in the file that stays.
    while (this.#mustRewrite || (durable && this.#compaction !== undefined)) await this.#rewriteIfNeeded();
    if (!this.#open) throw new NetError('unavailable', 'the store is closed');
    if (changes.length === 0) return;
    const undo = this.#append(changes);
    const flushed = durable ? this.#flush(undo) : undefined;
    if (this.#file.size > this.#compactAtBytes && this.#compaction === undefined) this.#compactInBackground();
    await flushed;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    while (this.#compaction !== undefined) await this.#compaction;
    await this.#flushing.catch(() => undefined);
    this.#file.close();
  }

  #append(changes: readonly Change[]): () => void {
    const bytes = encodeRecord({ schema: schemaVersion, sequence: this.#sequence + 1, changes });
    this.#file.append(bytes);
    this.#sequence++;
    if (this.#compaction !== undefined) this.#since.push(bytes);
    return applyChanges(this.#state, changes);
  }

  /** Joins the waiting flush: one under way may have begun before this commit was written. */
  #flush(undo: () => void): Promise<void> {
    if (this.#unflushed === undefined) {
      const group: (() => void)[] = [];
      const begin = () => this.#flushGroup(group);
      this.#unflushed = group;
      this.#flushing = this.#flushing.then(begin, begin);
    }
    this.#unflushed.push(undo);
    return this.#flushing;
  }

  /** Takes all of the group back when it fails; whoever made a commit still holds its objects' locks. */
  async #flushGroup(group: readonly (() => void)[]): Promise<void> {
    this.#unflushed = undefined;
    try {
      // The kernel tells of a failure once: a later flush would succeed without having written what was lost.
      if (this.#mustRewrite) throw new NetError('unavailable', `${this.#file.path} could not be flushed`);
      await this.#file.flush();
    } catch (error) {
      this.#mustRewrite = true;
      for (const undo of group.toReversed()) undo();
      throw error;
    }
  }

  /** After the compaction under way, if any. Errors: `unavailable`. */
  async #rewriteIfNeeded(): Promise<void> {
    while (this.#compaction !== undefined) await this.#compaction;
    if (this.#mustRewrite) await this.#compact();
  }

  #compactInBackground(): void {
    this.#compact().catch((error: unknown) => {
      this.#options.log.warn({ err: error }, 'the journal could not be compacted and goes on growing');
    });
  }

  #compact(): Promise<void> {
    const compacted = this.#writeNext();
    const settle = () => {
      this.#compaction = undefined;
      this.#since = [];
    };
    this.#compaction = compacted.then(settle, settle);
    return compacted;
  }

  async #writeNext(): Promise<void> {
    this.#compactAtBytes = this.#limit(this.#file.size);
    await this.#flushing.catch(() => undefined);
    const { directory, calls } = this.#options;
    const generation = this.#generation + 1;
    const snapshot = { sequence: this.#sequence, changes: snapshotOf(this.#state) };
    this.#since = [];
    const next = await writeGeneration(directory, generation, snapshot, calls);
    const snapshotBytes = next.size;
    // Nothing is awaited until commits go to the new file.
    publishGeneration(directory, generation, next, this.#since);
    this.#file.close();
    this.#file = next;
    this.#generation = generation;
    this.#compactAtBytes = this.#limit(snapshotBytes);
    this.#mustRewrite = true;
    await flushDirectory(directory);
    this.#mustRewrite = false;
    removeOlder(directory, generation - 1);
  }

  #limit(bytes: number): number {
    return Math.max(bytes + this.#options.compactAfterBytes, bytes * 3);
  }
}

/** Goes on in the newest generation, or begins one when that is damaged, of an older version, or missing. */
async function openJournal(
  directory: string,
  { generation, size, snapshotBytes, sequence, schema, damage }: Recovered,
  state: State,
  calls: FileCalls,
): Promise<Journal> {
  if (schema === schemaVersion && damage.length === 0) {
    const file = new JournalFile(generationPath(directory, generation), size, calls);
    return { file, generation, sequence, snapshotBytes };
  }
  const snapshot = { sequence, changes: snapshotOf(state) };
  const file = await writeGeneration(directory, generation + 1, snapshot, calls);
  publishGeneration(directory, generation + 1, file, []);
  for (const { path } of damage) renameSync(path, asidePath(path));
  await flushDirectory(directory);
  return { file, generation: generation + 1, sequence, snapshotBytes: file.size };
}

function report(log: EmbeddedStoreOptions['log'], damage: Damage, sequence: number): void {
  const { path, offset, unreadable, dropped } = damage;
  const unused = dropped.length === 0 ? 'none' : dropped.join(', ');
  log.error(
    { path, offset, unreadable, dropped, sequence, keptAs: asidePath(path) },
    `${path} is damaged at byte ${offset} (unreadable records: ${unreadable}; changes of no use without them: ${unused}); the state is that of commit ${sequence}`,
  );
}

function asidePath(path: string): string {
  return `${path}.damaged`;
}
