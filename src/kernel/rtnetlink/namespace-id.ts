// The numbers by which one namespace knows others, as in a link's `parentNamespace`.
import { Attributes } from '../netlink/attribute.ts';
import { decodeMessage, encodeMessage, NLM_F_ACK, NLM_F_REQUEST } from '../netlink/message.ts';
import type { Namespace } from '../netns.ts';
import { runProgram } from '../program.ts';
import * as k from './constants.ts';

// struct rtgenmsg with padding, include/uapi/linux/rtnetlink.h
//   offset  size  field
//   0       1     rtgen_family
//   1       3     padding
const structBytes = 4;

/** How the daemon's namespace numbers another; undefined while no link leads there. */
export async function namespaceId({ fd }: Namespace): Promise<number | undefined> {
  const message = encodeMessage(k.RTM_GETNSID, NLM_F_REQUEST | NLM_F_ACK, (struct, attributes) => {
    struct.zeros(structBytes);
    attributes.u32(k.NETNSA_FD, fd);
  });
  const [replies] = await runProgram([{ socket: 'host', message, acks: 1 }]);
  const [reply] = replies?.messages ?? [];
  if (reply === undefined) return undefined;
  const id = new Attributes(decodeMessage(reply).payload.subarray(structBytes)).i32(k.NETNSA_NSID);
  return id === undefined || id < 0 ? undefined : id; // NETNSA_NSID_NOT_ASSIGNED is -1
}
