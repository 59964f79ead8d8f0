// The few rtnetlink requests the tests of the native layer send.
import { Attributes, AttributeWriter } from '../../../src/kernel/netlink/attribute.ts';
import {
  decodeMessage,
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from '../../../src/kernel/netlink/message.ts';
import type { RequestStep } from '../../../src/kernel/program.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_NET_NS_FD = 28;
const VETH_INFO_PEER = 1;
const ifinfomsgBytes = 16;

type Write = (attributes: AttributeWriter) => void;

function linkMessage(type: number, flags: number, write: Write): Uint8Array {
  return encodeMessage(type, NLM_F_REQUEST | flags, (struct, attributes) => {
    struct.zeros(ifinfomsgBytes);
    write(attributes);
  });
}

/** Makes a veth pair; its peer appears in the namespace given, if any. */
export function createVeth(name: string, peer: string, peerNamespaceFd?: number): RequestStep {
  const message = linkMessage(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, (attributes) => {
    attributes.string(IFLA_IFNAME, name);
    attributes.nested(IFLA_LINKINFO, () => {
      attributes.string(IFLA_INFO_KIND, 'veth');
      attributes.nested(IFLA_INFO_DATA, () => {
        attributes.struct(VETH_INFO_PEER, (struct) => {
          struct.zeros(ifinfomsgBytes);
          const inner = new AttributeWriter(struct);
          inner.string(IFLA_IFNAME, peer);
          if (peerNamespaceFd !== undefined) inner.u32(IFLA_NET_NS_FD, peerNamespaceFd);
        });
      });
    });
  });
  return { socket: 'host', message, acks: 1 };
}

export function deleteLink(name: string, socket: 'host' | 'namespace' = 'host'): RequestStep {
  const message = linkMessage(RTM_DELLINK, NLM_F_ACK, (attributes) => attributes.string(IFLA_IFNAME, name));
  return { socket, message, acks: 1 };
}

export function getLink(name: string, socket: 'host' | 'namespace' = 'host'): RequestStep {
  const message = linkMessage(RTM_GETLINK, NLM_F_ACK, (attributes) => attributes.string(IFLA_IFNAME, name));
  return { socket, message, acks: 1 };
}

export function dumpLinks(): Uint8Array {
  return linkMessage(RTM_GETLINK, NLM_F_DUMP, () => {});
}

/** The interface names in link messages. */
export function linkNames(messages: readonly Uint8Array[]): string[] {
  return messages.map((message) => {
    const { payload } = decodeMessage(message);
    return new Attributes(payload.subarray(ifinfomsgBytes)).string(IFLA_IFNAME) ?? '';
  });
}
