// All watches at one member of etcd, on one stream. It ends as a whole when the member is silent, or not in touch with most others.
import type { Stream, StreamListener } from './connection.ts';
import { rangeBelow } from './keys.ts';
import type { WatchRequest, WatchResponse } from './protocol.ts';
import { RpcError, reasonOf, status } from './rpc-error.ts';
import type { Watch } from './watch.ts';

/** A watch the member was asked for, and what becomes of that. */
interface Asked {
  readonly watch: Watch;
  resolve(): void;
  reject(error: RpcError): void;
}

export interface WatchStreamListener {
  /** Once: nothing is watched any more, or the stream failed. */
  closed(error?: RpcError): void;
  /** A watch is not permitted to whom the stream was opened for; others on it go on. */
  refused(): void;
}

type Open = (listener: StreamListener<WatchResponse>) => Stream<WatchRequest>;

const periodMs = 3_000;
/** With so many periods silent in a row, the member is taken for lost. Counted, so that a pause of this process is not its. */
const silentPeriods = 2;

export class WatchStream {
  readonly #stream: Stream<WatchRequest>;
  readonly #listener: WatchStreamListener;
  readonly #timer: NodeJS.Timeout;
  /** In the order they were asked for, which is that of the answers. */
  readonly #asked: Asked[] = [];
  /** By the number the member gave. */
  readonly #started = new Map<string, Watch>();
  #silent = 0;
  #closed = false;

  constructor(open: Open, listener: WatchStreamListener) {
    this.#listener = listener;
    this.#stream = open({
      data: (response) => this.#hear(response),
      end: (error) => this.#fail(error),
    });
    this.#timer = setInterval(() => this.#tick(), periodMs);
    this.#timer.unref();
  }

  /**
   * Resolves when the member watches, or nobody wants it any more. From then on the watch is told of its end. Errors: `RpcError`;
   * it may be tried elsewhere.
   */
  add(watch: Watch): Promise<void> {
    const createRequest = {
      ...rangeBelow(watch.prefix),
      startRevision: watch.from,
      progressNotify: true,
      // What is too large for one message comes in several.
      fragment: true,
    };
    return new Promise((resolve, reject) => {
      this.#asked.push({ watch, resolve, reject });
      watch.asked(() => this.#remove(watch));
      this.#stream.send({ createRequest });
    });
  }

  /** Without a word to the watches. */
  close(): void {
    if (!this.#shut()) return;
    this.#listener.closed();
    for (const { resolve } of this.#asked) resolve();
  }

  #remove(watch: Watch): void {
    for (const [id, other] of this.#started) if (other === watch) this.#cancel(id);
    const isWatched = this.#started.size > 0 || this.#asked.some(({ watch: other }) => !other.ended);
    if (!isWatched) this.close();
  }

  #cancel(id: string): void {
    this.#started.delete(id);
    if (!this.#closed) this.#stream.send({ cancelRequest: { watchId: id } });
  }

  #hear(response: WatchResponse): void {
    this.#silent = 0;
    if (response.created) {
      this.#start(response);
      return;
    }
    const watch = this.#started.get(response.watchId);
    // Of a watch that was cancelled, or the answer to a question for progress, which says nothing else: members before 3.4.25 and
    // 3.5.8 give it while events up to its revision are still on their way (etcd-io/etcd#15220).
    if (watch === undefined) return;
    if (response.canceled) this.#canceled(watch, response);
    else if (response.events.length > 0) watch.tell(response.events, response.fragment);
    else watch.progress(Number(response.header.revision));
  }

  #start(response: WatchResponse): void {
    const asked = this.#asked.shift();
    if (asked === undefined) return;
    const { watch } = asked;
    if (response.canceled) {
      this.#refuse(asked, response.cancelReason);
      return;
    }
    this.#started.set(response.watchId, watch);
    asked.resolve();
    if (watch.ended) this.#cancel(response.watchId);
    else watch.start();
  }

  /** Versions before 3.5 give the same reason to whom they do not know any more and to who lacks permission. */
  #refuse({ watch, reject }: Asked, reason: string): void {
    const error = new RpcError(status.unauthenticated, reason);
    this.#listener.refused();
    reject(error);
    this.#remove(watch);
  }

  #canceled(watch: Watch, { watchId, compactRevision, cancelReason }: WatchResponse): void {
    this.#started.delete(watchId);
    if (compactRevision === '0') watch.end('interrupted', reasonOf(new Error(cancelReason)));
    else watch.end('compacted', `revisions before ${compactRevision} are no longer kept`);
    this.#remove(watch);
  }

  /** What was asked for at the last tick was not heard of, if `silent` counts. */
  #tick(): void {
    if (this.#silent >= silentPeriods) {
      const seconds = (silentPeriods * periodMs) / 1000;
      this.#fail(new RpcError(status.deadlineExceeded, `silent for ${seconds} s`));
      return;
    }
    this.#silent += 1;
    if (this.#started.size > 0) this.#stream.send({ progressRequest: {} });
  }

  #fail(error: RpcError): void {
    if (!this.#shut()) return;
    this.#listener.closed(error);
    for (const { reject } of this.#asked) reject(error);
    for (const watch of this.#started.values()) watch.end('interrupted', reasonOf(error));
  }

  /** False when it was done before. */
  #shut(): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#stream.cancel();
    return true;
  }
}
