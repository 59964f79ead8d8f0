// Who may work at what at the same time: keys for networks, sandboxes and names, taken by every request.
import { KeyedMutex, type Keys } from '../base/keyed-mutex.ts';
import { Turns } from '../base/turns.ts';

/** Sorts before every other key, so that whoever wants everything alone waits for nobody who waits for it. */
const everything = '*';

export class Locks {
  readonly #mutex = new KeyedMutex();
  readonly #turns = new Turns();

  /** A hundred requests at once are begun one by one: each takes some time before it first waits for the kernel. */
  async run<T>(keys: Keys, work: () => Promise<T>): Promise<T> {
    await this.#turns.next();
    return this.#mutex.run({ ...keys, shared: [everything, ...(keys.shared ?? [])] }, work);
  }

  /** Runs work while nothing else changes records or kernel. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#mutex.run({ exclusive: [everything] }, work);
  }
}
