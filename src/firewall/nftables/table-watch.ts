// Hears when somebody else changes our table. Needed only where the kernel does not let us own it.

import { splitMessages } from '../../kernel/netlink/message.ts';
import { ownPortId } from '../../kernel/nftables/client.ts';
import { decodeEvent, portIdOf } from '../../kernel/nftables/events.ts';
import { NFNLGRP_NFTABLES, type Subscription, subscribe } from '../../kernel/subscription.ts';
import { tableName } from './layout.ts';

export interface TableWatchListener {
  /** `nft (pid 1234)`. */
  changed(who: string): void;
  /** Announcements were lost: whether the table was changed can only be seen by looking. */
  lost(): void;
}

/** Listens from when the promise resolves. */
export async function watchTable(listener: TableWatchListener): Promise<Subscription> {
  const own = await ownPortId();
  let touched = false;
  const read = (message: Uint8Array) => {
    if (portIdOf(message) === own) return;
    const event = decodeEvent(message);
    if (event === undefined) return;
    if ('table' in event) {
      touched ||= event.table === tableName;
    } else if (touched) {
      touched = false;
      listener.changed(`${event.program} (pid ${event.pid})`);
    }
  };
  return subscribe(
    { protocol: 'netfilter', groups: [NFNLGRP_NFTABLES] },
    {
      messages: (bytes) => splitMessages(bytes).forEach(read),
      overrun: () => listener.lost(),
    },
  );
}
