// Routes of all tables.
import {
  type Cidr,
  familyBits,
  fromBytes,
  type IpAddress,
  type IpFamily,
  prefixOf,
  toBytes,
  toCidr,
  toInteger,
} from '../../base/cidr.ts';
import { Attributes, type AttributeWriter } from '../netlink/attribute.ts';
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

export interface RouteSpec {
  readonly family: IpFamily;
  /** The default route when absent. */
  readonly destination?: Cidr;
  /** On-link when absent. */
  readonly gateway?: IpAddress;
  /** Index of the link. */
  readonly link?: number;
  /** Main when absent. */
  readonly table?: number;
  readonly metric?: number;
  /** Who made it (RTPROT_…): RTPROT_STATIC when absent. */
  readonly protocol?: number;
  /** RTN_…: RTN_UNICAST when absent. */
  readonly type?: number;
  /** How far away the destination is (RT_SCOPE_…): when absent, by gateway and type. IPv6 has only RT_SCOPE_UNIVERSE. */
  readonly scope?: number;
  /** The link's when absent. */
  readonly mtuBytes?: number;
  /** The largest segment told to the other end of a TCP connection; by the MTU when absent. */
  readonly advertisedMssBytes?: number;
}

export type Route = RouteSpec & {
  readonly table: number;
  readonly protocol: number;
  readonly type: number;
  readonly scope: number;
  /** Has several next hops; `link` is then that of the first and `gateway` absent. */
  readonly multipath: boolean;
};

// struct rtmsg, include/uapi/linux/rtnetlink.h
//   offset  size  field
//   0       1     rtm_family
//   1       1     rtm_dst_len
//   2       1     rtm_src_len
//   3       1     rtm_tos
//   4       1     rtm_table      RT_TABLE_UNSPEC when the number needs RTA_TABLE
//   5       1     rtm_protocol   RTPROT_…
//   6       1     rtm_scope      RT_SCOPE_…
//   7       1     rtm_type       RTN_…
//   8       4     rtm_flags
const structBytes = 12;

const acknowledged = NLM_F_REQUEST | NLM_F_ACK;

/** Errors: EEXIST. */
export function addRoute(route: RouteSpec): Uint8Array {
  return encodeRoute(k.RTM_NEWROUTE, acknowledged | NLM_F_CREATE | NLM_F_EXCL, route);
}

/** Adds a route in place of one with the same destination and metric. */
export function replaceRoute(route: RouteSpec): Uint8Array {
  return encodeRoute(k.RTM_NEWROUTE, acknowledged | NLM_F_CREATE | NLM_F_REPLACE, route);
}

/** Adds a route behind those with the same destination and metric, which go on to be used first. Errors: EEXIST for the same once more. */
export function appendRoute(route: RouteSpec): Uint8Array {
  return encodeRoute(k.RTM_NEWROUTE, acknowledged | NLM_F_CREATE | NLM_F_APPEND, route);
}

/** Removes the first route that has everything the specification names. Errors: ESRCH when there is none. */
export function removeRoute(route: RouteSpec): Uint8Array {
  return encodeMessage(k.RTM_DELROUTE, acknowledged, (struct, attributes) => {
    writeStruct(struct, { protocol: k.RTPROT_UNSPEC, type: k.RTN_UNSPEC, ...route }, k.RT_SCOPE_NOWHERE);
    writeAttributes(attributes, route);
  });
}

/** Asks for the routes of all tables in one family; to be sent as a dump. */
export function listRoutes(family: IpFamily): Uint8Array {
  return encodeMessage(k.RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, (struct) => {
    struct.u8(addressFamily(family));
    struct.zeros(structBytes - 1);
  });
}

/** The payload of an RTM_NEWROUTE. */
export function decodeRoute(payload: Uint8Array): Route {
  const [rtmFamily, length = 0, , , table = 0, protocol = 0, scope = 0, type = 0] = payload;
  const family = rtmFamily === k.AF_INET6 ? 6 : 4;
  const attributes = new Attributes(payload.subarray(structBytes));
  const destination = attributes.bytes(k.RTA_DST);
  const gateway = attributes.bytes(k.RTA_GATEWAY);
  const nextHops = attributes.bytes(k.RTA_MULTIPATH);
  const link = nextHops === undefined ? attributes.u32(k.RTA_OIF) : firstLink(nextHops);
  const metric = attributes.u32(k.RTA_PRIORITY);
  const metrics = attributes.nested(k.RTA_METRICS);
  const mtuBytes = metrics?.u32(k.RTAX_MTU);
  const advertisedMssBytes = metrics?.u32(k.RTAX_ADVMSS);
  return {
    family,
    ...(length > 0 && destination !== undefined && { destination: cidr(destination, length, family) }),
    ...(gateway !== undefined && { gateway: fromBytes(gateway) }),
    ...(link !== undefined && { link }),
    ...(metric !== undefined && { metric }),
    ...(mtuBytes !== undefined && { mtuBytes }),
    ...(advertisedMssBytes !== undefined && { advertisedMssBytes }),
    table: attributes.u32(k.RTA_TABLE) ?? table,
    protocol,
    type,
    scope,
    multipath: nextHops !== undefined,
  };
}

// struct rtnexthop, include/uapi/linux/rtnetlink.h
//   offset  size  field
//   0       2     rtnh_len
//   2       1     rtnh_flags
//   3       1     rtnh_hops
//   4       4     rtnh_ifindex
function firstLink(nextHops: Uint8Array): number {
  return viewOf(nextHops).getInt32(4, littleEndian);
}

/** The family as rtnetlink numbers it. */
export function addressFamily(family: IpFamily): number {
  return family === 4 ? k.AF_INET : k.AF_INET6;
}

function encodeRoute(type: number, flags: number, route: RouteSpec): Uint8Array {
  return encodeMessage(type, flags, (struct, attributes) => {
    const local = route.gateway !== undefined || route.family === 6 || (route.type ?? 1) > k.RTN_BROADCAST;
    writeStruct(struct, route, local ? k.RT_SCOPE_UNIVERSE : k.RT_SCOPE_LINK);
    writeAttributes(attributes, route);
  });
}

function writeStruct(struct: ByteWriter, route: RouteSpec, scope: number): void {
  const table = route.table ?? k.RT_TABLE_MAIN;
  struct.u8(addressFamily(route.family));
  struct.u8(route.destination === undefined ? 0 : prefixOf(route.destination));
  struct.zeros(2);
  struct.u8(table < 256 ? table : k.RT_TABLE_UNSPEC);
  struct.u8(route.protocol ?? k.RTPROT_STATIC);
  struct.u8(route.scope ?? scope);
  struct.u8(route.type ?? k.RTN_UNICAST);
  struct.u32(0);
}

function writeAttributes(attributes: AttributeWriter, route: RouteSpec): void {
  const { destination, gateway, link, table, metric } = route;
  if (destination !== undefined) attributes.bytes(k.RTA_DST, networkBytes(destination));
  if (gateway !== undefined) attributes.bytes(k.RTA_GATEWAY, toBytes(gateway));
  if (table !== undefined && table > 255) attributes.u32(k.RTA_TABLE, table);
  if (metric !== undefined) attributes.u32(k.RTA_PRIORITY, metric);
  if (link !== undefined) attributes.u32(k.RTA_OIF, link);
  writeMetrics(attributes, route);
}

function writeMetrics(attributes: AttributeWriter, { mtuBytes, advertisedMssBytes }: RouteSpec): void {
  if (mtuBytes === undefined && advertisedMssBytes === undefined) return;
  attributes.nested(k.RTA_METRICS, (metrics) => {
    if (mtuBytes !== undefined) metrics.u32(k.RTAX_MTU, mtuBytes);
    if (advertisedMssBytes !== undefined) metrics.u32(k.RTAX_ADVMSS, advertisedMssBytes);
  });
}

/** The address part of a subnet. */
export function networkBytes(subnet: Cidr): Uint8Array {
  return toBytes(subnet.slice(0, subnet.indexOf('/')) as IpAddress);
}

/** A subnet of an attribute's bytes, which the kernel may have cut after the prefix. */
export function cidr(bytes: Uint8Array, length: number, family: IpFamily): Cidr {
  const whole = new Uint8Array(familyBits(family) / 8);
  whole.set(bytes);
  return toCidr(toInteger(fromBytes(whole)), length, family);
}
