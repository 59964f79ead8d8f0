// The part of the table that is the same on every host: its maps, its base chains, and the rules that lead from hooks to maps.
// A packet's way through it does not get longer with the number of networks or ports: each is an element of a map.
import type { Cidr } from '../../base/cidr.ts';
import type { Chain } from '../../kernel/nftables/chain.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { NftSet } from '../../kernel/nftables/set.ts';
import {
  addressIn,
  destinationIn,
  dnatTo,
  type Family,
  interfaceIn,
  interfaceIs,
  interfaceVerdict,
  masquerade,
  published,
  refuse,
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
/** Ports published on 127.0.0.0/8: nothing but the host's own processes may come to them. */
export const loopbackPorts = 'loopback-ports';

/** Ports published on every address of the host. */
export function portsMap(family: Family): string {
  return `ports-ipv${family}`;
}

/** Ports published on one address. */
export function addressPortsMap(family: Family): string {
  return `address-ports-ipv${family}`;
}

/** Ends of forwards whose answers would leave by another network's gateway: the asker's address is replaced. */
export function masqueradedSet(family: Family): string {
  return `masqueraded-ipv${family}`;
}

/** Ports open at endpoints' own addresses. */
export function openPortsSet(family: Family): string {
  return `open-ports-ipv${family}`;
}

export const sets: readonly NftSet[] = [
  { name: bridges, key: ['ifname'] },
  { name: fromNetwork, key: ['ifname'], data: 'verdict' },
  { name: toNetwork, key: ['ifname'], data: 'verdict' },
  { name: sourceOf, key: ['ifname'], data: 'verdict' },
  { name: returnTo, key: ['ifname'], data: 'verdict' },
  { name: loopbackPorts, key: ['ipv4_addr', 'inet_proto', 'inet_service'] },
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
    rules: [
      dnatTo(4, 'address and port', addressPortsMap(4)),
      dnatTo(4, 'port', portsMap(4)),
      dnatTo(6, 'address and port', addressPortsMap(6)),
      dnatTo(6, 'port', portsMap(6)),
    ],
  },
  {
    name: 'nat-prerouting',
    base: { type: 'nat', hook: 'prerouting', priority: dstnat },
    rules: [rule(toHost(), verdict({ jump: 'published' }))],
  },
  {
    name: 'nat-output',
    base: { type: 'nat', hook: 'output', priority: dstnat },
    rules: [rule(toHost(), verdict({ jump: 'published' }))],
  },
  {
    // The kernel has no route_localnet for IPv6, so answers to ::1 would be lost: refused at once, the asker goes on to 127.0.0.1.
    name: 'output',
    base: { type: 'filter', hook: 'output', priority: filter },
    rules: [
      rule(addressIn('daddr', loopback6), verdict('accept')),
      rule(addressIn('saddr', loopback6), published(), refuse('tcp')),
      rule(addressIn('saddr', loopback6), published(), refuse('others')),
    ],
  },
  {
    name: 'forward',
    base: { type: 'filter', hook: 'forward', priority: filter },
    rules: [
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
      rule(published(), destinationIn(6, masqueradedSet(6)), masquerade()),
      // The host's own connections to 127.0.0.1, on their way to an endpoint.
      rule(interfaceIn('oifname', bridges), addressIn('saddr', loopback4), masquerade()),
      interfaceVerdict('oifname', returnTo),
      interfaceVerdict('iifname', sourceOf),
    ],
  },
];

function portSets(family: Family, address: 'ipv4_addr' | 'ipv6_addr'): readonly NftSet[] {
  return [
    { name: portsMap(family), key: ['inet_proto', 'inet_service'], data: [address, 'inet_service'] },
    {
      name: addressPortsMap(family),
      key: [address, 'inet_proto', 'inet_service'],
      data: [address, 'inet_service'],
    },
    { name: masqueradedSet(family), key: [address, 'inet_proto', 'inet_service'] },
    { name: openPortsSet(family), key: [address, 'inet_proto', 'inet_service'] },
  ];
}
