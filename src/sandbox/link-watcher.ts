// Harm done to the host's interfaces, as the kernel announces it.
import { NetError } from '../base/errors.ts';
import { decodeMessages } from '../kernel/netlink/message.ts';
import { decodeAddress } from '../kernel/rtnetlink/address.ts';
import { readLinks } from '../kernel/rtnetlink/client.ts';
import { RTM_DELADDR, RTM_DELLINK, RTM_NEWLINK } from '../kernel/rtnetlink/constants.ts';
import { decodeLink, type Link } from '../kernel/rtnetlink/link.ts';
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_LINK,
  type Subscription,
  subscribe,
} from '../kernel/subscription.ts';
import type { LinkChange, LinkWatcher } from './sandbox.ts';

const groups = [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR];

export class NetlinkLinkWatcher implements LinkWatcher {
  /** What was last seen of each link, by index: announcements of addresses give no names. */
  readonly #links = new Map<number, Pick<Link, 'name' | 'up' | 'master' | 'mtuBytes'>>();
  #subscription: Subscription | undefined;
  #listener: (change: LinkChange) => void = () => {};

  /** Starts to listen; what happens from here on is not missed. */
  static async open(): Promise<NetlinkLinkWatcher> {
    const watcher = new NetlinkLinkWatcher();
    watcher.#subscription = await subscribe(
      { protocol: 'route', groups },
      { messages: (bytes) => watcher.#hear(bytes), overrun: () => watcher.#listener('overrun') },
    );
    for (const link of await readLinks()) watcher.#links.set(link.index, link);
    return watcher;
  }

  watch(listener: (change: LinkChange) => void): () => void {
    if (this.#subscription === undefined) throw new NetError('internal', 'the watcher is closed');
    this.#listener = listener;
    return () => {
      this.#subscription?.close();
      this.#subscription = undefined;
    };
  }

  #hear(bytes: Uint8Array): void {
    for (const { type, payload } of decodeMessages(bytes)) {
      const ifname = this.#harmed(type, payload);
      if (ifname !== undefined) this.#listener({ ifname });
    }
  }

  /** The interface a message tells bad news of. */
  #harmed(type: number, payload: Uint8Array): string | undefined {
    if (type === RTM_DELADDR) return this.#links.get(decodeAddress(payload)?.link ?? 0)?.name;
    if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return undefined;
    const link = decodeLink(payload);
    const before = this.#links.get(link.index);
    if (type === RTM_DELLINK) {
      // A bridge announces the loss of a port by the same message (family AF_BRIDGE), before the port is really gone.
      this.#links.delete(link.index);
      return link.name;
    }
    this.#links.set(link.index, link);
    if (before === undefined) return undefined;
    const worse =
      (before.up && !link.up) ||
      (before.master !== undefined && link.master !== before.master) ||
      before.mtuBytes !== link.mtuBytes;
    return worse || before.name !== link.name ? before.name : undefined;
  }
}
