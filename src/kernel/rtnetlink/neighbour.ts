// Neighbours (ARP and NDP entries) and forwarding database (FDB) entries of bridges and VXLANs: one message serves both.
import { familyOf, fromBytes, type IpAddress, toBytes } from '../../base/cidr.ts';
import { type MacAddress, macBytes } from '../../base/mac.ts';
import { Attributes } from '../netlink/attribute.ts';
import { type ByteWriter, littleEndian, viewOf } from '../netlink/byte-writer.ts';
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from '../netlink/message.ts';
import * as k from './constants.ts';
import { decodeMac } from './link.ts';
import { addressFamily } from './route.ts';

/** Which hardware address answers for an IP address on a link. */
export interface Neighbour {
  readonly link: number;
  readonly address: IpAddress;
  readonly mac: MacAddress;
}

/** Which tunnel endpoint (VTEP) frames for a hardware address go to. */
export interface FdbEntry {
  /** Index of the VXLAN. */
  readonly link: number;
  readonly mac: MacAddress;
  readonly destination: IpAddress;
}

/** At which port of a bridge a hardware address is. */
export interface PortFdbEntry {
  /** Index of the port. */
  readonly link: number;
  readonly mac: MacAddress;
}

// struct ndmsg, include/uapi/linux/neighbour.h
//   offset  size  field
//   0       1     ndm_family
//   1       3     padding
//   4       4     ndm_ifindex
//   8       2     ndm_state     NUD_…
//   10      1     ndm_flags     NTF_…
//   11      1     ndm_type
const structBytes = 12;

const acknowledged = NLM_F_REQUEST | NLM_F_ACK;

/** Sets a permanent neighbour, in place of any there is for that address. */
export function setNeighbour(neighbour: Neighbour): Uint8Array {
  const flags = acknowledged | NLM_F_CREATE | NLM_F_REPLACE;
  return encodeMessage(k.RTM_NEWNEIGH, flags, (struct, attributes) => {
    writeNeighbour(struct, neighbour);
    attributes.bytes(k.NDA_DST, toBytes(neighbour.address));
    attributes.bytes(k.NDA_LLADDR, macBytes(neighbour.mac));
  });
}

/** Errors: ENOENT. */
export function removeNeighbour(neighbour: Pick<Neighbour, 'link' | 'address'>): Uint8Array {
  return encodeMessage(k.RTM_DELNEIGH, acknowledged, (struct, attributes) => {
    writeNeighbour(struct, neighbour);
    attributes.bytes(k.NDA_DST, toBytes(neighbour.address));
  });
}

/** Adds a permanent entry; several may be there for one hardware address (of which the all-zero one floods to all). */
export function addFdbEntry(entry: FdbEntry): Uint8Array {
  return encodeFdbEntry(k.RTM_NEWNEIGH, acknowledged | NLM_F_CREATE | NLM_F_APPEND, entry);
}

/** Sets the entry of a hardware address, in place of any there is; one that is neither a group's nor all-zero has no more than one. */
export function setFdbEntry(entry: FdbEntry): Uint8Array {
  return encodeFdbEntry(k.RTM_NEWNEIGH, acknowledged | NLM_F_CREATE | NLM_F_REPLACE, entry);
}

/** Without a destination every entry of the address. Errors: ENOENT. */
export function removeFdbEntry(
  entry: Omit<FdbEntry, 'destination'> & { readonly destination?: IpAddress | undefined },
): Uint8Array {
  return encodeFdbEntry(k.RTM_DELNEIGH, acknowledged, entry);
}

/** Sets a static entry, in place of any the bridge has for that address: at another port, or learned. */
export function setPortFdbEntry(entry: PortFdbEntry): Uint8Array {
  return encodePortFdbEntry(k.RTM_NEWNEIGH, acknowledged | NLM_F_CREATE | NLM_F_REPLACE, entry);
}

/** Adds a static entry for an address the bridge has none of. Errors: EEXIST. */
export function addPortFdbEntry(entry: PortFdbEntry): Uint8Array {
  return encodePortFdbEntry(k.RTM_NEWNEIGH, acknowledged | NLM_F_CREATE | NLM_F_EXCL, entry);
}

/** Errors: ENOENT. */
export function removePortFdbEntry(entry: PortFdbEntry): Uint8Array {
  return encodePortFdbEntry(k.RTM_DELNEIGH, acknowledged, entry);
}

/** Asks for the neighbours of one link; to be sent as a dump. */
export function listNeighbours(link: number): Uint8Array {
  return encodeList(k.AF_UNSPEC, link);
}

/** Asks for all FDB entries of a bridge and of its ports, those of a port that is a VXLAN included; to be sent as a dump. */
export function listBridgeFdb(bridge: number): Uint8Array {
  return encodeMessage(k.RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, (struct, attributes) => {
    struct.u32(k.AF_BRIDGE);
    struct.zeros(8);
    attributes.u32(k.NDA_MASTER, bridge);
  });
}

/** Asks for the FDB entries of one VXLAN or of one port of a bridge; to be sent as a dump. */
export function listFdb(link: number): Uint8Array {
  return encodeMessage(k.RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, (struct) => {
    struct.u32(k.AF_BRIDGE);
    struct.u32(link);
    struct.zeros(4);
  });
}

/** The payload of an RTM_NEWNEIGH; undefined for entries that are not resolved. */
export function decodeNeighbour(payload: Uint8Array): Neighbour | undefined {
  const attributes = new Attributes(payload.subarray(structBytes));
  const address = attributes.bytes(k.NDA_DST);
  const mac = decodeMac(attributes.bytes(k.NDA_LLADDR));
  if (address === undefined || mac === undefined) return undefined;
  return { link: viewOf(payload).getInt32(4, littleEndian), address: fromBytes(address), mac };
}

/** As `decodeNeighbour`; undefined also for what the kernel found out by itself. */
export function decodePermanentNeighbour(payload: Uint8Array): Neighbour | undefined {
  return stateOf(payload) === k.NUD_PERMANENT ? decodeNeighbour(payload) : undefined;
}

/** The payload of an RTM_NEWNEIGH of family AF_BRIDGE; undefined for entries without a tunnel endpoint. */
export function decodeFdbEntry(payload: Uint8Array): FdbEntry | undefined {
  const entry = decodeNeighbour(payload);
  return entry === undefined ? undefined : { link: entry.link, mac: entry.mac, destination: entry.address };
}

/** The payload of an RTM_NEWNEIGH of family AF_BRIDGE; undefined for entries that are not static ones of a bridge's port. */
export function decodePortFdbEntry(payload: Uint8Array): PortFdbEntry | undefined {
  // NUD_PERMANENT is an address of the port itself, NUD_REACHABLE alone one that was learned.
  return stateOf(payload) === k.NUD_NOARP ? decodeBridgeFdbEntry(payload) : undefined;
}

/** The payload of an RTM_NEWNEIGH of family AF_BRIDGE; undefined for entries that are not a bridge's. */
export function decodeBridgeFdbEntry(payload: Uint8Array): PortFdbEntry | undefined {
  const attributes = new Attributes(payload.subarray(structBytes));
  const mac = decodeMac(attributes.bytes(k.NDA_LLADDR));
  if (mac === undefined || !attributes.has(k.NDA_MASTER)) return undefined;
  return { link: viewOf(payload).getInt32(4, littleEndian), mac };
}

function stateOf(payload: Uint8Array): number {
  return viewOf(payload).getUint16(8, littleEndian);
}

function encodeList(family: number, link: number): Uint8Array {
  return encodeMessage(k.RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, (struct, attributes) => {
    struct.u32(family);
    struct.zeros(8);
    attributes.u32(k.NDA_IFINDEX, link);
  });
}

function encodeFdbEntry(
  type: number,
  flags: number,
  { link, mac, destination }: Parameters<typeof removeFdbEntry>[0],
): Uint8Array {
  return encodeMessage(type, flags, (struct, attributes) => {
    writeFdbStruct(struct, link, k.NUD_NOARP | k.NUD_PERMANENT, k.NTF_SELF);
    attributes.bytes(k.NDA_LLADDR, macBytes(mac));
    if (destination !== undefined) attributes.bytes(k.NDA_DST, toBytes(destination));
  });
}

function encodePortFdbEntry(type: number, flags: number, entry: PortFdbEntry): Uint8Array {
  return encodeMessage(type, flags, (struct, attributes) => {
    writeFdbStruct(struct, entry.link, k.NUD_NOARP | k.NUD_REACHABLE, k.NTF_MASTER);
    attributes.bytes(k.NDA_LLADDR, macBytes(entry.mac));
  });
}

function writeFdbStruct(struct: ByteWriter, link: number, state: number, flags: number): void {
  struct.u8(k.AF_BRIDGE);
  struct.zeros(3);
  struct.u32(link);
  struct.u16(state);
  struct.u8(flags);
  struct.u8(0);
}

function writeNeighbour(struct: ByteWriter, { link, address }: Pick<Neighbour, 'link' | 'address'>): void {
  struct.u8(addressFamily(familyOf(address)));
  struct.zeros(3);
  struct.u32(link);
  struct.u16(k.NUD_PERMANENT);
  struct.zeros(2);
}
