// What listens, by key, each at one place: opened once however many ask for it, closed even while it opens.

export interface Opened {
  /** Must not reject. */
  close(): void | Promise<void>;
}

interface Opening<Place> {
  readonly place: Place;
  readonly way: string;
  readonly listener: Promise<Opened>;
  /** The same once it is there, so that it can be closed at once. */
  opened?: Opened;
}

interface Ending<Key, Place> {
  readonly key: Key;
  readonly place: Place;
  readonly ended: Promise<void>;
}

export class Listeners<Key, Place> {
  readonly #openings = new Map<Key, Opening<Place>>();
  /** Those that close for longer, or were closed while they opened: until they are, they hold their key and their place. */
  readonly #ending = new Set<Ending<Key, Place>>();

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

  /**
   * One at another place, or there in another way, is closed first. Throws what `listen` throws, to all who asked meanwhile.
   * @param way of several to listen at one place, of which each needs it for itself.
   */
  async open(key: Key, place: Place, listen: () => Promise<Opened>, way = ''): Promise<void> {
    const known = this.#openings.get(key);
    if (known?.place === place && known.way === way) return void (await known.listener);
    this.close(key);
    const endings = [...this.#ending].filter((ending) => ending.key === key || ending.place === place);
    const listener = endings.length === 0 ? listen() : allEnded(endings).then(listen);
    const opening: Opening<Place> = { place, way, listener };
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
    const { place, opened, listener } = opening;
    const closing =
      opened === undefined
        ? listener.then(
            (late) => late.close(),
            () => undefined,
          )
        : opened.close();
    if (closing === undefined) return;
    const ending = { key, place, ended: closing.finally(() => this.#ending.delete(ending)) };
    this.#ending.add(ending);
  }

  /** Ends when none listens any more, nor will. */
  async closeAll(): Promise<void> {
    for (const key of this.#openings.keys()) this.close(key);
    await allEnded([...this.#ending]);
  }
}

async function allEnded(endings: readonly { readonly ended: Promise<void> }[]): Promise<void> {
  await Promise.all(endings.map(({ ended }) => ended));
}
