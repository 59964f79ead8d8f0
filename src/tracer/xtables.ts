// Matches and targets of iptables as iptables-nft leaves them in rules of nf_tables: binary, in layouts of their own. Pure.
import { fromBytes, type IpAddress } from '../base/cidr.ts';
import { littleEndian, viewOf } from '../kernel/netlink/byte-writer.ts';
import { familyOfPacket, type Packet, protocolNumber } from './packet.ts';

/** Whether the packet is one of those; undefined for a match nobody here knows. */
export function matchHolds(
  match: { readonly name: string; readonly info: Uint8Array },
  packet: Packet,
  addressType: (address: IpAddress) => number,
): boolean | undefined {
  const { name, info } = match;
  if (name === 'comment') return true;
  if (name === 'conntrack') return conntrackHolds(info, packet);
  if (name === 'state') return (viewOf(info).getUint32(0, littleEndian) & stateBit(packet)) !== 0;
  if (name === 'addrtype') return addressTypeHolds(info, packet, addressType);
  if (name === 'tcp' || name === 'udp') return portsHold(name, info, packet);
  if (name === 'multiport') return multiportHolds(info, packet);
  // Rules are made for bursts; a first packet does not exceed them.
  return name === 'limit' ? true : undefined;
}

/** XT_CONNTRACK_STATE_BIT of include/uapi/linux/netfilter/xt_conntrack.h. */
function stateBit({ state }: Packet): number {
  return state === 'new' ? 0x8 : 0x2;
}

// struct xt_conntrack_mtinfo3, include/uapi/linux/netfilter/xt_conntrack.h: 128 bytes of addresses, 8 of expiry,
//   offset  size  field
//   136     2     l4proto
//   138     8     ports
//   146     2     match_flags
//   148     2     invert_flags
//   150     2     state_mask
//   152     2     status_mask
const XT_CONNTRACK_STATE = 1;
const XT_CONNTRACK_PROTO = 2;
const XT_CONNTRACK_STATE_SNAT = 0x40;
const XT_CONNTRACK_STATE_DNAT = 0x80;
/** It is said of states that `--ctstate` was written `-m state`. */
const XT_CONNTRACK_STATE_ALIAS = 1 << 13;

function conntrackHolds(info: Uint8Array, packet: Packet): boolean | undefined {
  if (info.length < 154) return undefined;
  const view = viewOf(info);
  const field = (offset: number) => view.getUint16(offset, littleEndian);
  const [flags, inverted] = [field(146), field(148)];
  if ((flags & ~(XT_CONNTRACK_STATE | XT_CONNTRACK_PROTO | XT_CONNTRACK_STATE_ALIAS)) !== 0) return undefined;
  const { source, destination } = packet.translated;
  const bits =
    stateBit(packet) | (source ? XT_CONNTRACK_STATE_SNAT : 0) | (destination ? XT_CONNTRACK_STATE_DNAT : 0);
  const inState = (field(150) & bits) !== 0;
  if ((flags & XT_CONNTRACK_STATE) !== 0 && inState === ((inverted & XT_CONNTRACK_STATE) !== 0)) return false;
  const isProtocol = field(136) === protocolNumber(packet);
  return (flags & XT_CONNTRACK_PROTO) === 0 || isProtocol !== ((inverted & XT_CONNTRACK_PROTO) !== 0);
}

// struct xt_addrtype_info_v1, include/uapi/linux/netfilter/xt_addrtype.h: two masks of 1 << RTN_…, and flags.
function addressTypeHolds(
  info: Uint8Array,
  { source, destination }: Packet,
  addressType: (address: IpAddress) => number,
): boolean | undefined {
  const view = viewOf(info);
  const [sources, destinations] = [view.getUint16(0, littleEndian), view.getUint16(2, littleEndian)];
  const flags = view.getUint32(4, littleEndian);
  const holds = (mask: number, address: IpAddress, inverted: boolean) =>
    mask === 0 || ((mask & (1 << addressType(address))) !== 0) !== inverted;
  if ((flags & ~3) !== 0) return undefined;
  return holds(sources, source, (flags & 1) !== 0) && holds(destinations, destination, (flags & 2) !== 0);
}

// struct xt_tcp and xt_udp, include/uapi/linux/netfilter/xt_tcpudp.h: two ranges of ports, in xt_tcp an option, a mask and a
// comparison of flags, then which of it is inverted.
function portsHold(name: 'tcp' | 'udp', info: Uint8Array, packet: Packet): boolean | undefined {
  if (packet.protocol !== name) return false;
  const view = viewOf(info);
  const field = (offset: number) => view.getUint16(offset, littleEndian);
  const inverted = info[name === 'tcp' ? 11 : 8] ?? 0;
  const source = inRange(packet.sourcePort, field(0), field(2), (inverted & 1) !== 0);
  const destination = inRange(packet.destinationPort, field(4), field(6), (inverted & 2) !== 0);
  const flags = packet.state === 'new' ? 0x02 : 0x12;
  const flagsHold =
    name === 'udp' || ((flags & (info[9] ?? 0)) === (info[10] ?? 0)) !== ((inverted & 4) !== 0);
  if (source === false || destination === false || !flagsHold) return false;
  return source === undefined || destination === undefined ? undefined : true;
}

// struct xt_multiport_v1: 0 source, 1 destination, 2 either; a count, 15 ports, a byte for each that begins a range, inversion.
function multiportHolds(info: Uint8Array, packet: Packet): boolean | undefined {
  const view = viewOf(info);
  const [which = 0, count = 0] = info;
  if (which !== 1 || packet.destinationPort === undefined) return undefined;
  let holds = false;
  for (let i = 0; i < count; i++) {
    const first = view.getUint16(2 + i * 2, littleEndian);
    const isRange = info[32 + i] === 1;
    const last = isRange ? view.getUint16(4 + i++ * 2, littleEndian) : first;
    holds ||= packet.destinationPort >= first && packet.destinationPort <= last;
  }
  return holds !== (info[47] === 1);
}

function inRange(
  port: number | undefined,
  first: number,
  last: number,
  inverted: boolean,
): boolean | undefined {
  if (first === 0 && last === 0xffff) return !inverted;
  return port === undefined ? undefined : (port >= first && port <= last) !== inverted;
}

/** What becomes of the packet by a target. */
export type TargetEffect =
  | { readonly kind: 'none' }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'masquerade' }
  | { readonly kind: 'redirect'; readonly port?: number }
  | {
      readonly kind: 'translate';
      readonly which: 'source' | 'destination';
      readonly address?: IpAddress;
      readonly port?: number;
    };

const neutralTargets = new Set(
  'LOG NFLOG TRACE MARK CONNMARK CT NOTRACK CHECKSUM TCPMSS TTL HL DSCP TOS CLASSIFY SECMARK CONNSECMARK SET TCPOPTSTRIP'.split(
    ' ',
  ),
);

/** Undefined for a target nobody here knows. */
export function targetEffect(name: string, info: Uint8Array, packet: Packet): TargetEffect | undefined {
  if (neutralTargets.has(name)) return { kind: 'none' };
  if (name === 'REJECT') return { kind: 'refuse' };
  if (name === 'MASQUERADE') return { kind: 'masquerade' };
  const range = decodeRange(info, packet);
  if (name === 'REDIRECT')
    return { kind: 'redirect', ...(range?.port !== undefined && { port: range.port }) };
  if (name === 'DNAT') return { kind: 'translate', which: 'destination', ...range };
  return name === 'SNAT' ? { kind: 'translate', which: 'source', ...range } : undefined;
}

const NF_NAT_RANGE_MAP_IPS = 1;
const NF_NAT_RANGE_PROTO_SPECIFIED = 2;
const NF_NAT_RANGE_PROTO_OFFSET = 0x20;

// struct nf_nat_range2, include/uapi/linux/netfilter/nf_nat.h; nf_nat_range ends before base_proto.
//   offset  size  field
//   0       4     flags
//   4       32    first and last address
//   36      6     first, last and base port, big-endian
// Older ones of IPv4, 24 bytes: a count, flags, first and last address, first and last port.
function decodeRange(
  info: Uint8Array,
  packet: Packet,
): { readonly address?: IpAddress; readonly port?: number } | undefined {
  const view = viewOf(info);
  const isOld = info.length <= 24;
  if (info.length < 20) return undefined;
  const flags = view.getUint32(isOld ? 4 : 0, littleEndian);
  const bytes = familyOfPacket(packet) === 4 ? 4 : 16;
  const start = isOld ? 8 : 4;
  const portAt = isOld ? 16 : 36;
  const first = view.getUint16(portAt);
  const offset =
    (flags & NF_NAT_RANGE_PROTO_OFFSET) !== 0 && packet.destinationPort !== undefined
      ? packet.destinationPort - view.getUint16(portAt + 4)
      : 0;
  return {
    ...((flags & NF_NAT_RANGE_MAP_IPS) !== 0 && { address: fromBytes(info.subarray(start, start + bytes)) }),
    ...((flags & NF_NAT_RANGE_PROTO_SPECIFIED) !== 0 && { port: first + offset }),
  };
}
