// Keys, ranges and conditions in etcd's terms.
import type { Condition, StoredKey, Write } from '../shared-store.ts';
import {
  type Calls,
  type Compare,
  compareCreate,
  compareEqual,
  compareMod,
  type KeyValue,
  type RequestOp,
} from './protocol.ts';

interface Range {
  readonly key: Buffer;
  /** The first key after it. */
  readonly rangeEnd: Buffer;
}

/** Everything that begins with the prefix. */
export function rangeBelow(prefix: string): Range {
  const key = Buffer.from(prefix);
  const end = Buffer.from(key);
  // UTF-8 has no byte of 255, so the last one can be counted up.
  const last = end.length - 1;
  if (last < 0) return { key: Buffer.of(0), rangeEnd: Buffer.of(0) }; // etcd's form for all keys
  end[last] = (end[last] ?? 0) + 1;
  return { key, rangeEnd: end };
}

/** Where to go on after a key. */
export function keyAfter(key: string): Buffer {
  return Buffer.from(`${key}\0`);
}

export function toStoredKey({ key, value, createRevision, modRevision, lease }: KeyValue): StoredKey {
  const revisions = { createRevision: Number(createRevision), modRevision: Number(modRevision) };
  return { key, value, ...revisions, ...(lease !== '0' && { lease }) };
}

export function toTransaction(
  conditions: readonly Condition[],
  writes: readonly Write[],
): Calls['txn']['request'] {
  return { compare: conditions.map(toCompare), success: writes.map(toOperation) };
}

/** A key that is not there has revisions of 0; of a range, every key has to fit, so that none may be there. */
function toCompare(condition: Condition): Compare {
  const created = { result: compareEqual, target: compareCreate } as const;
  if ('noneBelow' in condition) return { ...created, ...rangeBelow(condition.noneBelow), createRevision: 0 };
  const key = Buffer.from(condition.key);
  if ('absent' in condition) return { ...created, key, createRevision: 0 };
  if ('createRevision' in condition) return { ...created, key, createRevision: condition.createRevision };
  return { result: compareEqual, target: compareMod, key, modRevision: condition.modRevision };
}

function toOperation(write: Write): RequestOp {
  if ('deleteBelow' in write) return { requestDeleteRange: rangeBelow(write.deleteBelow) };
  if ('delete' in write) return { requestDeleteRange: { key: Buffer.from(write.delete) } };
  const { put, value, lease } = write;
  return { requestPut: { key: Buffer.from(put), value: Buffer.from(value), ...(lease && { lease }) } };
}
