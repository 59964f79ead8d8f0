// The truth behind simulated stores: keys, revisions, history and leases as etcd has them
// (https://etcd.io/docs/v3.4/learning/api_guarantees/).
import { NetError } from '../../src/base/errors.ts';
import type {
  Condition,
  LeaseId,
  Reading,
  Revision,
  StoredKey,
  StoreEvent,
  Write,
} from '../../src/cluster/shared-store.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** Etcd takes 128 operations in a transaction unless it is told otherwise; the contract promises less. */
const transactionLimit = 120;
const progressPeriodMs = 5_000;
/** Etcd looks for leases that ended twice a second, and a change takes its time. */
const expiryDelayMs = [0, 1_500] as const;

/** What a watcher is told, in order. */
export interface Watcher {
  readonly prefix: string;
  next: Revision;
  events(events: readonly StoreEvent[], revision: Revision): void;
  progress(revision: Revision): void;
  /** The server is gone. */
  lost(): void;
}

interface Lease {
  readonly id: LeaseId;
  readonly ttlSeconds: number;
  readonly keys: Set<string>;
  endsAtMs: number;
  cancel: () => void;
}

export interface StoreCopy extends Reading {
  readonly leases: readonly (readonly [LeaseId, number])[];
}

const emptyCopy: StoreCopy = { revision: 1, keys: [], leases: [] };

export class SimulatedServer {
  readonly time: SimulatedTime;
  /** Called with each change, before anybody else hears of it. */
  onChange: (events: readonly StoreEvent[], revision: Revision) => void = () => {};
  /** Called when a lease ended because nobody renewed it, with the keys that go with it. */
  onExpiry: (keys: readonly StoredKey[]) => void = () => {};
  /** Counts restarts: what was on its way is lost with each. */
  era = 0;
  isDown = false;
  #revision: Revision = 1;
  #compacted: Revision = 0;
  #nextLease = 1;
  readonly #keys = new Map<string, StoredKey>();
  readonly #leases = new Map<LeaseId, Lease>();
  readonly #watchers = new Set<Watcher>();
  #history: { readonly revision: Revision; readonly events: readonly StoreEvent[] }[] = [];

  constructor(time: SimulatedTime) {
    this.time = time;
    this.#keepTellingProgress();
  }

  get revision(): Revision {
    return this.#revision;
  }

  read(prefix: string): Reading {
    const keys = [...this.#keys.values()].filter(({ key }) => key.startsWith(prefix));
    return { revision: this.#revision, keys: keys.sort((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  get(key: string): { readonly revision: Revision; readonly key?: StoredKey } {
    const stored = this.#keys.get(key);
    return { revision: this.#revision, ...(stored && { key: stored }) };
  }

  write(conditions: readonly Condition[], writes: readonly Write[]) {
    checkSize(conditions, writes);
    if (!conditions.every((condition) => this.#holds(condition))) {
      return { applied: false, revision: this.#revision };
    }
    for (const write of writes) {
      if ('put' in write && write.lease !== undefined && !this.#leases.has(write.lease)) {
        throw new NetError('not_found', `lease ${write.lease} is not there`);
      }
    }
    this.#commit(writes.flatMap((write) => this.#changes(write)));
    return { applied: true, revision: this.#revision };
  }

  grantLease(ttlSeconds: number): { readonly id: LeaseId; readonly ttlSeconds: number } {
    const id = String(7_587_000_000_000_000_000n + BigInt(this.#nextLease++));
    const lease: Lease = { id, ttlSeconds, keys: new Set(), endsAtMs: 0, cancel: () => {} };
    this.#leases.set(id, lease);
    this.#extend(lease);
    return { id, ttlSeconds };
  }

  renewLease(id: LeaseId) {
    const lease = this.#leases.get(id);
    // One whose end has come and is about to be made known cannot be had back.
    if (lease === undefined || lease.endsAtMs <= this.time.nowMs) return undefined;
    this.#extend(lease);
    return { ttlSeconds: lease.ttlSeconds, revision: this.#revision };
  }

  revokeLease(id: LeaseId): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.cancel();
    this.#leases.delete(id);
    this.#commit([...lease.keys].flatMap((key) => this.#changes({ delete: key })));
  }

  /** What happened before that revision is no longer told. */
  compact(revision: Revision = this.#revision): void {
    this.#compacted = Math.min(Math.max(this.#compacted, revision), this.#revision);
    this.#history = this.#history.filter((change) => change.revision >= this.#compacted);
  }

  /** Another store in its place, which has nothing of it: of the watches and calls on their way nothing is heard any more. */
  replace(downMs: number, copy: StoreCopy = emptyCopy): void {
    this.restart(downMs);
    this.#keys.clear();
    this.#leases.clear();
    this.#history = [];
    this.#revision = copy.revision;
    this.#compacted = copy.revision + 1;
    for (const [id, ttlSeconds] of copy.leases) {
      this.#leases.set(id, { id, ttlSeconds, keys: new Set(), endsAtMs: 0, cancel: () => {} });
    }
    for (const stored of copy.keys) {
      this.#keys.set(stored.key, stored);
      if (stored.lease !== undefined) this.#leases.get(stored.lease)?.keys.add(stored.key);
    }
  }

  /** Everything there is, to be had back. */
  copy(): StoreCopy {
    const leases = [...this.#leases.values()].map(({ id, ttlSeconds }) => [id, ttlSeconds] as const);
    return { ...this.read(''), leases };
  }

  /** Out of reach for that long. A new leader gives every lease its whole time again. */
  restart(downMs: number): void {
    this.era += 1;
    this.isDown = true;
    for (const watcher of this.#watchers) watcher.lost();
    this.#watchers.clear();
    for (const lease of this.#leases.values()) lease.cancel();
    const { era } = this;
    this.time.after(downMs, () => {
      if (era !== this.era) return;
      this.isDown = false;
      for (const lease of this.#leases.values()) this.#extend(lease);
    });
  }

  /** False when what it asks for is no longer kept. */
  addWatcher(watcher: Watcher): boolean {
    if (watcher.next < this.#compacted) return false;
    const missed = this.#history.filter(({ revision }) => revision >= watcher.next);
    for (const { events, revision } of missed) tell(watcher, events, revision);
    this.#watchers.add(watcher);
    return true;
  }

  removeWatcher(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  #holds(condition: Condition): boolean {
    if ('noneBelow' in condition) {
      for (const key of this.#keys.keys()) if (key.startsWith(condition.noneBelow)) return false;
      return true;
    }
    const stored = this.#keys.get(condition.key);
    if ('absent' in condition) return stored === undefined;
    if ('createRevision' in condition) return (stored?.createRevision ?? 0) === condition.createRevision;
    return (stored?.modRevision ?? 0) === condition.modRevision;
  }

  #changes(write: Write): StoreEvent[] {
    const revision = this.#revision + 1;
    if ('put' in write) {
      const { put: key, value, lease } = write;
      const createRevision = this.#keys.get(key)?.createRevision ?? revision;
      return [{ put: { key, value, createRevision, modRevision: revision, ...(lease && { lease }) } }];
    }
    if ('delete' in write) return this.#keys.has(write.delete) ? [{ deleted: write.delete, revision }] : [];
    const below = [...this.#keys.keys()].filter((key) => key.startsWith(write.deleteBelow));
    return below.sort().map((deleted) => ({ deleted, revision }));
  }

  #commit(events: readonly StoreEvent[]): void {
    if (events.length === 0) return;
    const revision = ++this.#revision;
    for (const event of events) this.#apply(event);
    this.#history.push({ revision, events });
    this.onChange(events, revision);
    for (const watcher of [...this.#watchers]) tell(watcher, events, revision);
  }

  #apply(event: StoreEvent): void {
    const key = 'put' in event ? event.put.key : event.deleted;
    const before = this.#keys.get(key)?.lease;
    if (before !== undefined) this.#leases.get(before)?.keys.delete(key);
    if (!('put' in event)) {
      this.#keys.delete(key);
      return;
    }
    this.#keys.set(key, event.put);
    if (event.put.lease !== undefined) this.#leases.get(event.put.lease)?.keys.add(key);
  }

  #extend(lease: Lease): void {
    lease.cancel();
    lease.endsAtMs = this.time.nowMs + lease.ttlSeconds * 1000;
    const delayMs = lease.ttlSeconds * 1000 + this.time.between(expiryDelayMs);
    lease.cancel = this.time.after(delayMs, () => {
      this.onExpiry([...lease.keys].flatMap((key) => this.#keys.get(key) ?? []));
      this.revokeLease(lease.id);
    });
  }

  #keepTellingProgress(): void {
    this.time.after(progressPeriodMs, () => {
      for (const watcher of [...this.#watchers]) {
        if (watcher.next > this.#revision) continue;
        watcher.next = this.#revision + 1;
        watcher.progress(this.#revision);
      }
      this.#keepTellingProgress();
    });
  }
}

function tell(watcher: Watcher, events: readonly StoreEvent[], revision: Revision): void {
  if (revision < watcher.next) return;
  const wanted = events.filter((event) => keyOf(event).startsWith(watcher.prefix));
  if (wanted.length === 0) return;
  watcher.next = revision + 1;
  watcher.events(wanted, revision);
}

function keyOf(event: StoreEvent): string {
  return 'put' in event ? event.put.key : event.deleted;
}

/** Etcd refuses a transaction that writes a key twice, and one that is too long. */
function checkSize(conditions: readonly Condition[], writes: readonly Write[]): void {
  const operations = conditions.length + writes.length;
  if (operations > transactionLimit) throw new Error(`${operations} operations in one transaction`);
  const keys = writes.flatMap((write) =>
    'put' in write ? write.put : 'delete' in write ? write.delete : [],
  );
  const prefixes = writes.flatMap((write) => ('deleteBelow' in write ? write.deleteBelow : []));
  const isTwice =
    new Set(keys).size < keys.length || keys.some((key) => prefixes.some((prefix) => key.startsWith(prefix)));
  if (isTwice)
    throw new Error(`a key is written twice in one transaction: ${keys.join(' ')} ${prefixes.join(' ')}`);
}
