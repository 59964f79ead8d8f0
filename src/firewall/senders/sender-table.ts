// The table `bridge fairlead` in the kernel: who may send what by which port of a bridge.
import { NetError } from '../../base/errors.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { Batch } from '../../kernel/nftables/batch.ts';
import { commit, getTable } from '../../kernel/nftables/client.ts';
import { NFT_TABLE_F_OWNER, NFT_TABLE_F_PERSIST } from '../../kernel/nftables/constants.ts';
import type { Subscription } from '../../kernel/subscription.ts';
import type { Difference } from '../../model/difference.ts';
import type { EndpointId } from '../../model/ids.ts';
import type { Sender } from '../../model/policy.ts';
import { tellOfDifferences, watchTables } from '../nftables/table-watch.ts';
import { inspectTable } from './inspect.ts';
import { tableName } from './layout.ts';
import { type Senders, writeChange, writeTable } from './write.ts';

/** As of the other table: nobody else can change it, and it stays in force while the daemon is away. */
const ownedFlags = NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST;
const probeTable = 'fairlead-probe';
const attempts = 3;

export interface SenderTableOptions {
  /** False makes a table that others can change, as on kernels without ownership. */
  readonly owned?: boolean;
  /** Told that a foreign change could not be looked into. */
  readonly warn?: (error: Error) => void;
}

/** Senders, or undefined of endpoints that have none any more. */
export type SenderChanges = ReadonlyMap<EndpointId, Sender | undefined>;

export class SenderTable {
  readonly #flags: number;
  readonly #warn: (error: Error) => void;
  readonly #listeners: ((who: string) => void)[] = [];
  readonly #senders = new Map<EndpointId, Sender>();
  #watch: Subscription | undefined;

  private constructor(flags: number, warn: (error: Error) => void) {
    this.#flags = flags;
    this.#warn = warn;
  }

  /** Errors: NetlinkError, where the kernel cannot check the frames of bridges. */
  static async open({ owned = true, warn = () => {} }: SenderTableOptions = {}): Promise<SenderTable> {
    const table = new SenderTable(owned && (await isAccepted(ownedFlags)) ? ownedFlags : 0, warn);
    if (table.#flags === ownedFlags) return table;
    await rehearse(0);
    table.#watch = await watchTables([{ family: 'bridge', name: tableName }], {
      changed: (who) => table.#tell(who),
      lost: () => table.#look(),
    });
    return table;
  }

  /**
   * Has handed the change to the netlink thread when it returns the promise: an interface that is asked for after that comes up
   * after that. So an endpoint is neither blocked nor unguarded for a moment, and nobody waits for one to begin the other.
   * Changes follow each other without waiting: what is kept here is what will be in force when the last is carried out.
   */
  apply(changes: SenderChanges): Promise<void> {
    const before = { count: this.#senders.size, changed: this.#those(changes) };
    for (const [id, sender] of changes) {
      if (sender === undefined) this.#senders.delete(id);
      else this.#senders.set(id, sender);
    }
    const batch = new Batch(tableName, 'bridge');
    writeChange(batch, before, { count: this.#senders.size, changed: this.#those(changes) });
    return batch.empty ? Promise.resolve() : this.#commit(batch);
  }

  async replace(senders: Senders): Promise<void> {
    this.#senders.clear();
    for (const [id, sender] of senders) this.#senders.set(id, sender);
    await this.#rewrite();
  }

  inspect(desired: Senders = this.#senders): Promise<readonly Difference[]> {
    return inspectTable(new Map(desired));
  }

  onForeignChange(listener: (who: string) => void): void {
    this.#listeners.push(listener);
  }

  /** The table stays in force. */
  close(): void {
    this.#watch?.close();
  }

  /** What is refused was worked out against what is no longer there: then the whole table is written. */
  async #commit(batch: Batch): Promise<void> {
    try {
      await commit(batch);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      await this.#rewrite();
    }
  }

  /** In one transaction: there is no moment in which a frame is not checked. Others may take the table away meanwhile. */
  async #rewrite(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const exists = (await getTable(tableName, 'bridge')) !== undefined;
      const batch = new Batch(tableName, 'bridge');
      if (exists) batch.deleteTable();
      writeTable(batch, this.#flags, this.#senders);
      try {
        return await commit(batch);
      } catch (error) {
        if (attempt === attempts) throw refusal(error);
      }
    }
  }

  #those(changes: SenderChanges): readonly Sender[] {
    return [...changes.keys()].flatMap((id) => this.#senders.get(id) ?? []);
  }

  #tell(who: string): void {
    for (const listener of this.#listeners) listener(who);
  }

  /** Our own large transactions can make announcements get lost as well, so only a difference counts. */
  #look(): void {
    tellOfDifferences(this.inspect(), () => this.#tell('an unknown program'), this.#warn);
  }
}

async function isAccepted(flags: number): Promise<boolean> {
  try {
    await rehearse(flags);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  }
}

/** A transaction with all that the table may hold; it leaves nothing. */
function rehearse(flags: number): Promise<void> {
  const batch = new Batch(probeTable, 'bridge');
  writeTable(batch, flags, new Map());
  return commit(batch.deleteTable());
}

function refusal(thrown: unknown): NetError {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const isOthers = thrown instanceof NetlinkError && thrown.code === 'EPERM';
  const text = isOthers
    ? `nft table bridge ${tableName} cannot be changed: another process owns it, or CAP_NET_ADMIN is missing`
    : `rules for the frames of bridges refused by the kernel: ${reason}`;
  return new NetError(isOthers ? 'unavailable' : 'internal', text, { cause: thrown });
}
