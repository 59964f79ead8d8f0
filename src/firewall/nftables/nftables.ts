// The firewall as one nf_tables table, `inet fairlead`. Adding a port is one element of a map.
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { Batch } from '../../kernel/nftables/batch.ts';
import { commit, getTable } from '../../kernel/nftables/client.ts';
import { NFT_TABLE_F_OWNER, NFT_TABLE_F_PERSIST } from '../../kernel/nftables/constants.ts';
import type { Subscription } from '../../kernel/subscription.ts';
import type { Difference } from '../../model/difference.ts';
import type { Firewall, PolicyChange, PolicyState } from '../firewall.ts';
import { StaleConnections } from '../stale-connections.ts';
import { inspectTable } from './inspect.ts';
import { tableName } from './layout.ts';
import { accepted, refusal } from './refusal.ts';
import { Ruleset, type Staged } from './ruleset.ts';
import { tellOfDifferences, watchTables } from './table-watch.ts';
import { writeChange, writeTable } from './write.ts';

/**
 * With these flags nobody else can change the table, a foreign `nft flush ruleset` passes it by, and it stays in force while
 * the daemon is away.
 */
const ownedFlags = NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST;
/** What the kernel says when it does not hold what we last applied: somebody took it away, or put something there. */
const outOfStep = new Set(['ENOENT', 'EEXIST', 'EBUSY']);

export interface NftablesOptions {
  /** False makes a table that others can change, as on kernels without ownership. */
  readonly owned?: boolean;
  /** Told of what went wrong without harm to the rules: connections that could not be ended, a table not watched. */
  readonly warn?: (error: Error) => void;
}

export class NftablesFirewall implements Firewall {
  readonly name = 'nftables';
  readonly #mayOwn: boolean;
  readonly #warn: (error: Error) => void;
  readonly #turn = new KeyedMutex();
  readonly #stale: StaleConnections;
  readonly #listeners: ((who: string) => void)[] = [];
  #watch: Subscription | undefined;
  #tableFlags: number | undefined;
  #ruleset = Ruleset.of({ networks: [], endpoints: [], allowances: [] });

  constructor({ owned = true, warn = () => {} }: NftablesOptions = {}) {
    this.#mayOwn = owned;
    this.#warn = warn;
    this.#stale = new StaleConnections(warn);
  }

  async apply(changes: readonly PolicyChange[]): Promise<void> {
    const ended = await this.#alone(async () => {
      const staged = this.#ruleset.stage(changes);
      await this.#stale.clear(staged.ports.added);
      await this.#commitChange(staged);
      this.#ruleset.accept(staged);
      return { clients: this.#stale.end(staged.ports, staged.disallowed) };
    });
    await ended.clients;
  }

  replace(state: PolicyState): Promise<void> {
    return this.#alone(async () => {
      const next = Ruleset.of(state);
      await this.#commitTable(next);
      this.#ruleset = next;
    });
  }

  inspect(desired?: PolicyState): Promise<readonly Difference[]> {
    return this.#alone(async () => {
      const ruleset = desired === undefined ? this.#ruleset : Ruleset.of(desired);
      return inspectTable(ruleset);
    });
  }

  onForeignChange(listener: (who: string) => void): void {
    this.#listeners.push(listener);
  }

  /** The table stays in force. */
  async close(): Promise<void> {
    await this.#alone(async () => this.#watch?.close());
    await this.#stale.settled();
  }

  /** One at a time: a change is worked out against what the one before has left. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#turn.run({ exclusive: ['table'] }, work);
  }

  async #commitChange(staged: Staged): Promise<void> {
    const batch = new Batch(tableName);
    writeChange(batch, staged);
    if (batch.empty) return;
    try {
      await commit(batch);
    } catch (error) {
      if (!(error instanceof NetlinkError && outOfStep.has(error.code))) throw await refusal(error);
      await this.#commitTable(this.#ruleset.with(staged));
    }
  }

  /** Rewrites the table in one transaction: there is no moment without rules. */
  async #commitTable(ruleset: Ruleset): Promise<void> {
    try {
      const flags = await this.#flags();
      const batch = new Batch(tableName);
      if ((await getTable(tableName)) !== undefined) batch.deleteTable();
      writeTable(batch, flags, ruleset);
      await commit(batch);
    } catch (error) {
      throw await refusal(error);
    }
  }

  /** Whether the table can be owned is found out once; if not, others' changes to it are watched for. */
  async #flags(): Promise<number> {
    if (this.#tableFlags === undefined) {
      const flags = this.#mayOwn && (await accepted(ownedFlags)) ? ownedFlags : 0;
      if (flags === 0) {
        const table = { family: 'inet', name: tableName } as const;
        const listener = { changed: (who: string) => this.#tell(who), lost: () => this.#look() };
        this.#watch = await watchTables([table], listener);
      }
      this.#tableFlags = flags;
    }
    return this.#tableFlags;
  }

  #tell(who: string): void {
    for (const listener of this.#listeners) listener(who);
  }

  /** Our own large transactions can make announcements get lost as well, so only a difference counts. */
  #look(): void {
    tellOfDifferences(this.inspect(), () => this.#tell('an unknown program'), this.#warn);
  }
}
