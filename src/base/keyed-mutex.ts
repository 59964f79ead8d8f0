// Locks by key: work on one network or sandbox is serial, everything else goes on.

/** Which keys a piece of work holds alone, and which it shares with others that share them. */
export interface Keys {
  readonly exclusive?: readonly string[];
  readonly shared?: readonly string[];
}

interface Waiter {
  readonly shared: boolean;
  readonly start: () => void;
}

/** The holders of one key and those who wait for it, in order of arrival. */
interface Entry {
  holders: number;
  exclusive: boolean;
  readonly waiting: Waiter[];
}

export class KeyedMutex {
  readonly #entries = new Map<string, Entry>();

  /** Runs `work` while holding all keys. Keys are taken in sorted order, so that two callers never wait for each other. */
  async run<T>(keys: Keys, work: () => Promise<T>): Promise<T> {
    const exclusive = new Set(keys.exclusive);
    const all = [...new Set([...exclusive, ...(keys.shared ?? [])])].sort();
    for (const key of all) await this.#take(key, !exclusive.has(key));
    try {
      return await work();
    } finally {
      for (const key of all) this.#release(key);
    }
  }

  async #take(key: string, shared: boolean): Promise<void> {
    const entry = this.#entries.get(key) ?? { holders: 0, exclusive: false, waiting: [] };
    this.#entries.set(key, entry);
    if (canEnter(entry, shared) && entry.waiting.length === 0) return enter(entry, shared);
    return new Promise((resolve) => entry.waiting.push({ shared, start: resolve }));
  }

  #release(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.holders--;
    let next = entry.waiting[0];
    while (next !== undefined && canEnter(entry, next.shared)) {
      entry.waiting.shift();
      enter(entry, next.shared);
      next.start();
      next = entry.waiting[0];
    }
    if (entry.holders === 0) this.#entries.delete(key);
  }
}

function canEnter(entry: Entry, shared: boolean): boolean {
  return entry.holders === 0 || (shared && !entry.exclusive);
}

function enter(entry: Entry, shared: boolean): void {
  entry.holders++;
  entry.exclusive = !shared;
}
