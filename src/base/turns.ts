// Turns of the event loop: of many pieces of work that come at once only one begins in each, so that other work gets its turn.

export class Turns {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  /** The first that asks in a turn need not wait; the others are let in one by one, in order. */
  async next(): Promise<void> {
    if (this.#taken) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#take();
  }

  #take(): void {
    this.#taken = true;
    setImmediate(() => {
      this.#taken = false;
      const first = this.#waiting.shift();
      if (first === undefined) return;
      this.#take();
      first();
    });
  }
}
