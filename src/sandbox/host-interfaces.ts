// What an attach tells of the interfaces on the host that belong to it.
import { decodeMessage } from '../kernel/netlink/message.ts';
import type { StepReplies } from '../kernel/program.ts';
import { decodeLink, type Link } from '../kernel/rtnetlink/link.ts';
import type { HostInterface } from './sandbox.ts';

/** Of a step that asked for links, in the order in which it did. */
export function repliedLinks(replies: StepReplies | undefined): readonly Link[] {
  return (replies?.messages ?? []).map((message) => decodeLink(decodeMessage(message).payload));
}

export function hostInterfaces(links: readonly (Link | undefined)[]): readonly HostInterface[] {
  return links.flatMap((link) =>
    link?.mac === undefined ? [] : [{ name: link.name, mac: link.mac, mtuBytes: link.mtuBytes }],
  );
}
