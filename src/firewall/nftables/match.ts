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

/** `ip daddr . meta l4proto . th dport @set`. */
export function destinationIn(family: Family, set: string): Rule {
  return [...familyIs(family), ...loadDestination(family), { kind: 'lookup', set, from: 0 }];
}

/** `dnat ip to ip daddr . meta l4proto . th dport map @map`, or without the address. */
export function dnatTo(family: Family, key: 'address and port' | 'port', map: string): Rule {
  const load = key === 'port' ? loadPort(0) : loadDestination(family);
  return [
    ...familyIs(family),
    ...load,
    { kind: 'lookup', set: map, from: 0, to: 0 },
    { kind: 'nat', type: 'dnat', family, address: 0, port: addressWords[family] },
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

/** `meta l4proto tcp reject with tcp reset`, and another rule for the rest. */
export function refuse(what: 'tcp' | 'others'): Rule {
  if (what === 'others') return [{ kind: 'reject', with: 'port-unreachable' }];
  return [
    { kind: 'meta', key: 'l4proto', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(IPPROTO_TCP) },
    { kind: 'reject', with: 'tcp reset' },
  ];
}

/** `snat ip to 192.0.2.1`. */
export function snatTo(family: Family, address: IpAddress): Rule {
  return [
    { kind: 'immediate', to: 0, value: toBytes(address) },
    { kind: 'nat', type: 'snat', family, address: 0 },
  ];
}

const IPPROTO_TCP = 6;
/** IPPROTO_ICMP and IPPROTO_ICMPV6. */
const icmpProtocols = { 4: 1, 6: 58 } as const;
/** Byte offsets in the network header (RFC 791, RFC 8200). */
const addressOffsets = { 4: { saddr: 12, daddr: 16 }, 6: { saddr: 8, daddr: 24 } } as const;
/** Registers an address fills. */
const addressWords = { 4: 1, 6: 4 } as const;

function conntrackBits(key: 'state' | 'status', bits: number): Rule {
  return [
    { kind: 'ct', key, to: 0 },
    { kind: 'bitwise', from: 0, to: 0, mask: nativeWord(bits) },
    { kind: 'cmp', from: 0, operator: 'neq', value: nativeWord(0) },
  ];
}

function loadDestination(family: Family): Rule {
  const words = addressWords[family];
  const offsetBytes = addressOffsets[family].daddr;
  return [
    { kind: 'payload', header: 'network', offsetBytes, lengthBytes: words * 4, to: 0 },
    ...loadPort(words),
  ];
}

/** The protocol and the destination port: TCP, UDP and SCTP have it in the same place. */
function loadPort(to: number): Rule {
  return [
    { kind: 'meta', key: 'l4proto', to },
    { kind: 'payload', header: 'transport', offsetBytes: 2, lengthBytes: 2, to: to + 1 },
  ];
}
