// Keeps networks working beside firewalld, whose table rejects what comes from or goes to a bridge it knows nothing of: their
// bridges are in a zone of their own for as long as there are networks. A change of its table is when to look again: it is made
// anew with every start and reload.
import { isDeepStrictEqual } from 'node:util';
import { toNetError } from '../../base/errors.ts';
import { getTable, hasNoTables } from '../../kernel/nftables/client.ts';
import type { Difference } from '../../model/difference.ts';
import type { Gate, Tellers } from '../passage/host-passage.ts';
import { type Pattern, patternsOf, patternText } from '../passage/rules.ts';
import { Settling } from '../passage/settling.ts';
import { Firewalld, zoneName } from './firewalld.ts';

const table = { family: 'inet', name: 'firewalld' } as const;
const object = `firewalld zone ${zoneName}`;

export class FirewalldGate implements Gate {
  readonly #tellers: Tellers;
  readonly #settling: Settling<'inet'>;
  #networks: readonly Pattern[] = [];

  constructor(tellers: Tellers) {
    this.#tellers = tellers;
    this.#settling = new Settling({ tables: [table], settle: () => this.#settle(), warn: tellers.warn });
  }

  bringAbout(bridges: Iterable<string>): Promise<void> {
    return this.#settling.alone(async () => {
      this.#networks = patternsOf(bridges);
      await this.#settling.listen();
      await this.#settle();
    });
  }

  follow(bridges: Iterable<string>): Promise<void> {
    return this.#settling.alone(async () => {
      const networks = patternsOf(bridges);
      if (isDeepStrictEqual(networks, this.#networks)) return;
      this.#networks = networks;
      await this.#settle();
    });
  }

  inspect(bridges: Iterable<string>): Promise<readonly Difference[]> {
    const wanted = interfacesOf(patternsOf(bridges));
    return this.#settling.alone(async () => {
      const found = await this.#ask(async (firewalld) => {
        const interfaces = (await firewalld.hasZone()) ? await firewalld.interfaces() : undefined;
        return differences(wanted, interfaces);
      });
      return found ?? [];
    });
  }

  close(): Promise<void> {
    return this.#settling.close();
  }

  /** Whether anything had to be done. */
  async #settle(): Promise<boolean> {
    const wanted = interfacesOf(this.#networks);
    try {
      return (await this.#ask((firewalld) => this.#bringAbout(firewalld, wanted))) ?? false;
    } catch (error) {
      const text = `${object}: networks' bridges could not be put there or taken away`;
      this.#tellers.warn(new Error(`${text}: ${toNetError(error).message}`, { cause: error }));
      return true;
    }
  }

  async #bringAbout(firewalld: Firewalld, wanted: readonly string[]): Promise<boolean> {
    const { inform } = this.#tellers;
    let hasZone = await firewalld.hasZone();
    if (!hasZone && wanted.length > 0) {
      await firewalld.makeZone();
      inform(`${object} is made, with policies for what is forwarded, and firewalld reloaded`);
      hasZone = true;
    }
    const found = hasZone ? await firewalld.interfaces() : [];
    const missing = wanted.filter((one) => !found.includes(one));
    const leftOver = found.filter((one) => !wanted.includes(one));
    for (const one of missing) await firewalld.addInterface(one);
    for (const one of leftOver) await firewalld.removeInterface(one);
    if (missing.length > 0)
      inform(`${object}: ${missing.join(', ')} added, as firewalld rejects what it does not know`);
    if (leftOver.length > 0) inform(`${object}: ${leftOver.join(', ')} removed, of no network`);
    return missing.length > 0 || leftOver.length > 0;
  }

  /** Undefined where firewalld is not in force, or makes its rules by iptables, whose tables are looked after. */
  async #ask<T>(work: (firewalld: Firewalld) => Promise<T>): Promise<T | undefined> {
    if (!(await isInForce())) return undefined;
    const firewalld = await Firewalld.open();
    try {
      if (!(await firewalld.isThere())) throw new Error('its rules are there, but firewalld is not');
      return await work(firewalld);
    } finally {
      firewalld.close();
    }
  }
}

async function isInForce(): Promise<boolean> {
  try {
    return (await getTable(table.name)) !== undefined;
  } catch (error) {
    if (hasNoTables(error)) return false;
    throw error;
  }
}

function differences(wanted: readonly string[], found: readonly string[] | undefined): readonly Difference[] {
  if (found === undefined) return wanted.length === 0 ? [] : [{ object, problem: 'is missing' }];
  return [
    ...wanted.filter((one) => !found.includes(one)).map((one) => ({ object, problem: `lacks ${one}` })),
    ...found
      .filter((one) => !wanted.includes(one))
      .map((one) => ({ object, problem: `has ${one}, of no network` })),
  ];
}

/** As in iptables, a name that ends in `+` stands for all that begin so. */
function interfacesOf(patterns: readonly Pattern[]): readonly string[] {
  return patterns.map((pattern) => patternText(pattern, '+'));
}
