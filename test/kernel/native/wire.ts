// The few requests the tests of the native layer send.
import { Attributes, AttributeWriter } from '../../../src/kernel/netlink/attribute.ts';
import {
  decodeMessage,
  encodeMessage,
  MessageBuilder,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from '../../../src/kernel/netlink/message.ts';
import type { RequestStep } from '../../../src/kernel/program.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
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

/** `index` 1 is loopback in every namespace. */
export function addAddress(name: 'lo', address: Uint8Array, prefix: number): RequestStep {
  const AF_INET = 2;
  const IFA_LOCAL = 2;
  const message = encodeMessage(
    RTM_NEWADDR,
    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE,
    (struct, attributes) => {
      struct.u8(AF_INET);
      struct.u8(prefix);
      struct.zeros(2);
      struct.u32(name === 'lo' ? 1 : 0);
      attributes.bytes(IFA_LOCAL, address);
    },
  );
  return { socket: 'host', message, acks: 1 };
}

/** Changes a link a given number of times, each of which the kernel announces. */
export function changeMtu(name: string, times: number): RequestStep[] {
  const IFLA_MTU = 4;
  return Array.from({ length: times }, (_, i) => ({
    socket: 'host',
    message: linkMessage(RTM_NEWLINK, NLM_F_ACK, (attributes) => {
      attributes.string(IFLA_IFNAME, name);
      attributes.u32(IFLA_MTU, 1400 + (i & 1));
    }),
    acks: 1,
  }));
}

const NFT_MSG_NEWTABLE = 0xa00;
const NFT_MSG_GETTABLE = 0xa01;
const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_FLAGS = 2;
const nfgenmsgBytes = 4;

type AddMessage = (batch: MessageBuilder, flags: number) => void;

export function createTable(name: string, tableFlags?: number): AddMessage {
  const NFPROTO_INET = 1;
  return (batch, flags) => {
    batch.message(NFT_MSG_NEWTABLE, NLM_F_REQUEST | NLM_F_CREATE | flags, (struct, attributes) => {
      struct.u8(NFPROTO_INET);
      struct.zeros(3);
      attributes.string(NFTA_TABLE_NAME, name);
      if (tableFlags !== undefined) attributes.be32(NFTA_TABLE_FLAGS, tableFlags);
    });
  };
}

/** A transaction; the last message asks for the acknowledgement. */
export function nftBatch(messages: readonly AddMessage[]): RequestStep {
  const NFNL_MSG_BATCH_BEGIN = 0x10;
  const NFNL_MSG_BATCH_END = 0x11;
  const NFNL_SUBSYS_NFTABLES = 10;
  const batch = new MessageBuilder();
  const mark = (type: number) =>
    batch.message(type, NLM_F_REQUEST, (struct) => {
      struct.zeros(2);
      struct.be16(NFNL_SUBSYS_NFTABLES);
    });
  mark(NFNL_MSG_BATCH_BEGIN);
  messages.forEach((add, i) => {
    add(batch, i === messages.length - 1 ? NLM_F_ACK : 0);
  });
  mark(NFNL_MSG_BATCH_END);
  return { socket: 'netfilter', message: batch.finish(), acks: 1 };
}

export function dumpTables(): Uint8Array {
  return encodeMessage(NFT_MSG_GETTABLE, NLM_F_REQUEST | NLM_F_DUMP, (struct) => struct.zeros(nfgenmsgBytes));
}

export function tableNames(messages: readonly Uint8Array[]): string[] {
  return messages.map((message) => {
    const { payload } = decodeMessage(message);
    return new Attributes(payload.subarray(nfgenmsgBytes)).string(NFTA_TABLE_NAME) ?? '';
  });
}

export function messageTypes(messages: readonly Uint8Array[]): number[] {
  return messages.map((message) => decodeMessage(message).type);
}

export function linkIsUp(message: Uint8Array | undefined): boolean {
  const IFF_UP = 1;
  if (message === undefined) return false;
  const { payload } = decodeMessage(message);
  const flags = new DataView(payload.buffer, payload.byteOffset).getUint32(8, true);
  return (flags & IFF_UP) !== 0;
}
