// Tells of changes to the host's interfaces that could harm ours, as the kernel announces them.
import { decodeMessages, type NetlinkMessage } from '../kernel/netlink/message.ts';
import { decodeAddress } from '../kernel/rtnetlink/address.ts';
import { readLinks } from '../kernel/rtnetlink/client.ts';
import { AF_UNSPEC, RTM_DELADDR, RTM_DELLINK, RTM_NEWLINK } from '../kernel/rtnetlink/constants.ts';
import { decodeLinkState, type LinkState } from '../kernel/rtnetlink/link.ts';
import { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK, subscribe } from '../kernel/subscription.ts';
import type { LinkChange, LinkWatcher } from './sandbox.ts';

export class NetlinkLinkWatcher implements LinkWatcher {
  readonly #listeners = new Set<(change: LinkChange) => void>();
  /** What is remembered of links by their index, to see what changed. */
  readonly #links = new Map<number, Omit<LinkState, 'index'>>();

  private constructor() {}

  /** Listens from when the promise resolves, for as long as the process lives. */
  static async open(): Promise<NetlinkLinkWatcher> {
    const watcher = new NetlinkLinkWatcher();
    const groups = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR];
    await subscribe(
      { protocol: 'route', groups },
      {
        messages: (bytes) => {
          for (const message of decodeMessages(bytes)) watcher.#note(message);
        },
        overrun: () => watcher.#tell('overrun'),
      },
    );
    for (const { index, name, up, master } of await readLinks()) {
      watcher.#links.set(index, { name, up, master });
    }
    return watcher;
  }

  watch(listener: (change: LinkChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Bridges announce changes of their ports as links of family AF_BRIDGE besides, which say nothing new. */
  #note({ type, payload }: NetlinkMessage): void {
    if (type !== RTM_DELADDR && payload[0] !== AF_UNSPEC) return;
    if (type === RTM_NEWLINK) this.#noteLink(decodeLinkState(payload));
    if (type === RTM_DELLINK) this.#noteRemoved(decodeLinkState(payload));
    if (type === RTM_DELADDR) this.#noteAddress(decodeAddress(payload)?.link);
  }

  #noteLink({ index, name, up, master }: LinkState): void {
    const before = this.#links.get(index);
    this.#links.set(index, { name, up, master });
    if (before === undefined) return;
    const taken = before.master !== undefined && before.master !== master;
    if ((before.up && !up) || taken || before.name !== name) this.#tell({ ifname: before.name });
  }

  #noteRemoved({ index, name }: LinkState): void {
    this.#links.delete(index);
    this.#tell({ ifname: name });
  }

  #noteAddress(index: number | undefined): void {
    const link = index === undefined ? undefined : this.#links.get(index);
    if (link !== undefined) this.#tell({ ifname: link.name });
  }

  #tell(change: LinkChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
