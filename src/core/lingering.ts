// Built-in networks whose last endpoint went a moment ago. What they need of the host stays for a while: whoever runs one command
// after the other is not to switch its forwarding, and others' firewalls, off and on again each time.
import type { NetworkId } from '../model/ids.ts';

const lingerMs = 30_000;

export class Lingering {
  readonly #timers = new Map<NetworkId, NodeJS.Timeout>();

  has(id: NetworkId): boolean {
    return this.#timers.has(id);
  }

  /** Calls `end` after a while, counted from the last time the network was left; never after `close`. */
  begin(id: NetworkId, end: () => void): void {
    clearTimeout(this.#timers.get(id));
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      end();
    }, lingerMs).unref();
    this.#timers.set(id, timer);
  }

  /** Whether there was anything that stayed for a while. */
  close(): boolean {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    const some = this.#timers.size > 0;
    this.#timers.clear();
    return some;
  }
}
