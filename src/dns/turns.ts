// Whose turn it is to come first among several owners of a name.
import type { View } from './answer.ts';

/** More than askers there are; that it is counted anew after so many changes of views harms nobody. */
const countersMax = 10_000;

/**
 * Counted for each asker and type: a C library asks for A and AAAA in turn, and by one counter for both would get the same
 * addresses first each time.
 */
export class Turns {
  readonly #turns = new Map<string, number>();

  next({ sandboxId, networks }: View, type: number): number {
    const key = `${sandboxId ?? networks.join()} ${type}`;
    const turn = this.#turns.get(key) ?? 0;
    if (this.#turns.size >= countersMax) this.#turns.clear();
    this.#turns.set(key, turn + 1);
    return turn;
  }
}
