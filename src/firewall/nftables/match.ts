// Pieces of rules: what a rule asks of a packet and does with it, in words close to nft's own.
import {
  type Cidr,
  familyBits,
  type IpAddress,
  prefixOf,
  rangeOf,
  toBytes,
  toIpAddress,
} from '../../base/cidr.ts';
import { NFPROTO_IPV4, NFPROTO_IPV6 } from '../../kernel/nftables/constants.ts';
import { ctState, IPS_DST_NAT } from '../../kernel/nftables/expression/ct.ts';
import type { Expression } from '../../kernel/nftables/expression/expression.ts';
import { TCPOPT_MAXSEG } from '../../kernel/nftables/expression/exthdr.ts';
import { RTN_LOCAL } from '../../kernel/nftables/expression/fib.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { Verdict } from '../../kernel/nftables/verdict.ts';
import { ifnameBytes, nativeWord } from './key.ts';

export type Family = 4 | 6;
type Interface = 'iifname' | 'oifname';

/** One rule of several pieces. */
export function rule(...pieces: readonly Rule[]): Rule {
  return pieces.flat();
}

export function verdict(value: Verdict): Rule {
  return [{ kind: 'immediate', verdict: value }];
}

/** `iifname "lo"`, `oifname != "br0"`. */
export function interfaceIs(which: Interface, name: string, operator: 'eq' | 'neq' = 'eq'): Rule {
  return [
    { kind: 'meta', key: which, to: 0 },
    { kind: 'cmp', from: 0, operator, value: ifnameBytes(name) },
  ];
}

/** `iifname @set`. */
export function interfaceIn(which: Interface, set: string): Rule {
  return [
    { kind: 'meta', key: which, to: 0 },
    { kind: 'lookup', set, from: 0 },
  ];
}

/** `iifname vmap @map`. */
export function interfaceVerdict(which: Interface, map: string): Rule {
  return [
    { kind: 'meta', key: which, to: 0 },
    { kind: 'lookup', set: map, from: 0, to: 'verdict' },
  ];
}

/** `meta nfproto ipv4`. */
export function familyIs(family: Family): Rule {
  const value = Uint8Array.of(family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
  return [
    { kind: 'meta', key: 'nfproto', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value },
  ];
}

/** `ip saddr 127.0.0.0/8`. */
export function addressIn(which: 'saddr' | 'daddr', subnet: Cidr): Rule {
  const { family, first } = rangeOf(subnet);
  const prefix = prefixOf(subnet);
  const lengthBytes = prefix % 8 === 0 ? prefix / 8 : familyBits(family) / 8;
  const value = toBytes(toIpAddress(first, family)).subarray(0, lengthBytes);
  const mask = value.map((_, i) => 0xff << Math.min(8, Math.max(0, (i + 1) * 8 - prefix)));
  return [
    ...familyIs(family),
    { kind: 'payload', header: 'network', offsetBytes: addressOffsets[family][which], lengthBytes, to: 0 },
    ...(prefix % 8 === 0 ? [] : [{ kind: 'bitwise', from: 0, to: 0, mask } as const]),
    { kind: 'cmp', from: 0, operator: 'eq', value },
  ];
}

/** `ct state established,related`. */
export function stateIs(...states: readonly (keyof typeof ctState)[]): Rule {
  return conntrackBits(
    'state',
    states.reduce((bits, state) => bits | ctState[state], 0),
  );
}

/** `ct status dnat`: the connection was made to a published port. */
export function published(): Rule {
  return conntrackBits('status', IPS_DST_NAT);
}

/** `fib daddr type local`: the packet is for an address of the host. */
export function toHost(): Rule {
  return [
    { kind: 'fib', result: 'daddr type', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: nativeWord(RTN_LOCAL) },
  ];
}

/** `ct status ! dnat`: the connection was made to where it goes. */
export function notPublished(): Rule {
  return conntrackBits('status', IPS_DST_NAT, 'eq');
}

/** `ip daddr . meta l4proto . th dport @set`. */
export function destinationIn(family: Family, set: string): Rule {
  return [...familyIs(family), ...loadDestination(family, 0), { kind: 'lookup', set, from: 0 }];
}

/** `ip saddr . ip daddr . meta l4proto . th dport @set`. */
export function connectionIn(family: Family, set: string): Rule {
  return [...familyIs(family), ...loadConnection(family), { kind: 'lookup', set, from: 0 }];
}

/** `ip saddr . ip daddr . meta l4proto . th dport vmap @map`. */
export function connectionVerdict(family: Family, map: string): Rule {
  return [
    ...familyIs(family),
    ...loadConnection(family),
    { kind: 'lookup', set: map, from: 0, to: 'verdict' },
  ];
}

/** `ct original ip daddr . meta l4proto . th dport @set`: the address of the host that was asked, where ports are kept. */
export function originalDestinationIn(family: Family, set: string): Rule {
  const key = family === 4 ? 'original ip daddr' : 'original ip6 daddr';
  return [
    ...familyIs(family),
    { kind: 'ct', key, to: 0 },
    ...loadPort(addressWords[family]),
    { kind: 'lookup', set, from: 0 },
  ];
}

/**
 * `dnat ip to ip saddr . ip daddr . meta l4proto . th dport map @map`, or as much of that as is asked for. Where the map has
 * addresses alone, ports are kept.
 */
export function dnatTo(
  family: Family,
  key: 'connection' | 'address and port' | 'port',
  { map, keepPort = false }: { readonly map: string; readonly keepPort?: boolean },
): Rule {
  const load = {
    connection: () => loadConnection(family),
    'address and port': () => loadDestination(family, 0),
    port: () => loadPort(0),
  }[key];
  return [
    ...familyIs(family),
    ...load(),
    { kind: 'lookup', set: map, from: 0, to: 0 },
    { kind: 'nat', type: 'dnat', family, address: 0, ...(!keepPort && { port: addressWords[family] }) },
  ];
}

/** `tcp flags syn / syn,rst`: a packet that begins a TCP connection, or the answer to it. */
export function beginsTcp(): Rule {
  return [
    { kind: 'meta', key: 'l4proto', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(IPPROTO_TCP) },
    { kind: 'payload', header: 'transport', offsetBytes: tcpFlagsOffset, lengthBytes: 1, to: 0 },
    { kind: 'bitwise', from: 0, to: 0, mask: Uint8Array.of(TCP_SYN | TCP_RST) },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(TCP_SYN) },
  ];
}

/** `tcp option maxseg size set rt mtu`. */
export function fitSegmentSize(): Rule {
  return [
    { kind: 'rt', key: 'tcp mss', to: 0 },
    { kind: 'byteorder', from: 0, to: 0, lengthBytes: 2 },
    { kind: 'exthdr', option: TCPOPT_MAXSEG, offsetBytes: 2, lengthBytes: 2, from: 0 },
  ];
}

/** `meta l4proto icmp`, or ICMPv6. */
export function isIcmp(family: Family): Rule {
  return [
    ...familyIs(family),
    { kind: 'meta', key: 'l4proto', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(icmpProtocols[family]) },
  ];
}

export function masquerade(): Rule {
  return [{ kind: 'masq' }];
}

/** `snat ip to 192.0.2.1`. */
export function snatTo(family: Family, address: IpAddress): Rule {
  return [
    { kind: 'immediate', to: 0, value: toBytes(address) },
    { kind: 'nat', type: 'snat', family, address: 0 },
  ];
}

const IPPROTO_TCP = 6;
/** The byte of flags in TCP's header, and flags in it (RFC 9293, section 3.1). */
const tcpFlagsOffset = 13;
const TCP_SYN = 0x02;
const TCP_RST = 0x04;
/** IPPROTO_ICMP and IPPROTO_ICMPV6. */
const icmpProtocols = { 4: 1, 6: 58 } as const;
/** Byte offsets in the network header (RFC 791, RFC 8200). */
const addressOffsets = { 4: { saddr: 12, daddr: 16 }, 6: { saddr: 8, daddr: 24 } } as const;
/** Registers an address fills. */
const addressWords = { 4: 1, 6: 4 } as const;

/** Whether any of the bits is set, or none for `eq`. */
function conntrackBits(key: 'state' | 'status', bits: number, operator: 'neq' | 'eq' = 'neq'): Rule {
  return [
    { kind: 'ct', key, to: 0 },
    { kind: 'bitwise', from: 0, to: 0, mask: nativeWord(bits) },
    { kind: 'cmp', from: 0, operator, value: nativeWord(0) },
  ];
}

/** From that word on. */
function loadDestination(family: Family, to: number): Rule {
  return [loadAddress(family, 'daddr', to), ...loadPort(to + addressWords[family])];
}

function loadConnection(family: Family): Rule {
  return [loadAddress(family, 'saddr', 0), ...loadDestination(family, addressWords[family])];
}

function loadAddress(family: Family, which: 'saddr' | 'daddr', to: number): Expression {
  const offsetBytes = addressOffsets[family][which];
  return { kind: 'payload', header: 'network', offsetBytes, lengthBytes: addressWords[family] * 4, to };
}

/** The protocol and the destination port: TCP, UDP and SCTP have it in the same place. */
function loadPort(to: number): Rule {
  return [
    { kind: 'meta', key: 'l4proto', to },
    { kind: 'payload', header: 'transport', offsetBytes: 2, lengthBytes: 2, to: to + 1 },
  ];
}
