// Reads the state back: the newest generation, or the one before it where that is damaged. Changes nothing on disk.
import { readFileSync } from 'node:fs';
import { NetError } from '../base/errors.ts';
import { shortId } from '../model/ids.ts';
import { generationPath, listGenerations } from './generations.ts';
import { type Migration, migrations, type RawPut } from './migrations.ts';
import { type JournalLine, type JournalRecord, readRecords } from './record.ts';
import type { Change } from './store.ts';

/** What is wrong with one file, and what that cost. */
export interface Damage {
  readonly path: string;
  /** Where the first damaged record begins. */
  readonly offset: number;
  readonly unreadable: number;
  /** What the readable commits said that could not be used, because one before them is missing. */
  readonly dropped: readonly string[];
}

export interface Recovered {
  /** Newest file there is; 0 when there is none. */
  readonly generation: number;
  /** Length of its good part: an unfinished last record follows when the file is longer. */
  readonly size: number;
  /** How much of it is the state it began with. */
  readonly snapshotBytes: number;
  readonly sequence: number;
  /** Version the records were written in; undefined when there are none. */
  readonly schema: number | undefined;
  /** The whole state. */
  readonly records: readonly RawPut[];
  readonly damage: readonly Damage[];
}

/** Errors: `conflict` when the records are of a version newer than `migrations` lead to. */
export function recover(directory: string, known: readonly Migration[] = migrations): Recovered {
  const generations = listGenerations(directory);
  const replay = new Replay(directory, generations, known.length + 1);
  const { size, snapshotBytes } = replay.load(0);
  const { schema, sequence, damage } = replay;
  const steps = schema === undefined ? [] : known.slice(schema - 1);
  const records = steps.reduce<readonly RawPut[]>((all, migrate) => migrate(all), [...replay.puts.values()]);
  return { generation: generations[0] ?? 0, size, snapshotBytes, sequence, schema, records, damage };
}

class Replay {
  readonly puts = new Map<string, RawPut>();
  readonly damage: Damage[] = [];
  schema: number | undefined;
  sequence = 0;
  readonly #directory: string;
  readonly #generations: readonly number[];
  readonly #newestSchema: number;

  constructor(directory: string, generations: readonly number[], newestSchema: number) {
    this.#directory = directory;
    this.#generations = generations;
    this.#newestSchema = newestSchema;
  }

  /** Loads the generation at that index, the newest being 0. */
  load(index: number): Pick<Recovered, 'size' | 'snapshotBytes'> {
    const number = this.#generations[index];
    if (number === undefined) return { size: 0, snapshotBytes: 0 };
    const path = generationPath(this.#directory, number);
    const { lines, end } = readRecords(readFileSync(path));
    this.#checkSchema(path, lines);
    const parts = snapshotParts(lines);
    if (parts === undefined) this.load(index + 1);
    else for (const part of parts) this.#apply(part);
    const commits = lines.slice(parts?.length ?? 0);
    const dropped = commits.flatMap(({ record }) => record ?? []).filter((record) => !this.#follow(record));
    const unreadable = lines.filter(({ record }) => record === undefined);
    if (parts === undefined || unreadable.length > 0 || dropped.length > 0) {
      this.damage.push({
        path,
        offset: unreadable[0]?.offset ?? 0,
        unreadable: unreadable.length,
        dropped: dropped.flatMap(({ changes }) => changes.map(describe)),
      });
    }
    return { size: end, snapshotBytes: commits[0]?.offset ?? end };
  }

  /** Applies the commit that comes next; false for one whose predecessor is missing. Snapshots left over are passed by. */
  #follow(record: JournalRecord): boolean {
    if (record.snapshot !== undefined) return true;
    if (record.sequence !== this.sequence + 1) return false;
    this.#apply(record);
    return true;
  }

  #checkSchema(path: string, lines: readonly JournalLine[]): void {
    const newest = Math.max(0, ...new Set(lines.map(({ record }) => record?.schema ?? 0)));
    if (newest <= this.#newestSchema) return;
    throw new NetError(
      'conflict',
      `${path} has records of schema version ${newest}; this netd knows versions up to ${this.#newestSchema}`,
    );
  }

  #apply(record: JournalRecord): void {
    this.schema = record.schema;
    this.sequence = record.sequence;
    for (const change of record.changes) {
      if ('put' in change) this.puts.set(keyOf(change), change);
      else this.puts.delete(keyOf(change));
    }
  }
}

/** The records a file begins with that make up its snapshot; undefined unless all are there. */
function snapshotParts(lines: readonly JournalLine[]): JournalRecord[] | undefined {
  const count = (lines[0]?.record?.snapshot ?? -1) + 1;
  const parts = lines.slice(0, count).flatMap(({ record }) => record ?? []);
  const complete = parts.length > 0 && parts.every(({ snapshot }, i) => snapshot === count - 1 - i);
  return complete && parts.length === count ? parts : undefined;
}

function keyOf(change: Change): string {
  if ('drop' in change) return `${change.drop}/${change.id}`;
  return `${change.put}/${change.put === 'setting' ? change.key : change.value.id}`;
}

function describe(change: Change): string {
  if ('drop' in change) return `drop ${change.drop} ${shortId(change.id)}`;
  if (change.put === 'setting') return `put setting ${change.key}`;
  const name = 'name' in change.value ? ` ${change.value.name}` : '';
  return `put ${change.put} ${shortId(change.value.id)}${name}`;
}
