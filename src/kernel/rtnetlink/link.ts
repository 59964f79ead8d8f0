// Links: the messages that make, change, find and remove network interfaces.
import { type MacAddress, macBytes } from '../../base/mac.ts';
import { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import { type ByteWriter, littleEndian, viewOf } from '../netlink/byte-writer.ts';
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from '../netlink/message.ts';
import * as k from './constants.ts';
import * as info from './link-info.ts';

export interface LinkSettings {
  readonly name?: string;
  readonly up?: boolean;
  readonly mtuBytes?: number;
  readonly mac?: MacAddress;
  /** Index of the bridge the link becomes a port of; 0 takes it out of its bridge. */
  readonly master?: number;
  readonly group?: number;
  /** Free text, at most 255 bytes. */
  readonly alias?: string;
  /** Whether the kernel gives the link an IPv6 link-local address of its own when it comes up. */
  readonly linkLocal?: boolean;
  readonly bridge?: info.BridgeOptions;
  readonly port?: info.BridgePort;
}

/** One end of a pair, or a link alone. */
export interface NewLinkEnd {
  readonly name: string;
  /** Chosen by the kernel when absent. */
  readonly index?: number;
  readonly mac?: MacAddress;
  readonly mtuBytes?: number;
  /** Namespace the end is made in, as an open descriptor; that of the socket when absent. */
  readonly namespace?: { readonly fd: number };
}

export type NewLinkKind =
  | { readonly kind: 'veth'; readonly peer: NewLinkEnd }
  | { readonly kind: 'bridge'; readonly bridge: info.BridgeOptions }
  | { readonly kind: 'macvlan'; readonly parent: number; readonly mode: info.MacvlanMode }
  | { readonly kind: 'vxlan'; readonly vxlan: info.VxlanOptions }
  /** Sends what is redirected to it, after which that goes on where it came from (filter.ts). */
  | { readonly kind: 'ifb' };

/** The kernel takes no other settings while it makes a link: what else is wanted follows in a `changeLink`. */
export type NewLink = NewLinkEnd & NewLinkKind & Pick<LinkSettings, 'up' | 'master' | 'group'>;

export type LinkRef = { readonly index: number } | { readonly name: string };

export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  /** Up, and the other side of the wire too. */
  readonly carrier: boolean;
  readonly mtuBytes: number;
  readonly mac: MacAddress | undefined;
  readonly master: number | undefined;
  /** Index of the other end of a veth or of a macvlan's parent, in that one's namespace. */
  readonly parent: number | undefined;
  readonly group: number;
  readonly alias: string | undefined;
  readonly info: info.LinkInfo;
  readonly port: info.BridgePort | undefined;
}

// struct ifinfomsg, include/uapi/linux/rtnetlink.h
//   offset  size  field
//   0       1     ifi_family
//   1       1     padding
//   2       2     ifi_type     ARPHRD_…, only from the kernel
//   4       4     ifi_index
//   8       4     ifi_flags    IFF_…
//   12      4     ifi_change   which of the flags a request changes
const structBytes = 16;

const makes = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
const acknowledged = NLM_F_REQUEST | NLM_F_ACK;

/** Errors: EEXIST (name or index taken). */
export function createLink(link: NewLink): Uint8Array {
  return encodeMessage(k.RTM_NEWLINK, makes, (struct, attributes) => {
    writeStruct(struct, link.index, link.up);
    if (link.kind === 'veth') writeQueues(attributes);
    if (link.master !== undefined) attributes.u32(k.IFLA_MASTER, link.master);
    if (link.group !== undefined) attributes.u32(k.IFLA_GROUP, link.group);
    writeEnd(attributes, link);
    if (link.kind === 'macvlan') attributes.u32(k.IFLA_LINK, link.parent);
    attributes.string(k.IFLA_IFNAME, link.name);
    attributes.nested(k.IFLA_LINKINFO, (linkInfo) => {
      linkInfo.bytes(k.IFLA_INFO_KIND, Buffer.from(link.kind));
      if (link.kind !== 'ifb') linkInfo.nested(k.IFLA_INFO_DATA, (data) => writeKind(data, link));
    });
  });
}

/** Errors: ENODEV. */
export function changeLink(link: LinkRef, settings: LinkSettings): Uint8Array {
  return encodeMessage(k.RTM_NEWLINK, acknowledged, (struct, attributes) => {
    writeStruct(struct, 'index' in link ? link.index : 0, settings.up);
    if (settings.mac !== undefined) attributes.bytes(k.IFLA_ADDRESS, macBytes(settings.mac));
    if (settings.mtuBytes !== undefined) attributes.u32(k.IFLA_MTU, settings.mtuBytes);
    const name = 'name' in link ? link.name : settings.name;
    if (name !== undefined) attributes.string(k.IFLA_IFNAME, name);
    if (settings.master !== undefined) attributes.u32(k.IFLA_MASTER, settings.master);
    if (settings.group !== undefined) attributes.u32(k.IFLA_GROUP, settings.group);
    if (settings.alias !== undefined) attributes.bytes(k.IFLA_IFALIAS, Buffer.from(settings.alias));
    if (settings.linkLocal !== undefined) writeLinkLocal(attributes, settings.linkLocal);
    writeInfo(attributes, settings);
  });
}

/** Errors: ENODEV. */
export function removeLink(link: LinkRef): Uint8Array {
  return encodeMessage(k.RTM_DELLINK, acknowledged, (struct, attributes) => {
    writeStruct(struct, 'index' in link ? link.index : 0, undefined);
    if ('name' in link) attributes.string(k.IFLA_IFNAME, link.name);
  });
}

/** Removes every link of a group at once, which costs little more than removing one. Errors: ENODEV when there is none. */
export function removeLinkGroup(group: number): Uint8Array {
  return encodeMessage(k.RTM_DELLINK, acknowledged, (struct, attributes) => {
    writeStruct(struct, 0, undefined);
    attributes.u32(k.IFLA_GROUP, group);
  });
}

/** Asks for one link. Errors: ENODEV. */
export function getLink(link: LinkRef): Uint8Array {
  return encodeMessage(k.RTM_GETLINK, acknowledged, (struct, attributes) => {
    writeStruct(struct, 'index' in link ? link.index : 0, undefined);
    attributes.u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_VF | k.RTEXT_FILTER_SKIP_STATS);
    if ('name' in link) attributes.string(k.IFLA_IFNAME, link.name);
  });
}

/** Asks for all links; to be sent as a dump. */
export function listLinks(): Uint8Array {
  return encodeMessage(k.RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, (struct, attributes) => {
    writeStruct(struct, 0, undefined);
    attributes.u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_SKIP_STATS);
  });
}

/** The payload of an RTM_NEWLINK from the kernel. */
export function decodeLink(payload: Uint8Array): Link {
  const struct = viewOf(payload);
  const flags = struct.getUint32(8, littleEndian);
  const attributes = new Attributes(payload.subarray(structBytes));
  const linkInfo = attributes.nested(k.IFLA_LINKINFO);
  return {
    index: struct.getInt32(4, littleEndian),
    name: attributes.string(k.IFLA_IFNAME) ?? '',
    up: (flags & k.IFF_UP) !== 0,
    carrier: (flags & k.IFF_LOWER_UP) !== 0,
    mtuBytes: attributes.u32(k.IFLA_MTU) ?? 0,
    mac: decodeMac(attributes.bytes(k.IFLA_ADDRESS)),
    master: attributes.u32(k.IFLA_MASTER),
    parent: attributes.u32(k.IFLA_LINK),
    group: attributes.u32(k.IFLA_GROUP) ?? 0,
    alias: attributes.string(k.IFLA_IFALIAS),
    info: info.decodeLinkInfo(linkInfo),
    port: info.decodeBridgePort(linkInfo),
  };
}

/** Undefined for hardware addresses of another length than Ethernet's. */
export function decodeMac(bytes: Uint8Array | undefined): MacAddress | undefined {
  if (bytes?.length !== 6) return undefined;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':') as MacAddress;
}

function writeStruct(struct: ByteWriter, index: number | undefined, up: boolean | undefined): void {
  struct.zeros(4);
  struct.u32(index ?? 0);
  struct.u32(up === true ? k.IFF_UP : 0);
  struct.u32(up === undefined ? 0 : k.IFF_UP);
}

function writeEnd(attributes: AttributeWriter, end: NewLinkEnd): void {
  if (end.mac !== undefined) attributes.bytes(k.IFLA_ADDRESS, macBytes(end.mac));
  if (end.mtuBytes !== undefined) attributes.u32(k.IFLA_MTU, end.mtuBytes);
  if (end.namespace !== undefined) attributes.u32(k.IFLA_NET_NS_FD, end.namespace.fd);
}

function writeKind(data: AttributeWriter, link: NewLink): void {
  if (link.kind === 'bridge') info.encodeBridge(data, link.bridge);
  if (link.kind === 'macvlan') info.encodeMacvlan(data, link.mode);
  if (link.kind === 'vxlan') info.encodeVxlan(data, link.vxlan);
  if (link.kind !== 'veth') return;
  const { peer } = link;
  data.struct(k.VETH_INFO_PEER, (out) => {
    writeStruct(out, peer.index, undefined);
    const attributes = new AttributeWriter(out);
    writeQueues(attributes);
    writeEnd(attributes, peer);
    attributes.string(k.IFLA_IFNAME, peer.name);
  });
}

/** A veth uses one queue anyway; asked for one, the kernel leaves out two waits for an RCU grace period. */
function writeQueues(attributes: AttributeWriter): void {
  attributes.u32(k.IFLA_NUM_TX_QUEUES, 1);
  attributes.u32(k.IFLA_NUM_RX_QUEUES, 1);
}

function writeLinkLocal(attributes: AttributeWriter, linkLocal: boolean): void {
  attributes.nested(k.IFLA_AF_SPEC, (families) =>
    families.nested(k.AF_INET6, (ipv6) =>
      ipv6.u8(k.IFLA_INET6_ADDR_GEN_MODE, linkLocal ? k.IN6_ADDR_GEN_MODE_EUI64 : k.IN6_ADDR_GEN_MODE_NONE),
    ),
  );
}

function writeInfo(attributes: AttributeWriter, { bridge, port }: LinkSettings): void {
  if (bridge === undefined && port === undefined) return;
  attributes.nested(k.IFLA_LINKINFO, (linkInfo) => {
    if (bridge !== undefined) {
      linkInfo.bytes(k.IFLA_INFO_KIND, Buffer.from('bridge'));
      linkInfo.nested(k.IFLA_INFO_DATA, (data) => info.encodeBridge(data, bridge));
    }
    if (port !== undefined) {
      linkInfo.bytes(k.IFLA_INFO_SLAVE_KIND, Buffer.from('bridge'));
      linkInfo.nested(k.IFLA_INFO_SLAVE_DATA, (data) => info.encodeBridgePort(data, port));
    }
  });
}
