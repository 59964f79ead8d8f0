// Pieces of rules about frames on a bridge: what a rule asks of one, in words close to nft's own.
import type { Meta } from '../../kernel/nftables/expression/meta.ts';
import type { Payload } from '../../kernel/nftables/expression/payload.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import { verdict } from '../nftables/match.ts';

/** What a frame carries: EtherTypes, include/uapi/linux/if_ether.h. A first VLAN tag is looked past. */
const protocols = {
  ip: [0x08, 0x00],
  arp: [0x08, 0x06],
  ip6: [0x86, 0xdd],
  '8021q': [0x81, 0x00],
  '8021ad': [0x88, 0xa8],
} as const;

type Place = Pick<Payload, 'header' | 'offsetBytes' | 'lengthBytes'>;

// Where fields are: IEEE 802.3, RFC 791, RFC 8200, RFC 826 (with addresses of six and four bytes, the only ones Linux takes:
// arp_rcv() of net/ipv4/arp.c), RFC 4861 (the target of solicitations and advertisements).
const fields = {
  'ether daddr': { header: 'link', offsetBytes: 0, lengthBytes: 6 },
  'ether saddr': { header: 'link', offsetBytes: 6, lengthBytes: 6 },
  'ip saddr': { header: 'network', offsetBytes: 12, lengthBytes: 4 },
  'ip6 saddr': { header: 'network', offsetBytes: 8, lengthBytes: 16 },
  'arp operation': { header: 'network', offsetBytes: 6, lengthBytes: 2 },
  'arp saddr ether': { header: 'network', offsetBytes: 8, lengthBytes: 6 },
  'arp saddr ip': { header: 'network', offsetBytes: 14, lengthBytes: 4 },
  'icmpv6 type': { header: 'transport', offsetBytes: 0, lengthBytes: 1 },
  'nd target': { header: 'transport', offsetBytes: 8, lengthBytes: 16 },
  'udp ports': { header: 'transport', offsetBytes: 0, lengthBytes: 4 },
} as const satisfies Readonly<Record<string, Place>>;

type Field = keyof typeof fields;

/** Words of registers an interface's name takes. */
const ifnameWords = 4;

/** `iifname . ether saddr . ip saddr @set`; with `not in` frames that are not there. */
export function sender(of: readonly Field[], operator: 'in' | 'not in', set: string): Rule {
  let word = ifnameWords;
  const loads = of.map((field) => {
    const to = word;
    word += Math.ceil(fields[field].lengthBytes / 4);
    return { kind: 'payload', ...fields[field], to } as const;
  });
  return [
    { kind: 'meta', key: 'iifname', to: 0 },
    ...loads,
    { kind: 'lookup', set, from: 0, ...(operator === 'not in' && { inverted: true }) },
  ];
}

/** `meta protocol arp`. */
export function carries(protocol: keyof typeof protocols): Rule {
  return meta('protocol', 'eq', Uint8Array.from(protocols[protocol]));
}

/** `meta l4proto icmpv6`. What cannot be told is neither `eq` nor `neq`. */
export function transportIs(protocol: number, operator: 'eq' | 'neq' = 'eq'): Rule {
  return meta('l4proto', operator, Uint8Array.of(protocol));
}

/** `icmpv6 type 136`, `arp saddr ip 0.0.0.0`; with a mask only its bits are compared. */
export function fieldIs(field: Field, value: readonly number[], mask?: readonly number[]): Rule {
  return [
    { kind: 'payload', ...fields[field], to: 0 },
    ...(mask === undefined
      ? []
      : [{ kind: 'bitwise', from: 0, to: 0, mask: Uint8Array.from(mask) } as const]),
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.from(value) },
  ];
}

/** `fe80::/10`, of which every interface has addresses. */
export function isLinkLocal(field: 'ip6 saddr' | 'nd target'): Rule {
  const zeros = Array<number>(14).fill(0);
  return fieldIs(field, [0xfe, 0x80, ...zeros], [0xff, 0xc0, ...zeros]);
}

/** Without a word to anybody; `nft list table bridge fairlead` shows how many there were. */
export function drop(): Rule {
  return [{ kind: 'counter' }, ...verdict('drop')];
}

function meta(key: Meta['key'], operator: 'eq' | 'neq', value: Uint8Array): Rule {
  return [
    { kind: 'meta', key, to: 0 },
    { kind: 'cmp', from: 0, operator, value },
  ];
}
