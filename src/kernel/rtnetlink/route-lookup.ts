// Asking the kernel which way a packet takes: the route it finds for one packet, and the entry of a table that decided.
import { familyOf, fromBytes, type IpAddress, toBytes } from '../../base/cidr.ts';
import { Attributes, type AttributeWriter } from '../netlink/attribute.ts';
import { NetlinkError } from '../netlink/error.ts';
import { decodeMessage, encodeMessage, NLM_F_REQUEST } from '../netlink/message.ts';
import type { Namespace } from '../netns.ts';
import { type RequestStep, runProgram } from '../program.ts';
import * as k from './constants.ts';
import { addressFamily, decodeRoute, type Route } from './route.ts';

/** As much of a packet as routing looks at. */
export interface RoutedPacket {
  readonly destination: IpAddress;
  /** Chosen by the kernel when absent, where nothing came in by a link. */
  readonly source?: IpAddress | undefined;
  /** Index of the link it came in by; absent of one the namespace itself sends. */
  readonly comesBy?: number | undefined;
  /** IPPROTO_…, and ports where it has them. */
  readonly protocol?: number | undefined;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
}

export interface FoundRoute {
  /** RTN_…: RTN_LOCAL when the packet is for the namespace itself. */
  readonly type: number;
  /** Index of the link it leaves by. */
  readonly link: number | undefined;
  readonly gateway: IpAddress | undefined;
  /** The source address a packet gets that has none yet. */
  readonly source: IpAddress | undefined;
  /** The entry that decided; undefined where the kernel does not tell. */
  readonly entry: Route | undefined;
}

/** sizeof(struct rtmsg), see route.ts. */
const structBytes = 12;

/**
 * The route of one packet in a namespace, or the name of the error the packet meets: `ENETUNREACH`, `EHOSTUNREACH`, `EACCES`
 * (prohibited), `EINVAL` or `EXDEV` (a source address that cannot come by this link). The kernel's own answer, by all its
 * rules and tables. Errors: NetlinkError with other codes.
 */
export async function lookUpRoute(packet: RoutedPacket, namespace?: Namespace): Promise<FoundRoute | string> {
  const socket = namespace === undefined ? 'host' : 'namespace';
  const step = (flags: number): RequestStep => ({ socket, message: encodeLookup(packet, flags), acks: 0 });
  try {
    const [found] = await runProgram([step(0)], namespace);
    const [message] = found?.messages ?? [];
    if (message === undefined) return 'ENETUNREACH';
    return { ...decodeFound(message), entry: await matchedEntry(step(k.RTM_F_FIB_MATCH), namespace) };
  } catch (error) {
    if (error instanceof NetlinkError && meant.has(error.code)) return error.code;
    throw error;
  }
}

const meant = new Set([
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EACCES',
  'EINVAL',
  'EXDEV',
  'ENETDOWN',
  'EADDRNOTAVAIL',
]);

/** The kernel does not tell it of every packet (of local ones over IPv6, for example), and need not. */
async function matchedEntry(step: RequestStep, namespace: Namespace | undefined): Promise<Route | undefined> {
  try {
    const [found] = await runProgram([step], namespace);
    const [message] = found?.messages ?? [];
    return message === undefined ? undefined : decodeRoute(decodeMessage(message).payload);
  } catch (error) {
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

function encodeLookup(packet: RoutedPacket, flags: number): Uint8Array {
  const { destination, source, comesBy } = packet;
  const family = familyOf(destination);
  const bits = family === 4 ? 32 : 128;
  return encodeMessage(k.RTM_GETROUTE, NLM_F_REQUEST, (struct, attributes) => {
    struct.u8(addressFamily(family));
    struct.u8(bits);
    struct.u8(source === undefined ? 0 : bits);
    struct.zeros(5);
    struct.u32(flags);
    attributes.bytes(k.RTA_DST, toBytes(destination));
    if (source !== undefined) attributes.bytes(k.RTA_SRC, toBytes(source));
    if (comesBy !== undefined) attributes.u32(k.RTA_IIF, comesBy);
    writePorts(attributes, packet);
  });
}

/** The kernel takes no other protocols here (rtm_getroute_parse_ip_proto, net/ipv4/ip_tunnel_core.c). */
const routedProtocols = new Set([1, 6, 17, 58]);

function writePorts(attributes: AttributeWriter, packet: RoutedPacket): void {
  const { protocol, sourcePort, destinationPort } = packet;
  if (protocol === undefined || !routedProtocols.has(protocol)) return;
  attributes.u8(k.RTA_IP_PROTO, protocol);
  if (protocol !== 6 && protocol !== 17) return;
  if (sourcePort !== undefined) attributes.be16(k.RTA_SPORT, sourcePort);
  if (destinationPort !== undefined) attributes.be16(k.RTA_DPORT, destinationPort);
}

function decodeFound(message: Uint8Array): Omit<FoundRoute, 'entry'> {
  const { payload } = decodeMessage(message);
  const attributes = new Attributes(payload.subarray(structBytes));
  const { type, link, gateway } = decodeRoute(payload);
  const source = attributes.bytes(k.RTA_PREFSRC);
  return { type, link, gateway, source: source === undefined ? undefined : fromBytes(source) };
}
