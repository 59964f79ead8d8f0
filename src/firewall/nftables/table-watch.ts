// Hears when somebody else changes a table: ours, where the kernel does not let us own it, or one of others that concerns us.
import { toNetError } from '../../base/errors.ts';
import { splitMessages } from '../../kernel/netlink/message.ts';
import { ownPortId } from '../../kernel/nftables/client.ts';
import { decodeEvent, portIdOf } from '../../kernel/nftables/events.ts';
import type { TableFamily } from '../../kernel/nftables/table.ts';
import { NFNLGRP_NFTABLES, type Subscription, subscribe } from '../../kernel/subscription.ts';
import type { Difference } from '../../model/difference.ts';

export interface WatchedTable<Family extends TableFamily = TableFamily> {
  readonly family: Family;
  readonly name: string;
}

export interface TableWatchListener<Family extends TableFamily = TableFamily> {
  /** By `nft (pid 1234)`. */
  changed(who: string, table: WatchedTable<Family>): void;
  /** Announcements were lost: whether a table was changed can only be seen by looking. */
  lost(): void;
}

/** Listens from when the promise resolves. */
export async function watchTables<Family extends TableFamily>(
  tables: readonly WatchedTable<Family>[],
  listener: TableWatchListener<Family>,
): Promise<Subscription> {
  const own = await ownPortId();
  const touched = new Set<WatchedTable<Family>>();
  const read = (message: Uint8Array) => {
    if (portIdOf(message) === own) return;
    const event = decodeEvent(message);
    if (event === undefined) return;
    if ('table' in event) {
      const table = tables.find(({ family, name }) => family === event.family && name === event.table);
      if (table !== undefined) touched.add(table);
      return;
    }
    for (const table of touched) listener.changed(`${event.program} (pid ${event.pid})`, table);
    touched.clear();
  };
  return subscribe(
    { protocol: 'netfilter', groups: [NFNLGRP_NFTABLES] },
    {
      messages: (bytes) => splitMessages(bytes).forEach(read),
      overrun: () => listener.lost(),
    },
  );
}

/** For announcements that are no proof of a change of ours: tells when a look finds a difference, warns when it fails. */
export function tellOfDifferences(
  look: Promise<readonly Difference[]>,
  tell: () => void,
  warn: (error: Error) => void,
): void {
  look.then(
    (differences) => {
      if (differences.length > 0) tell();
    },
    (error: unknown) => warn(toNetError(error)),
  );
}
