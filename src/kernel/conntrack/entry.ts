// Entries of the connection tracking table and filters on them: include/uapi/linux/netfilter/nfnetlink_conntrack.h.
import { familyOf, fromBytes, type IpAddress, toBytes } from '../../base/cidr.ts';
import { Attributes, type AttributeWriter } from '../netlink/attribute.ts';

/** One direction of a connection as its packets show it; ports are absent for protocols without. */
export interface Tuple {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: number;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
}

export interface EntryHandle {
  readonly family: 4 | 6;
  readonly original: Uint8Array;
  readonly id: Uint8Array;
  readonly zone: Uint8Array | undefined;
}

export interface ConntrackEntry {
  /** As the first packet came in, before translation. */
  readonly original: Tuple;
  /** As answers come in: the source is who really answers. */
  readonly reply: Tuple;
  /** Both ends have been heard, and neither has begun to close it. */
  readonly isOpen: boolean;
  /** What deletes this very entry, and no later one of the same connection. */
  readonly handle: EntryHandle;
}

/** What an entry must have; fields left out may be anything. */
export interface ConntrackFilter {
  readonly family: 4 | 6;
  readonly protocol?: number;
  readonly originalDestination?: IpAddress;
  readonly originalDestinationPort?: number;
  readonly replySource?: IpAddress;
  readonly replySourcePort?: number;
}

const NLA_F_NESTED = 0x8000;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_PROTOINFO = 4;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_FILTER = 25;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;

const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;
/** include/uapi/linux/netfilter/nf_conntrack_tcp.h and nf_conntrack_common.h. */
const TCP_CONNTRACK_ESTABLISHED = 3;
const IPS_SEEN_REPLY = 2;

const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
/** Attributes of CTA_TUPLE_IP. */
const addresses = { 4: { source: 1, destination: 2 }, 6: { source: 3, destination: 4 } } as const;

/** CTA_FILTER_F_*, net/netfilter/nf_internals.h: which fields of a tuple the kernel compares (Linux 5.8). */
const compare = { source: 1, destination: 2, protocol: 8, sourcePort: 16, destinationPort: 32 } as const;

/**
 * Has the kernel sort out as much as it can. Kernels before 5.8 overlook it, and some fields only work together, so what comes
 * must still be held against `matches`.
 */
export function encodeFilter(attributes: AttributeWriter, filter: ConntrackFilter): void {
  const { family, protocol } = filter;
  const original: Partial<Tuple> = {
    ...(filter.originalDestination !== undefined && { destination: filter.originalDestination }),
    ...(protocol !== undefined && { protocol, destinationPort: filter.originalDestinationPort }),
  };
  const reply: Partial<Tuple> = {
    ...(filter.replySource !== undefined && { source: filter.replySource }),
    ...(protocol !== undefined && { protocol, sourcePort: filter.replySourcePort }),
  };
  const originalFlags = encodeTuple(attributes, CTA_TUPLE_ORIG, family, original);
  const replyFlags = encodeTuple(attributes, CTA_TUPLE_REPLY, family, reply);
  attributes.nested(CTA_FILTER, () => {
    attributes.u32(CTA_FILTER_ORIG_FLAGS, originalFlags);
    attributes.u32(CTA_FILTER_REPLY_FLAGS, replyFlags);
  });
}

export function matches(entry: ConntrackEntry, filter: ConntrackFilter): boolean {
  const pairs = [
    [filter.protocol, entry.original.protocol],
    [filter.originalDestination, entry.original.destination],
    [filter.originalDestinationPort, entry.original.destinationPort],
    [filter.replySource, entry.reply.source],
    [filter.replySourcePort, entry.reply.sourcePort],
  ];
  return pairs.every(([wanted, found]) => wanted === undefined || wanted === found);
}

/** Undefined for an entry that lacks what every entry has. */
export function decodeEntry(attributes: Attributes): ConntrackEntry | undefined {
  const original = attributes.bytes(CTA_TUPLE_ORIG);
  const reply = attributes.bytes(CTA_TUPLE_REPLY);
  const id = attributes.bytes(CTA_ID);
  if (original === undefined || reply === undefined || id === undefined) return undefined;
  const tuple = decodeTuple(original);
  return {
    original: tuple,
    reply: decodeTuple(reply),
    isOpen: decodeIsOpen(attributes),
    handle: { family: familyOf(tuple.source), original, id, zone: attributes.bytes(CTA_ZONE) },
  };
}

function decodeIsOpen(attributes: Attributes): boolean {
  const isAnswered = ((attributes.be32(CTA_STATUS) ?? 0) & IPS_SEEN_REPLY) !== 0;
  const state = attributes.nested(CTA_PROTOINFO)?.nested(CTA_PROTOINFO_TCP)?.u8(CTA_PROTOINFO_TCP_STATE);
  return isAnswered && (state === undefined || state === TCP_CONNTRACK_ESTABLISHED);
}

export function encodeHandle(attributes: AttributeWriter, { original, id, zone }: EntryHandle): void {
  attributes.bytes(CTA_TUPLE_ORIG | NLA_F_NESTED, original);
  attributes.bytes(CTA_ID, id);
  if (zone !== undefined) attributes.bytes(CTA_ZONE, zone);
}

/** Writes the fields of a tuple that are given, if any, and returns which. */
function encodeTuple(
  attributes: AttributeWriter,
  type: number,
  family: 4 | 6,
  { source, destination, protocol, sourcePort, destinationPort }: Partial<Tuple>,
): number {
  const given = { source, destination, protocol, sourcePort, destinationPort };
  const flags = Object.entries(compare)
    .filter(([field]) => given[field as keyof Tuple] !== undefined)
    .reduce((bits, [, bit]) => bits | bit, 0);
  if (flags === 0) return 0;
  attributes.nested(type, () => {
    if (source !== undefined || destination !== undefined) {
      attributes.nested(CTA_TUPLE_IP, () => {
        if (source !== undefined) attributes.bytes(addresses[family].source, toBytes(source));
        if (destination !== undefined) attributes.bytes(addresses[family].destination, toBytes(destination));
      });
    }
    if (protocol !== undefined) {
      attributes.nested(CTA_TUPLE_PROTO, () => {
        attributes.u8(CTA_PROTO_NUM, protocol);
        if (sourcePort !== undefined) attributes.be16(CTA_PROTO_SRC_PORT, sourcePort);
        if (destinationPort !== undefined) attributes.be16(CTA_PROTO_DST_PORT, destinationPort);
      });
    }
  });
  return flags;
}

function decodeTuple(bytes: Uint8Array): Tuple {
  const tuple = new Attributes(bytes);
  const ip = tuple.nested(CTA_TUPLE_IP);
  const protocol = tuple.nested(CTA_TUPLE_PROTO);
  const address = (end: 'source' | 'destination') =>
    fromBytes(ip?.bytes(addresses[4][end]) ?? ip?.bytes(addresses[6][end]) ?? new Uint8Array(4));
  return {
    source: address('source'),
    destination: address('destination'),
    protocol: protocol?.u8(CTA_PROTO_NUM) ?? 0,
    sourcePort: protocol?.be16(CTA_PROTO_SRC_PORT),
    destinationPort: protocol?.be16(CTA_PROTO_DST_PORT),
  };
}
