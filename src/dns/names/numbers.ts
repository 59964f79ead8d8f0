// Small numbers for ids, as the name server's thread knows things.

/** A number stays an id's for as long as somebody uses it, and is not given to another soon after. */
export class Numbers<Id> {
  readonly #numbers = new Map<Id, { readonly number: number; uses: number }>();
  readonly #ids = new Map<number, Id>();
  #last = 0;

  /** The id's number; each call is one use of it. */
  take(id: Id): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) {
      known.uses++;
      return known.number;
    }
    const number = this.#next();
    this.#numbers.set(id, { number, uses: 1 });
    this.#ids.set(number, id);
    return number;
  }

  /** Ends one use. */
  drop(id: Id): void {
    const known = this.#numbers.get(id);
    if (known === undefined || --known.uses > 0) return;
    this.#numbers.delete(id);
    this.#ids.delete(known.number);
  }

  /** Undefined for one in nobody's use. */
  idOf(number: number): Id | undefined {
    return this.#ids.get(number);
  }

  #next(): number {
    do this.#last = this.#last === 0xffff_ffff ? 1 : this.#last + 1;
    while (this.#ids.has(this.#last));
    return this.#last;
  }
}
