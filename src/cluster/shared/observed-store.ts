// The store with what its answers tell beside: whether it can be reached, and how far it has come.
import { NetError } from '../../base/errors.ts';
import type {
  Condition,
  LeaseId,
  Reading,
  Revision,
  SharedStore,
  StoredKey,
  WatchListener,
  Write,
} from '../shared-store.ts';

export class ObservedStore implements SharedStore {
  readonly #store: SharedStore;
  #isAway = false;
  #newest: Revision = 0;
  #lastError: { readonly at: string; readonly message: string } | undefined;

  constructor(store: SharedStore) {
    this.#store = store;
  }

  /** The last call that ended was in vain. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Of all revisions heard of. */
  get newest(): Revision {
    return this.#newest;
  }

  get lastError() {
    return this.#lastError;
  }

  get endpoints(): readonly string[] {
    return this.#store.endpoints;
  }

  /** What went wrong, for people. */
  note(message: string): void {
    this.#lastError = { at: new Date().toISOString(), message };
  }

  read(prefix: string): Promise<Reading> {
    return this.#observe(this.#store.read(prefix));
  }

  get(key: string): Promise<{ readonly revision: Revision; readonly key?: StoredKey }> {
    return this.#observe(this.#store.get(key));
  }

  write(conditions: readonly Condition[], writes: readonly Write[]) {
    return this.#observe(this.#store.write(conditions, writes));
  }

  watch(prefix: string, from: Revision, listener: WatchListener): () => void {
    return this.#store.watch(prefix, from, {
      onStart: () => listener.onStart(),
      onEvents: (events, revision) => {
        this.#hear(revision);
        listener.onEvents(events, revision);
      },
      onProgress: (revision) => {
        this.#hear(revision);
        listener.onProgress(revision);
      },
      onEnd: (reason, message) => listener.onEnd(reason, message),
    });
  }

  grantLease(ttlSeconds: number): Promise<{ readonly id: LeaseId; readonly ttlSeconds: number }> {
    return this.#observe(this.#store.grantLease(ttlSeconds));
  }

  renewLease(id: LeaseId) {
    return this.#observe(this.#store.renewLease(id));
  }

  revokeLease(id: LeaseId): Promise<void> {
    return this.#observe(this.#store.revokeLease(id));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #observe<T>(call: Promise<T>): Promise<T> {
    try {
      const answer = await call;
      this.#isAway = false;
      const revision = (answer as { readonly revision?: Revision } | undefined)?.revision;
      if (revision !== undefined) this.#hear(revision);
      return answer;
    } catch (error) {
      this.#isAway = error instanceof NetError && error.code === 'unavailable';
      this.note(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #hear(revision: Revision): void {
    this.#newest = Math.max(this.#newest, revision);
  }
}
