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
  /** Takes frames for every hardware address. */
  readonly promiscuous?: boolean;
  /** Takes frames for every multicast address. */
  readonly allMulticast?: boolean;
  /** How many packets wait at most, for qdiscs made from now on that go by it. */
  readonly txQueueLength?: number;
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

interface Ifinfomsg extends Pick<LinkSettings, 'up' | 'promiscuous' | 'allMulticast'> {
  readonly family?: number;
  readonly index?: number;
}

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
  /** Which namespace `parent` is in, as numbered in the link's own (`namespaceId`); undefined when it is that one itself. */
  readonly parentNamespace: number | undefined;
  readonly group: number;
  /** As somebody has set it. A port of a bridge takes every frame without this; IFLA_PROMISCUITY counts both. */
  readonly promiscuous: boolean;
  readonly allMulticast: boolean;
  readonly txQueueLength: number;
  readonly alias: string | undefined;
  readonly info: info.LinkInfo;
  readonly port: Required<info.BridgePort> | undefined;
}

// struct ifinfomsg, include/uapi/linux/rtnetlink.h
//   offset  size  field
//   0       1     ifi_family
//   1       1     padding
//   2       2     ifi_type     ARPHRD_…, only from the kernel
//   4       4     ifi_index
//   8       4     ifi_flags    IFF_…
//   12      4     ifi_change   which of the flags a request changes
export const ifinfomsgBytes = 16;

const makes = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
const acknowledged = NLM_F_REQUEST | NLM_F_ACK;

/** Errors: EEXIST (name or index taken). */
export function createLink(link: NewLink): Uint8Array {
  return encodeMessage(k.RTM_NEWLINK, makes, (struct, attributes) => {
    writeIfinfomsg(struct, link);
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
    writeIfinfomsg(struct, { ...settings, ...indexOf(link) });
    if (settings.mac !== undefined) attributes.bytes(k.IFLA_ADDRESS, macBytes(settings.mac));
    if (settings.mtuBytes !== undefined) attributes.u32(k.IFLA_MTU, settings.mtuBytes);
    const name = 'name' in link ? link.name : settings.name;
    if (name !== undefined) attributes.string(k.IFLA_IFNAME, name);
    if (settings.master !== undefined) attributes.u32(k.IFLA_MASTER, settings.master);
    if (settings.group !== undefined) attributes.u32(k.IFLA_GROUP, settings.group);
    if (settings.txQueueLength !== undefined) attributes.u32(k.IFLA_TXQLEN, settings.txQueueLength);
    if (settings.alias !== undefined) attributes.bytes(k.IFLA_IFALIAS, Buffer.from(settings.alias));
    if (settings.linkLocal !== undefined) writeLinkLocal(attributes, settings.linkLocal);
    writeInfo(attributes, settings);
  });
}

/** Errors: ENODEV. */
export function removeLink(link: LinkRef): Uint8Array {
  return encodeMessage(k.RTM_DELLINK, acknowledged, (struct, attributes) => {
    writeIfinfomsg(struct, indexOf(link));
    if ('name' in link) attributes.string(k.IFLA_IFNAME, link.name);
  });
}

/** Removes every link of a group at once, which costs little more than removing one. Errors: ENODEV when there is none. */
export function removeLinkGroup(group: number): Uint8Array {
  return encodeMessage(k.RTM_DELLINK, acknowledged, (struct, attributes) => {
    writeIfinfomsg(struct, {});
    attributes.u32(k.IFLA_GROUP, group);
  });
}

/** Asks for one link. Errors: ENODEV. */
export function getLink(link: LinkRef): Uint8Array {
  return encodeMessage(k.RTM_GETLINK, acknowledged, (struct, attributes) => {
    writeIfinfomsg(struct, indexOf(link));
    attributes.u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_VF | k.RTEXT_FILTER_SKIP_STATS);
    if ('name' in link) attributes.string(k.IFLA_IFNAME, link.name);
  });
}

/** Asks for all links; to be sent as a dump. */
export function listLinks(): Uint8Array {
  return encodeMessage(k.RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, (struct, attributes) => {
    writeIfinfomsg(struct, {});
    attributes.u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_SKIP_STATS);
  });
}

/** The payload of an RTM_NEWLINK from the kernel. */
export function decodeLink(payload: Uint8Array): Link {
  const struct = viewOf(payload);
  const flags = struct.getUint32(8, littleEndian);
  const attributes = new Attributes(payload.subarray(ifinfomsgBytes));
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
    parentNamespace: attributes.i32(k.IFLA_LINK_NETNSID),
    group: attributes.u32(k.IFLA_GROUP) ?? 0,
    promiscuous: (flags & k.IFF_PROMISC) !== 0,
    allMulticast: (flags & k.IFF_ALLMULTI) !== 0,
    txQueueLength: attributes.u32(k.IFLA_TXQLEN) ?? 0,
    alias: attributes.string(k.IFLA_IFALIAS),
    info: info.decodeLinkInfo(linkInfo),
    port: info.decodeBridgePort(linkInfo),
  };
}

/** Writes a struct ifinfomsg. Flags that are not given stay as they are. */
export function writeIfinfomsg(struct: ByteWriter, { family, index, ...settings }: Ifinfomsg): void {
  let flags = 0;
  let change = 0;
  for (const [flag, on] of [
    [k.IFF_UP, settings.up],
    [k.IFF_PROMISC, settings.promiscuous],
    [k.IFF_ALLMULTI, settings.allMulticast],
  ] as const) {
    if (on === true) flags |= flag;
    if (on !== undefined) change |= flag;
  }
  struct.u32(family ?? k.AF_UNSPEC);
  struct.u32(index ?? 0);
  struct.u32(flags);
  struct.u32(change);
}

/** What tells whether a link still serves: of most announcements nothing else is looked at. */
export type LinkState = Pick<Link, 'index' | 'name' | 'up' | 'master' | 'parent' | 'parentNamespace'>;

/** The payload of an RTM_NEWLINK or RTM_DELLINK. */
export function decodeLinkState(payload: Uint8Array): LinkState {
  const struct = viewOf(payload);
  const attributes = new Attributes(payload.subarray(ifinfomsgBytes));
  return {
    index: struct.getInt32(4, littleEndian),
    name: attributes.string(k.IFLA_IFNAME) ?? '',
    up: (struct.getUint32(8, littleEndian) & k.IFF_UP) !== 0,
    master: attributes.u32(k.IFLA_MASTER),
    parent: attributes.u32(k.IFLA_LINK),
    parentNamespace: attributes.i32(k.IFLA_LINK_NETNSID),
  };
}

/** What a bridge announces of one of its ports. */
export interface PortState extends Pick<info.BridgePort, 'isolated' | 'hairpin'> {
  readonly index: number;
}

/** The payload of an RTM_NEWLINK of family AF_BRIDGE; undefined where it says nothing of that. */
export function decodePortState(payload: Uint8Array): PortState | undefined {
  const port = new Attributes(payload.subarray(ifinfomsgBytes)).nested(k.IFLA_PROTINFO);
  const isolated = port?.u8(k.IFLA_BRPORT_ISOLATED);
  const hairpin = port?.u8(k.IFLA_BRPORT_MODE);
  if (isolated === undefined || hairpin === undefined) return undefined;
  return {
    index: viewOf(payload).getInt32(4, littleEndian),
    isolated: isolated === 1,
    hairpin: hairpin === 1,
  };
}

/** Undefined for hardware addresses of another length than Ethernet's. */
export function decodeMac(bytes: Uint8Array | undefined): MacAddress | undefined {
  if (bytes?.length !== 6) return undefined;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':') as MacAddress;
}

/** A link that is named has index 0. */
function indexOf(link: { readonly index?: number } | { readonly name: string }): { index?: number } {
  return 'index' in link && link.index !== undefined ? { index: link.index } : {};
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
    writeIfinfomsg(out, indexOf(peer));
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
