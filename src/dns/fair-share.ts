// How a bounded number of places is shared between askers, so that none can have them all.

/**
 * An asker may take a place as long as fewer are its own than are free. Alone it gets half of all, two that take what they can
 * get a third each, three a quarter: however many flood, whoever comes next finds as much room as each of them has. (Choudhury
 * and Hahne's dynamic thresholds, for buffers shared by the ports of a switch.) Nobody waits for a place: a question that waits
 * is asked again by its asker, and would fill the queue too.
 */
export class FairShare {
  readonly #places: number;
  readonly #taken = new Map<string, number>();
  #allTaken = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** Takes a place; false when the asker has its share already. */
  take(asker: string): boolean {
    const own = this.#taken.get(asker) ?? 0;
    if (own >= this.#places - this.#allTaken) return false;
    this.#taken.set(asker, own + 1);
    this.#allTaken++;
    return true;
  }

  /** Gives back one that was taken. */
  release(asker: string): void {
    const left = (this.#taken.get(asker) ?? 0) - 1;
    if (left > 0) this.#taken.set(asker, left);
    else this.#taken.delete(asker);
    this.#allTaken--;
  }
}
