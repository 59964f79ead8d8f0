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
import { type BusOptions, BusSilence } from './bus.ts';
import { Firewalld, zoneName } from './firewalld.ts';

const table = { family: 'inet', name: 'firewalld' } as const;
const object = `firewalld zone ${zoneName}`;
/** How long a network, or the start, waits for firewalld. What takes longer goes on without them. */
const defaultHoldUpMs = 5000;

export interface FirewalldGateOptions extends Pick<BusOptions, 'path' | 'patienceMs'> {
  readonly holdUpMs?: number;
}

export class FirewalldGate implements Gate {
  readonly #tellers: Tellers;
  readonly #settling: Settling<'inet'>;
  readonly #bus: BusOptions;
  readonly #holdUpMs: number;
  readonly #end = new AbortController();
  #networks: readonly Pattern[] = [];
  #trouble: string | undefined;

  constructor(tellers: Tellers, { path, patienceMs, holdUpMs = defaultHoldUpMs }: FirewalldGateOptions = {}) {
    this.#tellers = tellers;
    this.#bus = { path, patienceMs, signal: this.#end.signal };
    this.#holdUpMs = holdUpMs;
    this.#settling = new Settling({ tables: [table], settle: () => this.#settle(), warn: tellers.warn });
  }

  async bringAbout(bridges: Iterable<string>): Promise<void> {
    const networks = patternsOf(bridges);
    await this.#within(
      this.#settling.alone(async () => {
        this.#networks = networks;
        await this.#settling.listen();
        await this.#settle();
      }),
    );
  }

  async follow(bridges: Iterable<string>): Promise<void> {
    const networks = patternsOf(bridges);
    await this.#within(
      this.#settling.alone(async () => {
        if (isDeepStrictEqual(networks, this.#networks)) return;
        this.#networks = networks;
        await this.#settle();
      }),
    );
  }

  async inspect(bridges: Iterable<string>): Promise<readonly Difference[]> {
    const wanted = interfacesOf(patternsOf(bridges));
    const looking = this.#settling.alone(async () => {
      const found = await this.#ask(async (firewalld) => {
        const interfaces = (await firewalld.hasZone()) ? await firewalld.interfaces() : undefined;
        return differences(wanted, interfaces);
      });
      return found ?? [];
    });
    return (
      (await this.#within(looking)) ?? [{ object, problem: 'cannot be seen: firewalld does not answer' }]
    );
  }

  close(): Promise<void> {
    this.#end.abort();
    return this.#settling.close();
  }

  /** Undefined when it takes too long; then nobody is told how it ends but the log. */
  async #within<T>(work: Promise<T>): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.#holdUpMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether anything had to be done. */
  async #settle(): Promise<boolean> {
    const wanted = interfacesOf(this.#networks);
    try {
      const mended = await this.#ask((firewalld) => this.#bringAbout(firewalld, wanted));
      this.#trouble = undefined;
      return mended ?? false;
    } catch (error) {
      this.#tell(
        `networks' bridges could not be put there or taken away: ${toNetError(error).message}`,
        error,
      );
      // Nobody tells when it answers again; of one that was away its table does.
      if (error instanceof BusSilence) this.#settling.again();
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

  /** Once of each trouble. */
  #tell(trouble: string, cause: unknown): void {
    if (this.#trouble === trouble || this.#end.signal.aborted) return;
    this.#trouble = trouble;
    this.#tellers.warn(new Error(`${object}: ${trouble}`, { cause }));
  }

  /** Undefined after `close`, and where firewalld is not in force, or makes its rules by iptables, whose tables are looked after. */
  async #ask<T>(work: (firewalld: Firewalld) => Promise<T>): Promise<T | undefined> {
    if (this.#end.signal.aborted || !(await isInForce())) return undefined;
    const firewalld = await Firewalld.open(this.#bus);
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
