// Follows all keys below a prefix: reads them once, then learns of every change, over interruptions of any length. What this host
// writes itself is told to it at once, so that it never lags behind that. Where the store was replaced, what is missing from the new
// one counts as gone only after a while: those who had it put it back.
import { Backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Reading, Revision, SharedStore, StoredKey, StoreEvent } from '../shared-store.ts';

export interface FollowerListener {
  /** What is different now of what was known; the first time all there is. */
  onChange(keys: ReadonlySet<string>): void;
}

/** After which is looked again whether all is known. */
const shortMs = 1000;

export class Follower {
  readonly #store: SharedStore;
  readonly #clock: Clock;
  readonly #prefix: string;
  readonly #listener: FollowerListener;
  readonly #backoff: Backoff;
  readonly #keys = new Map<string, StoredKey>();
  /** Keys deleted by this host, with the revision of it, until the watch has come that far. */
  readonly #deleted = new Map<string, Revision>();
  readonly #waiting: (() => void)[] = [];
  /** What another store had, and this one has not. */
  readonly #missing = new Set<string>();
  #cancelMissing = () => {};
  /** Counts stores. */
  #era = 0;
  #applied: Revision | undefined;
  #behindSinceMs: number | undefined;
  #isClosed = false;
  #stop = () => {};

  constructor(
    { store, clock }: { readonly store: SharedStore; readonly clock: Clock },
    prefix: string,
    listener: FollowerListener,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#prefix = prefix;
    this.#listener = listener;
    this.#backoff = new Backoff(clock);
    this.#fallBehind();
  }

  start(): void {
    void this.#read();
  }

  close(): void {
    this.#isClosed = true;
    this.#fallBehind();
    this.#stop();
    this.#cancelMissing();
  }

  /** It may be another store: everything is read again. What is missing from it is told of after a while. */
  startOver(patienceMs: number): void {
    if (this.#isClosed) return;
    this.#stop();
    this.#era += 1;
    this.#fallBehind();
    this.#applied = undefined;
    for (const key of this.#keys.keys()) this.#missing.add(key);
    this.#keys.clear();
    this.#deleted.clear();
    this.#cancelMissing();
    this.#cancelMissing = this.#clock.after(patienceMs, () => this.#tellMissing());
    void this.#read();
  }

  /** Empty until all are known. */
  get keys(): ReadonlyMap<string, StoredKey> {
    return this.#keys;
  }

  /** The revision up to which nothing is missing; undefined before the first reading. */
  get applied(): Revision | undefined {
    return this.#applied;
  }

  /** Changes are told as they happen. */
  get isLive(): boolean {
    return this.#behindSinceMs === undefined;
  }

  /** Undefined while it is live. */
  get behindSinceMs(): number | undefined {
    return this.#behindSinceMs;
  }

  /** Resolves when everything was read once. Of one that is closed before: never. */
  known(): Promise<void> {
    if (this.#applied !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** What this host has put. */
  learnPut(stored: StoredKey): void {
    this.#tell(this.#put(stored) ? [stored.key] : []);
  }

  /** What this host has deleted, or has found deleted, at that revision. */
  learnDeleted(key: string, revision: Revision): void {
    this.#deleted.set(key, Math.max(revision, this.#deleted.get(key) ?? 0));
    this.#tell(this.#delete(key, revision) ? [key] : []);
  }

  async #read(): Promise<void> {
    const era = this.#era;
    let reading: Reading;
    try {
      reading = await this.#store.read(this.#prefix);
    } catch {
      if (era === this.#era) this.#retry(() => void this.#read());
      return;
    }
    if (this.#isClosed || era !== this.#era) return;
    this.#take(reading);
    this.#watch();
  }

  #take({ keys, revision }: Reading): void {
    const isFirst = this.#applied === undefined;
    this.#applied = Math.max(revision, this.#applied ?? 0);
    const changed = keys.filter((stored) => this.#put(stored)).map(({ key }) => key);
    const there = new Set(keys.map(({ key }) => key));
    for (const key of [...this.#keys.keys()]) {
      if (!there.has(key) && this.#delete(key, revision)) changed.push(key);
    }
    this.#forgetDeleted();
    this.#tell(isFirst ? [...this.#keys.keys()] : changed, isFirst);
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #watch(): void {
    if (this.#isClosed || this.#applied === undefined) return;
    this.#stop = this.#store.watch(this.#prefix, this.#applied + 1, {
      onStart: () => {
        this.#behindSinceMs = undefined;
        this.#backoff.reset();
      },
      onEvents: (events, revision) => this.#follow(events, revision),
      onProgress: (revision) => this.#follow([], revision),
      onEnd: (reason) => {
        this.#fallBehind();
        this.#retry(() => (reason === 'compacted' ? void this.#read() : this.#watch()));
      },
    });
  }

  #follow(events: readonly StoreEvent[], revision: Revision): void {
    const changed: string[] = [];
    for (const event of events) {
      const isNew = 'put' in event ? this.#put(event.put) : this.#delete(event.deleted, event.revision);
      if (isNew) changed.push('put' in event ? event.put.key : event.deleted);
    }
    this.#applied = Math.max(revision, this.#applied ?? 0);
    this.#forgetDeleted();
    this.#tell(changed);
  }

  #put(stored: StoredKey): boolean {
    const { key, modRevision } = stored;
    if ((this.#keys.get(key)?.modRevision ?? 0) >= modRevision) return false;
    if ((this.#deleted.get(key) ?? 0) >= modRevision) return false;
    this.#keys.set(key, stored);
    return true;
  }

  #delete(key: string, revision: Revision): boolean {
    if ((this.#keys.get(key)?.modRevision ?? Number.POSITIVE_INFINITY) > revision) return false;
    return this.#keys.delete(key);
  }

  #forgetDeleted(): void {
    for (const [key, revision] of this.#deleted) {
      if (revision <= (this.#applied ?? 0)) this.#deleted.delete(key);
    }
  }

  #tellMissing(): void {
    if (this.#applied === undefined) {
      this.#cancelMissing = this.#clock.after(shortMs, () => this.#tellMissing());
      return;
    }
    const missing = [...this.#missing].filter((key) => !this.#keys.has(key));
    this.#missing.clear();
    this.#tell(missing);
  }

  /** Before all is known nothing is told. */
  #tell(changed: readonly string[], isFirst = false): void {
    if (this.#isClosed || this.#applied === undefined) return;
    if (changed.length > 0 || isFirst) this.#listener.onChange(new Set(changed));
  }

  #fallBehind(): void {
    this.#behindSinceMs ??= this.#clock.nowMs();
  }

  #retry(work: () => void): void {
    if (!this.#isClosed) this.#stop = this.#clock.after(this.#backoff.nextMs(), work);
  }
}
