// Tells of changes to interfaces, on the host and inside sandboxes, that could harm ours, as the kernel announces them.
import { decodeMessage, decodeMessages, type NetlinkMessage } from '../kernel/netlink/message.ts';
import { decodeAddress } from '../kernel/rtnetlink/address.ts';
import { readLinks } from '../kernel/rtnetlink/client.ts';
import {
  AF_BRIDGE,
  AF_UNSPEC,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWLINK,
} from '../kernel/rtnetlink/constants.ts';
import {
  decodeLinkState,
  decodePortState,
  type LinkState,
  type PortState,
} from '../kernel/rtnetlink/link.ts';
import { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK, subscribe } from '../kernel/subscription.ts';
import type { LinkChange, LinkWatcher } from './sandbox.ts';

type KnownLink = Omit<LinkState, 'index'>;
type Port = Omit<PortState, 'index'>;

export class NetlinkLinkWatcher implements LinkWatcher {
  readonly #listeners = new Set<(change: LinkChange) => void>();
  /** What is remembered of the host's links by their index, to see what changed. */
  readonly #links = new Map<number, KnownLink>();
  /** The same of those that are ports of bridges. */
  readonly #ports = new Map<number, Port>();
  /** Host ends of pairs by where the other end is: its namespace's number and its index there. */
  readonly #hostEnds = new Map<string, number>();

  private constructor() {}

  /** Listens from when the promise resolves, for as long as the process lives. */
  static async open(): Promise<NetlinkLinkWatcher> {
    const watcher = new NetlinkLinkWatcher();
    const overrun = () => watcher.#tell('overrun');
    await subscribe(
      { protocol: 'route', groups: [RTNLGRP_LINK] },
      {
        messages: (bytes) => {
          for (const message of decodeMessages(bytes)) watcher.#note(message);
        },
        overrun,
      },
    );
    await subscribe(
      { everywhere: { messageType: RTM_DELADDR }, groups: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR] },
      { messages: (bytes, namespaceId) => watcher.#noteAddress(bytes, namespaceId), overrun },
    );
    for (const { index, port, ...link } of await readLinks()) {
      watcher.#remember(index, link);
      if (port !== undefined) watcher.#ports.set(index, port);
    }
    return watcher;
  }

  watch(listener: (change: LinkChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Bridges announce changes of their ports as links of family AF_BRIDGE. */
  #note({ type, payload }: NetlinkMessage): void {
    const [family] = payload;
    if (family === AF_BRIDGE && type === RTM_NEWLINK) this.#notePort(payload);
    if (family !== AF_UNSPEC) return;
    if (type === RTM_NEWLINK) this.#noteLink(decodeLinkState(payload));
    if (type === RTM_DELLINK) this.#noteRemoved(decodeLinkState(payload));
  }

  #noteLink({ index, ...link }: LinkState): void {
    const before = this.#links.get(index);
    this.#remember(index, link);
    if (before === undefined) return;
    const taken = before.master !== undefined && before.master !== link.master;
    if ((before.up && !link.up) || taken || before.name !== link.name) this.#tell({ ifname: before.name });
  }

  #notePort(payload: Uint8Array): void {
    const state = decodePortState(payload);
    if (state === undefined) return;
    const { index, isolated, hairpin } = state;
    const before = this.#ports.get(index);
    this.#ports.set(index, { isolated, hairpin });
    if ((before?.isolated === true && !isolated) || (before?.hairpin === true && !hairpin))
      this.#tellOf(index);
  }

  #noteRemoved({ index, name }: LinkState): void {
    this.#forgetHostEnd(index);
    this.#links.delete(index);
    this.#ports.delete(index);
    this.#tell({ ifname: name });
  }

  /** One that a sandbox lost is told of as a change of its link on the host. */
  #noteAddress(bytes: Uint8Array, namespaceId: number | undefined): void {
    const index = decodeAddress(decodeMessage(bytes).payload)?.link;
    if (index === undefined) return;
    if (namespaceId === undefined) this.#tellOf(index);
    else this.#tellOf(this.#hostEnds.get(endName(namespaceId, index)));
  }

  #remember(index: number, { name, up, master, parent, parentNamespace }: KnownLink): void {
    this.#forgetHostEnd(index);
    this.#links.set(index, { name, up, master, parent, parentNamespace });
    if (parent !== undefined && parentNamespace !== undefined) {
      this.#hostEnds.set(endName(parentNamespace, parent), index);
    }
  }

  #forgetHostEnd(index: number): void {
    const { parent, parentNamespace } = this.#links.get(index) ?? {};
    if (parent === undefined || parentNamespace === undefined) return;
    const name = endName(parentNamespace, parent);
    if (this.#hostEnds.get(name) === index) this.#hostEnds.delete(name);
  }

  #tellOf(index: number | undefined): void {
    const link = index === undefined ? undefined : this.#links.get(index);
    if (link !== undefined) this.#tell({ ifname: link.name });
  }

  #tell(change: LinkChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function endName(namespaceId: number, index: number): string {
  return `${namespaceId} ${index}`;
}
