// What an attach tells of the interfaces on the host that belong to it.
import { decodeMessage } from '../kernel/netlink/message.ts';
import type { StepReplies } from '../kernel/program.ts';
import { decodeLink } from '../kernel/rtnetlink/link.ts';
import type { HostInterface } from './sandbox.ts';

/** Of a step that asked for links, in the order in which it did. */
export function repliedInterfaces(replies: StepReplies | undefined): readonly HostInterface[] {
  return (replies?.messages ?? [])
    .map((message) => decodeLink(decodeMessage(message).payload))
    .flatMap(({ name, mac, mtuBytes }) => (mac === undefined ? [] : [{ name, mac, mtuBytes }]));
}

/** Of the last step of an attach, which asks for the host end first: bridge, host end, ifb. */
export function hostInterfaces(replies: StepReplies | undefined): readonly HostInterface[] {
  const [end, bridge, ...further] = repliedInterfaces(replies);
  return [bridge, end, ...further].filter((one) => one !== undefined);
}
