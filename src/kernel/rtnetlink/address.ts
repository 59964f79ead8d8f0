// Addresses of links.
import {
  addressOf,
  familyOf,
  fromBytes,
  type InterfaceAddress,
  prefixOf,
  toBytes,
  toInterfaceAddress,
} from '../../base/cidr.ts';
import { Attributes } from '../netlink/attribute.ts';
import { type ByteWriter, littleEndian, viewOf } from '../netlink/byte-writer.ts';
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from '../netlink/message.ts';
import * as k from './constants.ts';

export interface LinkAddress {
  /** Index of the link. */
  readonly link: number;
  readonly address: InterfaceAddress;
}

// struct ifaddrmsg, include/uapi/linux/if_addr.h
//   offset  size  field
//   0       1     ifa_family
//   1       1     ifa_prefixlen
//   2       1     ifa_flags      the low eight of IFA_FLAGS
//   3       1     ifa_scope      RT_SCOPE_…
//   4       4     ifa_index
const structBytes = 8;

/** Adds an address; one that is there is left as it is. IPv6 ones are usable at once, without duplicate detection. */
export function addAddress({ link, address }: LinkAddress): Uint8Array {
  const flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  return encodeMessage(k.RTM_NEWADDR, flags, (struct, attributes) => {
    const bytes = toBytes(addressOf(address));
    writeStruct(struct, { link, address });
    attributes.bytes(k.IFA_LOCAL, bytes);
    attributes.bytes(k.IFA_ADDRESS, bytes);
    const broadcast = broadcastOf(bytes, prefixOf(address));
    if (broadcast !== undefined) attributes.bytes(k.IFA_BROADCAST, broadcast);
  });
}

/** Errors: EADDRNOTAVAIL when the link does not have it. */
export function removeAddress({ link, address }: LinkAddress): Uint8Array {
  return encodeMessage(k.RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK, (struct, attributes) => {
    const bytes = toBytes(addressOf(address));
    writeStruct(struct, { link, address });
    attributes.bytes(k.IFA_LOCAL, bytes);
    attributes.bytes(k.IFA_ADDRESS, bytes);
  });
}

/** Asks for the addresses of one link (by index) or of all, in both families; to be sent as a dump. */
export function listAddresses(link = 0): Uint8Array {
  return encodeMessage(k.RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, (struct) => {
    struct.zeros(4);
    struct.u32(link);
  });
}

/** The payload of an RTM_NEWADDR; undefined for families other than IPv4 and IPv6. */
export function decodeAddress(payload: Uint8Array): LinkAddress | undefined {
  if (payload[0] !== k.AF_INET && payload[0] !== k.AF_INET6) return undefined;
  const struct = viewOf(payload);
  const attributes = new Attributes(payload.subarray(structBytes));
  // IFA_ADDRESS is the other end's on a point-to-point link.
  const bytes = attributes.bytes(k.IFA_LOCAL) ?? attributes.bytes(k.IFA_ADDRESS) ?? new Uint8Array(4);
  return {
    link: struct.getUint32(4, littleEndian),
    address: toInterfaceAddress(fromBytes(bytes), struct.getUint8(1)),
  };
}

function writeStruct(struct: ByteWriter, { link, address }: LinkAddress): void {
  const ipv6 = familyOf(address) === 6;
  struct.u8(ipv6 ? k.AF_INET6 : k.AF_INET);
  struct.u8(prefixOf(address));
  struct.u8(ipv6 ? k.IFA_F_NODAD : 0);
  struct.u8(k.RT_SCOPE_UNIVERSE);
  struct.u32(link);
}

/** The last address of the subnet. RFC 3021: a /31 has no broadcast address, and a /32 neither. */
function broadcastOf(bytes: Uint8Array, prefix: number): Uint8Array | undefined {
  if (bytes.length !== 4 || prefix > 30) return undefined;
  return bytes.map((byte, index) => byte | (0xff >> Math.min(8, Math.max(0, prefix - index * 8))));
}
