// The contract of the store that hosts share: keys with revisions, writes under conditions, leases, and a history to follow.
// It is etcd's data model (https://etcd.io/docs/v3.4/learning/data_model/), as little of it as the cluster needs.

/** Every change of the store makes a new revision, counting up from 1. */
export type Revision = number;

/** A 64-bit number in decimal. */
export type LeaseId = string;

export interface StoredKey {
  readonly key: string;
  readonly value: string;
  /** Of its making: another one after it was deleted and made again. */
  readonly createRevision: Revision;
  /** Of its last change. */
  readonly modRevision: Revision;
  /** It is deleted when this lease ends. */
  readonly lease?: LeaseId;
}

export type Condition =
  | { readonly key: string; readonly absent: true }
  | { readonly key: string; readonly createRevision: Revision }
  | { readonly key: string; readonly modRevision: Revision }
  /** No key begins with this. */
  | { readonly noneBelow: string };

export type Write =
  | { readonly put: string; readonly value: string; readonly lease?: LeaseId }
  | { readonly delete: string }
  /** Every key that begins with this. */
  | { readonly deleteBelow: string };

/** Everything below a prefix at one revision, in the order of the keys. */
export interface Reading {
  readonly revision: Revision;
  readonly keys: readonly StoredKey[];
}

export type StoreEvent =
  | { readonly put: StoredKey }
  | { readonly deleted: string; readonly revision: Revision };

/** Exactly one of `onEnd`'s reasons ends a watch that was not closed; nothing is called after it, or after `close`. */
export interface WatchListener {
  /** The store has begun to watch: whatever changes from now on is told. */
  onStart(): void;
  /** In the order of revisions; those of one revision come together. `revision` is the highest up to which nothing is missing. */
  onEvents(events: readonly StoreEvent[], revision: Revision): void;
  /** Nothing happened below the prefix up to this revision. */
  onProgress(revision: Revision): void;
  /** `compacted`: what was asked for is no longer kept, everything has to be read again. `interrupted`: the store cannot be reached, or is not in touch with most of its members. */
  onEnd(reason: 'compacted' | 'interrupted', message: string): void;
}

/**
 * Errors of every call that returns a promise: `unavailable` within a bounded time; a write that failed so may have been applied.
 * An implementation with several servers turns to the next one by itself when one fails.
 */
export interface SharedStore {
  /** Everything below a prefix. Reads are of the latest state, whichever server answers. */
  read(prefix: string): Promise<Reading>;
  get(key: string): Promise<{ readonly revision: Revision; readonly key?: StoredKey }>;
  /**
   * All writes, at one revision, if every condition holds; otherwise none. At most 120 conditions and writes together; no key is
   * written twice. Errors: `not_found` when a put names a lease that is gone.
   */
  write(
    conditions: readonly Condition[],
    writes: readonly Write[],
  ): Promise<{ readonly applied: boolean; readonly revision: Revision }>;
  /** Tells of every change below the prefix from that revision on (inclusive). Returns a close function. */
  watch(prefix: string, from: Revision, listener: WatchListener): () => void;
  /** The store may grant more than is asked for. */
  grantLease(ttlSeconds: number): Promise<{ readonly id: LeaseId; readonly ttlSeconds: number }>;
  /** Counts its time anew; undefined when the lease is gone. */
  renewLease(id: LeaseId): Promise<{ readonly ttlSeconds: number; readonly revision: Revision } | undefined>;
  /** Ends it with its keys. Absent is fine. */
  revokeLease(id: LeaseId): Promise<void>;
  /** The servers' addresses, without user and password, the one in use first. */
  readonly endpoints: readonly string[];
  close(): Promise<void>;
}
