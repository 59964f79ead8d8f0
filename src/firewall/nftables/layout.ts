// The part of the table that is the same on every host: its maps, its base chains, and the rules that lead from hooks to maps.
// A packet's way through it does not get longer with the number of networks or ports: each is an element of a map.
import type { Cidr } from '../../base/cidr.ts';
import type { Chain } from '../../kernel/nftables/chain.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { NftSet } from '../../kernel/nftables/set.ts';
import {
  addressIn,
  beginsTcp,
  connectionVerdict,
  destinationIn,
  dnatTo,
  type Family,
  fitSegmentSize,
  interfaceIn,
  interfaceIs,
  interfaceVerdict,
  masquerade,
  notPublished,
  originalDestinationIn,
  published,
  rule,
  stateIs,
  toHost,
  verdict,
} from './match.ts';

export const tableName = 'fairlead';

/** The bridges of all networks. */
export const bridges = 'bridges';
/** Bridge a packet comes from or goes to, and the chain of its network that decides. */
export const fromNetwork = 'from-network';
export const toNetwork = 'to-network';
/** Bridge a packet came from, and the chain of its network that gives it a source address. */
export const sourceOf = 'source-of';
/** Bridge a packet goes to, and the chain of its network that makes its own endpoints' packets come back through the host. */
export const returnTo = 'return-to';
// Sets of single ports are hash tables. Ranges of ports, and ports for some askers alone, are in interval sets beside them: there
// an element stands for all keys between two, field by field. No two elements of one overlap, as the kernel asks.

/** Ports published on 127.0.0.0/8: nothing but the host's own processes may come to them. */
export const loopbackPorts = 'loopback-ports';
export const loopbackRanges = 'loopback-ranges';

/** Ports published on every address of the host. */
export function portsMap(family: Family): string {
  return `ports-ipv${family}`;
}

/** Ports published on one address. */
export function addressPortsMap(family: Family): string {
  return `address-ports-ipv${family}`;
}

/** By who asks, where: ports that are the same at the endpoint, which leaves but the address to translate. */
export function rangesMap(family: Family): string {
  return `ranges-ipv${family}`;
}

/** By who asks, where: ports for some askers alone that are others at the endpoint. */
export function restrictedPortsMap(family: Family): string {
  return `restricted-ports-ipv${family}`;
}

/** Ends of forwards whose answers would leave by another network's gateway: the asker's address is replaced. */
export function masqueradedSet(family: Family): string {
  return `masqueraded-ipv${family}`;
}

/** The same for ranges, by the address of the host that was asked: ends of several may overlap. */
export function masqueradedRangesSet(family: Family): string {
  return `masqueraded-ranges-ipv${family}`;
}

/** Ports open at endpoints' own addresses. */
export function openPortsSet(family: Family): string {
  return `open-ports-ipv${family}`;
}

/** The same by who asks: ranges, and ports for some askers alone. */
export function openRangesSet(family: Family): string {
  return `open-ranges-ipv${family}`;
}

/** Connections between networks that are let through, by who asks, and where. */
export function allowedMap(family: Family): string {
  return `allowed-ipv${family}`;
}

export const sets: readonly NftSet[] = [
  { name: bridges, key: ['ifname'] },
  { name: fromNetwork, key: ['ifname'], data: 'verdict' },
  { name: toNetwork, key: ['ifname'], data: 'verdict' },
  { name: sourceOf, key: ['ifname'], data: 'verdict' },
  { name: returnTo, key: ['ifname'], data: 'verdict' },
  { name: loopbackPorts, key: ['ipv4_addr', 'inet_proto', 'inet_service'] },
  { name: loopbackRanges, key: ['ipv4_addr', 'inet_proto', 'inet_service'], interval: true },
  ...portSets(4, 'ipv4_addr'),
  ...portSets(6, 'ipv6_addr'),
];

export interface ChainRules extends Chain {
  readonly rules: readonly Rule[];
}

const loopback4 = '127.0.0.0/8' as Cidr;
const loopback6 = '::1/128' as Cidr;

// Priorities of include/uapi/linux/netfilter_ipv4.h. `raw` comes before connection tracking.
const raw = -300;
const dstnat = -100;
const filter = 0;
const srcnat = 100;

/** Has the allowances decide, for connections that come in by a bridge and were made to where they go. */
export function ifBetweenNetworks(): Rule {
  return rule(interfaceIn('iifname', bridges), notPublished(), verdict({ jump: 'allowed' }));
}

/** Chains come before those that jump to them. */
export const baseChains: readonly ChainRules[] = [
  {
    // Packets that claim to come from or go to 127.0.0.0/8. Our bridges have route_localnet set, so that the host may reach
    // published ports by 127.0.0.1; what comes in by them must not reach the host that way. Other interfaces with that
    // setting are somebody else's, and only ports of ours are kept from them.
    name: 'loopback',
    rules: [
      rule(interfaceIs('iifname', 'lo'), verdict('return')),
      rule(interfaceIn('iifname', bridges), verdict('drop')),
      rule(destinationIn(4, loopbackPorts), verdict('drop')),
      rule(destinationIn(4, loopbackRanges), verdict('drop')),
    ],
  },
  {
    name: 'raw-prerouting',
    base: { type: 'filter', hook: 'prerouting', priority: raw },
    rules: [
      rule(addressIn('saddr', loopback4), verdict({ jump: 'loopback' })),
      rule(addressIn('daddr', loopback4), verdict({ jump: 'loopback' })),
    ],
  },
  {
    name: 'published',
    rules: [...dnatRules(4), ...dnatRules(6)],
  },
  {
    name: 'nat-prerouting',
    base: { type: 'nat', hook: 'prerouting', priority: dstnat },
    rules: [rule(toHost(), verdict({ jump: 'published' }))],
  },
  {
    // The kernel has no route_localnet for IPv6, so answers to ::1 would be lost: what is sent to it is left to the sockets there.
    name: 'nat-output',
    base: { type: 'nat', hook: 'output', priority: dstnat },
    rules: [
      rule(addressIn('daddr', loopback6), verdict('return')),
      rule(toHost(), verdict({ jump: 'published' })),
    ],
  },
  {
    // Ends learn what the way between them holds when they begin to talk, whether or not the routers on it tell them later
    // (RFC 4459, section 3.2).
    name: 'segment-size',
    rules: [
      rule(interfaceIn('iifname', bridges), fitSegmentSize()),
      rule(interfaceIn('oifname', bridges), fitSegmentSize()),
    ],
  },
  {
    name: 'allowed',
    rules: [connectionVerdict(4, allowedMap(4)), connectionVerdict(6, allowedMap(6))],
  },
  {
    // ICMP errors about a known connection are `related`: none that path MTU discovery needs (RFC 4890, section 4.3.1) gets
    // as far as what may drop it.
    name: 'forward',
    base: { type: 'filter', hook: 'forward', priority: filter },
    rules: [
      rule(beginsTcp(), verdict({ jump: 'segment-size' })),
      rule(stateIs('established', 'related'), verdict('accept')),
      interfaceVerdict('iifname', fromNetwork),
      interfaceVerdict('oifname', toNetwork),
    ],
  },
  {
    name: 'nat-postrouting',
    base: { type: 'nat', hook: 'postrouting', priority: srcnat },
    rules: [
      rule(published(), destinationIn(4, masqueradedSet(4)), masquerade()),
      rule(published(), originalDestinationIn(4, masqueradedRangesSet(4)), masquerade()),
      rule(published(), destinationIn(6, masqueradedSet(6)), masquerade()),
      rule(published(), originalDestinationIn(6, masqueradedRangesSet(6)), masquerade()),
      // The host's own connections to 127.0.0.1, on their way to an endpoint.
      rule(interfaceIn('oifname', bridges), addressIn('saddr', loopback4), masquerade()),
      // Who is let through to another network keeps its address.
      rule(interfaceIn('oifname', bridges), ifBetweenNetworks()),
      interfaceVerdict('oifname', returnTo),
      interfaceVerdict('iifname', sourceOf),
    ],
  },
];

/** Ports of one address come before those of all. */
function dnatRules(family: Family): readonly Rule[] {
  return [
    dnatTo(family, 'address and port', { map: addressPortsMap(family) }),
    dnatTo(family, 'connection', { map: rangesMap(family), keepPort: true }),
    dnatTo(family, 'connection', { map: restrictedPortsMap(family) }),
    dnatTo(family, 'port', { map: portsMap(family) }),
  ];
}

function portSets(family: Family, address: 'ipv4_addr' | 'ipv6_addr'): readonly NftSet[] {
  const place = [address, 'inet_proto', 'inet_service'] as const;
  const connection = [address, ...place] as const;
  const end = [address, 'inet_service'] as const;
  return [
    { name: portsMap(family), key: ['inet_proto', 'inet_service'], data: end },
    { name: addressPortsMap(family), key: place, data: end },
    { name: rangesMap(family), key: connection, data: [address], interval: true },
    { name: restrictedPortsMap(family), key: connection, data: end, interval: true },
    { name: masqueradedSet(family), key: place },
    { name: masqueradedRangesSet(family), key: place, interval: true },
    { name: openPortsSet(family), key: place },
    { name: openRangesSet(family), key: connection, interval: true },
    { name: allowedMap(family), key: connection, data: 'verdict', interval: true },
  ];
}
