// Tells the listener of what changed, one call after the other. An errand has a key: what is asked for several times before its
// turn comes is done once, with the state there is then. One that fails is run again after a while; the others do not wait for it.
import type { Log } from '../../base/log.ts';
import { Backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';

/** Tells what there is to tell now, if anything. `again`: the same once more, after a while. */
export type Errand = () => Promise<'done' | 'again'>;

const longestMs = 30_000;

export class Errands {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #queue = new Map<string, Errand>();
  readonly #urgent = new Map<string, Errand>();
  readonly #backoffs = new Map<string, { readonly backoff: Backoff; cancel: () => void }>();
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  ask(key: string, errand: Errand): void {
    this.#enter(this.#queue, key, errand);
  }

  /** Before all others. */
  askFirst(key: string, errand: Errand): void {
    this.#enter(this.#urgent, key, errand);
  }

  /** When it resolves no call is under way, and none follows. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { cancel } of this.#backoffs.values()) cancel();
    await this.#running;
  }

  #enter(queue: Map<string, Errand>, key: string, errand: Errand): void {
    if (this.#isClosed) return;
    if (!queue.has(key)) queue.set(key, errand);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // What else changes in this turn is told along.
    await Promise.resolve();
    for (let next = this.#next(); next !== undefined && !this.#isClosed; next = this.#next()) {
      await this.#do(...next);
    }
    this.#running = undefined;
  }

  #next(): [string, Errand] | undefined {
    for (const queue of [this.#urgent, this.#queue]) {
      for (const entry of queue) {
        queue.delete(entry[0]);
        return entry;
      }
    }
    return undefined;
  }

  async #do(key: string, errand: Errand): Promise<void> {
    this.#backoffs.get(key)?.cancel();
    try {
      if ((await errand()) === 'done') this.#backoffs.delete(key);
      else this.#repeat(key, errand);
    } catch (error) {
      this.#log.warn({ errand: key, reason: String(error) }, 'a change in the cluster could not be followed');
      this.#repeat(key, errand);
    }
  }

  #repeat(key: string, errand: Errand): void {
    const waiting = this.#backoffs.get(key) ?? {
      backoff: new Backoff(this.#clock, 200, longestMs),
      cancel: () => {},
    };
    waiting.cancel = this.#clock.after(waiting.backoff.nextMs(), () => this.ask(key, errand));
    this.#backoffs.set(key, waiting);
  }
}
