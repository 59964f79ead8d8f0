// When which names had which addresses, as far as somebody outside can know, and whether an answer fits.
import { type AskedQuestion, now } from './dns-asker.ts';

/** An address that went by some names from one moment to another; moments of which only bounds are known. */
interface Lifetime {
  readonly names: readonly string[];
  readonly address: string;
  /** Before `beginning` it was not there; from `begun` on it was. */
  readonly beginning: number;
  readonly begun: number;
  /** Until `ending` it was there; from `ended` on it was not. */
  ending: number;
  ended: number;
}

export class NameHistory {
  readonly #lifetimes: Lifetime[] = [];

  /** Names get the address that `work` resolves with. Resolves with what takes them away again while other work is done. */
  async begin(
    names: readonly string[],
    work: () => Promise<string>,
  ): Promise<(work: () => Promise<void>) => Promise<void>> {
    const beginning = now();
    const address = await work();
    const begun = now();
    const lifetime = { names, address, beginning, begun, ending: Infinity, ended: Infinity };
    this.#lifetimes.push(lifetime);
    return async (undo) => {
      lifetime.ending = now();
      await undo();
      lifetime.ended = now();
    };
  }

  /** What is wrong about an answer; undefined when it was right at a moment between question and answer. */
  faultOf(question: AskedQuestion): string | undefined {
    const { sent, answered, name, rcode, addresses } = question;
    const expectedRcode = addresses.length > 0 ? 'NOERROR' : 'NXDOMAIN';
    if (rcode !== expectedRcode) return `${name}: ${rcode}`;
    const named = this.#lifetimes.filter((one) => one.names.includes(name));
    for (const address of addresses) {
      const possible = named.some(
        (one) => one.address === address && one.beginning <= answered && one.ended >= sent,
      );
      if (!possible) return `${name}: ${address} was not there`;
    }
    const missing = named.find(
      (one) => one.begun <= sent && one.ending >= answered && !addresses.includes(one.address),
    );
    return missing && `${name}: ${missing.address} was there all the time`;
  }
}
