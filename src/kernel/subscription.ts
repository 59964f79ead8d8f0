// Announcements of the kernel: links, addresses, routes and rules that change.
import { native } from './native.ts';
import type { Namespace } from './netns.ts';

// Multicast groups, include/uapi/linux/rtnetlink.h and include/uapi/linux/netfilter/nfnetlink.h
export const RTNLGRP_LINK = 1;
export const RTNLGRP_NEIGH = 3;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV4_ROUTE = 7;
export const RTNLGRP_IPV6_IFADDR = 9;
export const RTNLGRP_IPV6_ROUTE = 11;
export const NFNLGRP_NFTABLES = 7;

export interface SubscriptionTopic {
  readonly protocol: 'route' | 'netfilter';
  readonly groups: readonly number[];
  /** The daemon's own if absent. It may be closed once the subscription is there. */
  readonly namespace?: Namespace;
}

/** What is announced in any namespace that a link of the daemon's own leads to: messages of one type (RTM_…). */
export interface EverywhereTopic {
  readonly everywhere: { readonly messageType: number };
  readonly groups: readonly number[];
}

export interface SubscriptionListener {
  /**
   * One or more whole netlink messages.
   * @param namespaceId of the namespace they are from, as `namespaceId` tells it; undefined for the subscription's own.
   */
  messages(bytes: Uint8Array, namespaceId: number | undefined): void;
  /** Announcements were lost: look at the kernel's state anew. */
  overrun(): void;
}

export interface Subscription {
  /** Nothing is delivered afterwards. May be repeated. */
  close(): void;
}

/** A burst must not keep the event loop from other work. */
const datagramsPerTurn = 64;

/** Listens from when the promise resolves. A subscription alone does not keep the process running. Errors: those of socket(2). */
export async function subscribe(
  topic: SubscriptionTopic | EverywhereTopic,
  listener: SubscriptionListener,
): Promise<Subscription> {
  const fd = await open(topic);
  let wanted = true;
  const stop = native.poll(fd, () => {
    for (let count = 0; wanted && count < datagramsPerTurn; count++) {
      const datagram = native.receive(fd);
      if (datagram === undefined) return;
      if (datagram === null) listener.overrun();
      else listener.messages(datagram.bytes, datagram.namespaceId);
    }
  });
  return {
    close() {
      wanted = false;
      stop();
    },
  };
}

function open(topic: SubscriptionTopic | EverywhereTopic): Promise<number> {
  const groups = Uint32Array.from(topic.groups);
  if ('everywhere' in topic) return native.openMulticastEverywhere(topic.everywhere.messageType, groups);
  return native.openMulticast(topic.namespace?.fd ?? -1, topic.protocol, groups);
}
