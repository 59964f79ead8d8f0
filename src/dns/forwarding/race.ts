// One question put to several upstreams, one after the other or side by side, until one of them has a reply.
import type { Upstream } from './exchange.ts';
import type { AskingOrder } from './upstream-ranking.ts';

/** Rejects when the upstream has no reply that helps, or on the signal. */
type Ask<T> = (upstream: Upstream, signal: AbortSignal) => Promise<T>;

/** A race, whatever is won. */
export type AnyRace = Pick<Race<unknown>, 'running' | 'stop' | 'ended'>;

interface Attempt {
  readonly upstream: Upstream;
  readonly stop: AbortController;
}

/** Those that were asked before there was a reply go on until they are stopped. */
export class Race<T> {
  /** Undefined when all failed. Never rejects. */
  readonly reply: Promise<T | undefined>;
  /** Resolves when nobody is asked any more. */
  readonly ended: Promise<void>;
  readonly #ask: Ask<T>;
  readonly #staggerMs: number;
  readonly #running = new Set<Attempt>();
  #waiting: readonly Upstream[];
  #nextTimer: NodeJS.Timeout | undefined;
  #settle: (reply: T | undefined) => void = () => undefined;
  #end: () => void = () => undefined;

  /** The next upstream is asked when one fails, and when there is no reply `staggerMs` after the one before was asked. */
  constructor({ upstreams, atOnce }: AskingOrder, staggerMs: number, ask: Ask<T>) {
    this.#ask = ask;
    this.#staggerMs = staggerMs;
    this.#waiting = upstreams;
    this.reply = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    for (let i = 0; i < atOnce; i++) this.#next();
  }

  /** Those whose reply is waited for. */
  get running(): readonly Upstream[] {
    return [...this.#running].map(({ upstream }) => upstream);
  }

  /** Some, or all, are not asked, and no longer waited for. */
  stop(reason: Error, which: (upstream: Upstream) => boolean = () => true): void {
    this.#waiting = this.#waiting.filter((upstream) => !which(upstream));
    for (const { upstream, stop } of [...this.#running]) if (which(upstream)) stop.abort(reason);
  }

  #next(): void {
    clearTimeout(this.#nextTimer);
    const [upstream, ...others] = this.#waiting;
    this.#waiting = others;
    if (upstream !== undefined) void this.#start(upstream);
    else if (this.#running.size === 0) {
      this.#settle(undefined);
      this.#end();
    }
  }

  async #start(upstream: Upstream): Promise<void> {
    const attempt = { upstream, stop: new AbortController() };
    this.#running.add(attempt);
    if (this.#waiting.length > 0) this.#nextTimer = setTimeout(() => this.#next(), this.#staggerMs);
    try {
      this.#settle(await this.#ask(upstream, attempt.stop.signal));
      this.#waiting = [];
    } catch {
      // Whoever is asked has noted why: the next one may do better.
    }
    this.#running.delete(attempt);
    this.#next();
  }
}
