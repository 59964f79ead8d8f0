// Answers a call of dockerd within a limit: dockerd itself waits without end, with its own locks held.
// What a call goes on to make after that is taken back, as dockerd has forgotten it.
import { NetError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';

export interface Call<T> {
  /** Calls on one subject wait for the late ones before them. */
  readonly subject: string;
  readonly work: () => Promise<T>;
  /** For what makes something. What has none is carried out to its end, answered or not. */
  readonly undo?: (made: T) => Promise<void>;
}

export class CallLimit {
  readonly #log: Log;
  readonly #limitMs: number;
  readonly #late = new Map<string, Promise<void>>();

  constructor(log: Log, limitMs: number) {
    this.#log = log;
    this.#limitMs = limitMs;
  }

  /** Errors: those of the work; `unavailable` when the limit is over. */
  run<T>(call: Call<T>): Promise<T> {
    const abandoned = new AbortController();
    const result = this.#work(call, abandoned.signal);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        abandoned.abort();
        this.#follow(call, result);
        reject(this.#busy(call));
      }, this.#limitMs);
      result.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  async #work<T>(call: Call<T>, abandoned: AbortSignal): Promise<T> {
    await this.#late.get(call.subject);
    if (abandoned.aborted && call.undo !== undefined) throw this.#busy(call);
    return call.work();
  }

  /** Later calls on the subject wait for the end of this one. */
  #follow<T>(call: Call<T>, result: Promise<T>): void {
    const { subject, undo } = call;
    const over = result
      .then(async (made) => {
        await undo?.(made);
        this.#log.warn({ subject }, `dockerd did not wait for this call: it is ${fate(call)}`);
      })
      .catch((error) => {
        this.#log.warn({ subject, reason: String(error) }, 'a call dockerd did not wait for has failed');
      })
      .finally(() => {
        if (this.#late.get(subject) === over) this.#late.delete(subject);
      });
    this.#late.set(subject, over);
  }

  #busy({ subject, undo }: Pick<Call<never>, 'subject'> & { readonly undo?: unknown }): NetError {
    const end = undo === undefined ? 'is still carried out' : 'is taken back; try again';
    return new NetError(
      'unavailable',
      `netd is busy: this call on ${subject} takes longer than ${this.#limitMs} ms and ${end}`,
    );
  }
}

function fate({ undo }: { readonly undo?: unknown }): string {
  return undo === undefined ? 'carried out' : 'taken back';
}
