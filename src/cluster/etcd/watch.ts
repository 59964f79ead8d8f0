// One watch: what was asked for, and the listener, which hears nothing after the end.
import type { Revision, StoreEvent, WatchListener } from '../shared-store.ts';
import { toStoredKey } from './keys.ts';
import { deleteEvent, type WireEvent } from './protocol.ts';

export class Watch {
  readonly prefix: string;
  readonly from: Revision;
  readonly #listener: WatchListener;
  #ended = false;
  #stop = () => {};
  #fragments: readonly WireEvent[] = [];

  constructor(prefix: string, from: Revision, listener: WatchListener) {
    this.prefix = prefix;
    this.from = from;
    this.#listener = listener;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** On behalf of the listener, which is not told. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
  }

  /** @param stop is called once when the listener has enough. */
  asked(stop: () => void): void {
    this.#stop = stop;
  }

  start(): void {
    if (!this.#ended) this.#listener.onStart();
  }

  /**
   * A message holds whole revisions, in order, unless it is a fragment: then the rest follows. The revision in its header is no
   * measure while the watch is catching up: it may be ahead of events that are still to come.
   */
  tell(events: readonly WireEvent[], isFragment: boolean): void {
    if (this.#ended) return;
    const all = this.#fragments.length === 0 ? events : [...this.#fragments, ...events];
    this.#fragments = isFragment ? all : [];
    const last = all.at(-1);
    if (isFragment || last === undefined) return;
    this.#listener.onEvents(all.map(toStoreEvent), Number(last.kv.modRevision));
  }

  progress(revision: Revision): void {
    if (!this.#ended) this.#listener.onProgress(revision);
  }

  end(reason: 'compacted' | 'interrupted', message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#listener.onEnd(reason, message);
  }
}

function toStoreEvent({ type, kv }: WireEvent): StoreEvent {
  if (type === deleteEvent) return { deleted: kv.key, revision: Number(kv.modRevision) };
  return { put: toStoredKey(kv) };
}
