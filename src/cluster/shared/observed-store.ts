// The store with what its answers tell beside: whether it can be reached, how far it has come, and whether it still has all that it
// had: revisions only count up, unless it was restored from a copy or replaced by another one.
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
  readonly #pending = new Set<(error: NetError) => void>();
  #isAway = false;
  #newest: Revision;
  /** Counts how often it was set back: who asked before is not answered afterwards. */
  #era = 0;
  #lastError: { readonly at: string; readonly message: string } | undefined;

  /** Called when it has less than it had. */
  onSetBack: () => void = () => {};

  /** @param newest what was heard of it in an earlier life of this process. */
  constructor(store: SharedStore, newest: Revision) {
    this.#store = store;
    this.#newest = newest;
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
    return this.#latest(this.#store.read(prefix));
  }

  get(key: string): Promise<{ readonly revision: Revision; readonly key?: StoredKey }> {
    return this.#latest(this.#store.get(key));
  }

  write(conditions: readonly Condition[], writes: readonly Write[]) {
    return this.#latest(this.#store.write(conditions, writes));
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
    for (const refuse of this.#pending) refuse(new NetError('unavailable', 'the store is closed'));
    return this.#store.close();
  }

  /** Nobody waits any more when it is closed, be the store ever so slow. */
  #untilClosed<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      call.then(resolve, reject).finally(() => this.#pending.delete(reject));
    });
  }

  /** Calls that are answered with the latest state there is, and so never with an older one than was heard of before. */
  #latest<T extends { readonly revision: Revision }>(call: Promise<T>): Promise<T> {
    const before = this.#newest;
    const era = this.#era;
    const checked = call.then((answer) => {
      if (era !== this.#era) throw new NetError('unavailable', 'the store was replaced meanwhile');
      if (answer.revision >= before) return answer;
      this.#setBack(answer.revision);
      const message = `the store is at revision ${answer.revision} and was at ${before}: it was restored or replaced`;
      throw new NetError('unavailable', message);
    });
    return this.#observe(checked);
  }

  #setBack(revision: Revision): void {
    this.#era += 1;
    this.#newest = revision;
    this.onSetBack();
  }

  async #observe<T>(call: Promise<T>): Promise<T> {
    try {
      const answer = await this.#untilClosed(call);
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
