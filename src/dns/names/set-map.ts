// Sets by key; a set without members is dropped. Members keep the order in which they came.

export class SetMap<Key, Value> {
  readonly #sets = new Map<Key, Set<Value>>();

  get size(): number {
    return this.#sets.size;
  }

  get(key: Key): Iterable<Value> {
    return this.#sets.get(key) ?? [];
  }

  count(key: Key): number {
    return this.#sets.get(key)?.size ?? 0;
  }

  keys(): Iterable<Key> {
    return this.#sets.keys();
  }

  *values(): Iterable<Value> {
    for (const set of this.#sets.values()) yield* set;
  }

  add(key: Key, value: Value): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([value]));
    else set.add(value);
  }

  delete(key: Key, value: Value): void {
    const set = this.#sets.get(key);
    set?.delete(value);
    if (set?.size === 0) this.#sets.delete(key);
  }
}
