// Looks at tables of others when they change, and waits for their changes to end.
import { toNetError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { hasNoTables } from '../../kernel/nftables/client.ts';
import type { TableFamily } from '../../kernel/nftables/table.ts';
import type { Subscription } from '../../kernel/subscription.ts';
import { type WatchedTable, watchTables } from '../nftables/table-watch.ts';

/** Changes that come this close together are looked at together: Docker makes its rules one by one. */
const settleMs = 50;
/** Whoever undoes a repair again and again is not fought at full speed: the wait doubles each time, up to this. */
const maxWaitMs = 10_000;

export interface SettlingOptions<Family extends TableFamily> {
  readonly tables: readonly WatchedTable<Family>[];
  /** Looks at these and mends them; whether anything had to be done. Never rejects. */
  readonly settle: (tables: readonly WatchedTable<Family>[]) => Promise<boolean>;
  /** Told that nothing will be heard of changes. */
  readonly warn: (error: Error) => void;
}

export class Settling<Family extends TableFamily> {
  readonly #options: SettlingOptions<Family>;
  readonly #turn = new KeyedMutex();
  readonly #due = new Set<WatchedTable<Family>>();
  #watch: Subscription | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = settleMs;
  #lookedAtMs = 0;
  #closed = false;

  constructor(options: SettlingOptions<Family>) {
    this.#options = options;
  }

  /** One at a time, and not while what changed is looked at. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn.run({ exclusive: ['tables'] }, work);
  }

  /** From then on changes are heard. May be repeated. */
  async listen(): Promise<void> {
    if (this.#watch !== undefined) return;
    const { tables, warn } = this.#options;
    try {
      this.#watch = await watchTables(tables, {
        changed: (_, table) => this.#note([table]),
        lost: () => this.#note(tables),
      });
    } catch (error) {
      if (!hasNoTables(error)) warn(toNetError(error));
    }
  }

  /** Looks once more soon, as after a change. */
  again(): void {
    this.#note(this.#options.tables);
  }

  close(): Promise<void> {
    return this.alone(async () => {
      this.#closed = true;
      this.#watch?.close();
      clearTimeout(this.#timer);
    });
  }

  #note(changed: readonly WatchedTable<Family>[]): void {
    if (this.#closed) return;
    for (const table of changed) this.#due.add(table);
    if (this.#hasLasted()) this.#waitMs = settleMs;
    this.#timer ??= setTimeout(() => void this.alone(() => this.#look()), this.#waitMs).unref();
  }

  async #look(): Promise<void> {
    const due = [...this.#due];
    this.#due.clear();
    this.#timer = undefined;
    if (this.#closed) return;
    this.#lookedAtMs = performance.now();
    const mended = await this.#options.settle(due);
    this.#waitMs = mended ? Math.min(this.#waitMs * 2, maxWaitMs) : settleMs;
  }

  /** Whether what was done has held for so long that the next change is no answer to it. */
  #hasLasted(): boolean {
    return performance.now() - this.#lookedAtMs > 1000 + this.#waitMs * 5;
  }
}
