// What listens, by key, each at one place: opened once however many ask for it, closed even while it opens.

export interface Opened {
  /** Must not reject. */
  close(): void | Promise<void>;
}

interface Opening<Place> {
  readonly place: Place;
  readonly listener: Promise<Opened>;
  /** The same once it is there, so that it can be closed at once. */
  opened?: Opened;
}

export class Listeners<Key, Place> {
  readonly #openings = new Map<Key, Opening<Place>>();
  /** Those that close for longer, or were closed while they opened: until they are, they hold their port. */
  readonly #ending = new Map<Key, Promise<void>>();

  /** Where the listener of a key is, or is about to be. */
  placeOf(key: Key): Place | undefined {
    return this.#openings.get(key)?.place;
  }

  isOpen(key: Key): boolean {
    return this.#openings.get(key)?.opened !== undefined;
  }

  keysAt(place: Place): readonly Key[] {
    return [...this.#openings].filter(([, opening]) => opening.place === place).map(([key]) => key);
  }

  /** One at another place is closed first. Throws what `listen` throws, to all who asked meanwhile. */
  async open(key: Key, place: Place, listen: () => Promise<Opened>): Promise<void> {
    const known = this.#openings.get(key);
    if (known?.place === place) return void (await known.listener);
    this.close(key);
    const ending = this.#ending.get(key);
    const listener = ending === undefined ? listen() : ending.then(listen);
    const opening: Opening<Place> = { place, listener };
    this.#openings.set(key, opening);
    try {
      opening.opened = await listener;
    } catch (error) {
      if (this.#openings.get(key) === opening) this.#openings.delete(key);
      throw error;
    }
  }

  /** One still opening is closed as soon as it is open. Absent is fine. */
  close(key: Key): void {
    const opening = this.#openings.get(key);
    if (opening === undefined) return;
    this.#openings.delete(key);
    const { opened, listener } = opening;
    const closing =
      opened === undefined
        ? listener.then(
            (late) => late.close(),
            () => undefined,
          )
        : opened.close();
    if (closing !== undefined) this.#await(key, closing);
  }

  /** Ends when none listens any more, nor will. */
  async closeAll(): Promise<void> {
    for (const key of this.#openings.keys()) this.close(key);
    await Promise.all(this.#ending.values());
  }

  #await(key: Key, closing: Promise<void>): void {
    const ending = closing.finally(() => {
      if (this.#ending.get(key) === ending) this.#ending.delete(key);
    });
    this.#ending.set(key, ending);
  }
}
