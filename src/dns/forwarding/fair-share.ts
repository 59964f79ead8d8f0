// How a bounded number of places is shared between askers, so that none can have them all.

/** Called when the place is taken away. */
type GiveUp = () => void;

/**
 * An asker has half of the places at most. Where all are taken, whoever has fewer than another gets the oldest of those of the one
 * with the most: however many flood, in the end they have the same number each, and one who asks little is always let in. Nobody
 * waits for a place: a question that waits is asked again by its asker, and would fill the queue too.
 */
export class FairShare {
  readonly #places: number;
  readonly #ownMax: number;
  /** The places each asker has, the oldest first. */
  readonly #taken = new Map<string, Set<GiveUp>>();
  #allTaken = 0;

  constructor(places: number) {
    this.#places = places;
    this.#ownMax = Math.ceil(places / 2);
  }

  /** Takes a place; false when the asker has its share already. */
  take(asker: string, giveUp: GiveUp): boolean {
    const own = this.#taken.get(asker) ?? new Set();
    if (own.size >= this.#ownMax) return false;
    if (this.#allTaken >= this.#places && !this.#takeFromGreatest(own.size)) return false;
    this.#taken.set(asker, own.add(giveUp));
    this.#allTaken++;
    return true;
  }

  /** Gives back one that was taken; nothing when it was taken away. */
  release(asker: string, giveUp: GiveUp): void {
    const own = this.#taken.get(asker);
    if (own?.delete(giveUp) !== true) return;
    if (own.size === 0) this.#taken.delete(asker);
    this.#allTaken--;
  }

  /** Not when that would only change who has the most. */
  #takeFromGreatest(ownPlaces: number): boolean {
    let [greatest, most] = ['', 0];
    for (const [asker, { size }] of this.#taken) if (size > most) [greatest, most] = [asker, size];
    const [oldest] = this.#taken.get(greatest) ?? [];
    if (oldest === undefined || most <= ownPlaces + 1) return false;
    this.release(greatest, oldest);
    oldest();
    return true;
  }
}
