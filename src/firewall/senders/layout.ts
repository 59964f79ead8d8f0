// The part of the table that is the same on every host: its sets, and the rules that look a frame's sender up in them.
// Frames from ports that are no endpoint's leave by the first rule, those of honest IP by the second or third of ours.
import type { NftSet } from '../../kernel/nftables/set.ts';
import type { ChainRules } from '../nftables/layout.ts';
import { interfaceIn, rule, verdict } from '../nftables/match.ts';
import { carries, drop, fieldIs, isLinkLocal, sender, transportIs } from './frame.ts';

/** Of family bridge. */
export const tableName = 'fairlead';

/** The ports of endpoints: the host's ends of their interfaces. */
export const ports = 'ports';
/** Ports, each with the hardware address that may send there. */
export const hardwareAddresses = 'hardware-addresses';
/** Those with the IP addresses that may. */
export const ipv4Addresses = 'ipv4-addresses';
export const ipv6Addresses = 'ipv6-addresses';
/** Ports of endpoints whose IP addresses are not known here. */
export const anyAddress = 'any-address';

export const sets: readonly NftSet[] = [
  { name: ports, key: ['ifname'] },
  { name: hardwareAddresses, key: ['ifname', 'ether_addr'] },
  { name: ipv4Addresses, key: ['ifname', 'ether_addr', 'ipv4_addr'] },
  { name: ipv6Addresses, key: ['ifname', 'ether_addr', 'ipv6_addr'] },
  { name: anyAddress, key: ['ifname'] },
];

// Numbers of IANA's registries of protocols and of ICMPv6 types (RFC 4861).
const udp = 17;
const icmpv6 = 58;
const neighborSolicitation = 135;
const neighborAdvertisement = 136;
const routerAdvertisement = 134;
const redirect = 137;
const arpRequest = [0, 1];
const anyIpv4 = [0, 0, 0, 0];
const anyIpv6 = Array<number>(16).fill(0);
/** Ports 68 to 67 (RFC 2131, section 4.1): a client that has no address yet. */
const dhcpClient = [0, 68, 0, 67];
/** 01:80:c2:00:00:00 to 0f: addresses that no bridge passes on (IEEE 802.1D, table 7-10). */
const reserved = [0x01, 0x80, 0xc2, 0, 0, 0];
const reservedMask = [0xff, 0xff, 0xff, 0xff, 0xff, 0xf0];

/**
 * Chains come before those that jump to them, and have no names that are words of nft's. A frame is let through by `accept` or at
 * the end of `from-endpoint`.
 */
export const chains: readonly ChainRules[] = [
  {
    name: 'from-ipv4',
    rules: [
      rule(
        transportIs(udp),
        fieldIs('ip saddr', anyIpv4),
        fieldIs('udp ports', dhcpClient),
        verdict('accept'),
      ),
      drop(),
    ],
  },
  {
    name: 'from-arp',
    rules: [
      rule(sender(['arp saddr ether', 'arp saddr ip'], 'in', ipv4Addresses), verdict('accept')),
      // Asking whether an address is free (RFC 5227, section 2.1.1) claims none.
      rule(fieldIs('arp operation', arpRequest), fieldIs('arp saddr ip', anyIpv4), verdict('accept')),
      drop(),
    ],
  },
  {
    // The address a neighbour message is about is the sender's own.
    name: 'about-address',
    rules: [
      rule(sender(['ether saddr', 'nd target'], 'in', ipv6Addresses), verdict('return')),
      rule(isLinkLocal('nd target'), verdict('return')),
      drop(),
    ],
  },
  {
    // Routers speak by link-local addresses, and any is let through: who is behind one cannot be told.
    name: 'from-icmpv6',
    rules: [
      rule(fieldIs('icmpv6 type', [neighborAdvertisement]), verdict({ jump: 'about-address' })),
      rule(
        fieldIs('icmpv6 type', [neighborSolicitation]),
        fieldIs('ip6 saddr', anyIpv6),
        verdict({ jump: 'about-address' }),
      ),
      rule(sender(['ether saddr', 'ip6 saddr'], 'in', ipv6Addresses), verdict('accept')),
      rule(isLinkLocal('ip6 saddr'), verdict('accept')),
      // Whoever looks for duplicates of the address it is about to take has none (RFC 4862, section 5.4).
      rule(fieldIs('ip6 saddr', anyIpv6), verdict('accept')),
      drop(),
    ],
  },
  {
    name: 'from-router',
    rules: [
      rule(fieldIs('icmpv6 type', [routerAdvertisement]), drop()),
      rule(fieldIs('icmpv6 type', [redirect]), drop()),
    ],
  },
  {
    name: 'from-ipv6',
    rules: [
      rule(transportIs(icmpv6), verdict({ jump: 'from-icmpv6' })),
      rule(transportIs(icmpv6, 'neq'), isLinkLocal('ip6 saddr'), verdict('accept')),
      drop(),
    ],
  },
  {
    name: 'from-endpoint',
    rules: [
      rule(carries('ip'), sender(['ether saddr', 'ip saddr'], 'in', ipv4Addresses), verdict('accept')),
      rule(
        carries('ip6'),
        transportIs(icmpv6, 'neq'),
        sender(['ether saddr', 'ip6 saddr'], 'in', ipv6Addresses),
        verdict('accept'),
      ),
      rule(sender(['ether saddr'], 'not in', hardwareAddresses), drop()),
      rule(fieldIs('ether daddr', reserved, reservedMask), drop()),
      rule(carries('arp'), sender(['arp saddr ether'], 'not in', hardwareAddresses), drop()),
      // The kernel has taken one tag off, so this is a second: nobody has looked at what is behind it.
      rule(carries('8021q'), drop()),
      rule(carries('8021ad'), drop()),
      rule(carries('ip6'), transportIs(icmpv6), verdict({ jump: 'from-router' })),
      rule(interfaceIn('iifname', anyAddress), verdict('accept')),
      rule(carries('ip'), verdict({ jump: 'from-ipv4' })),
      rule(carries('arp'), verdict({ jump: 'from-arp' })),
      rule(carries('ip6'), verdict({ jump: 'from-ipv6' })),
    ],
  },
];

/**
 * There while there are endpoints, as every frame of every bridge of the host comes to it. Before all others of the hook, which
 * may change addresses: the first of the kernel's own is -300 (include/uapi/linux/netfilter_bridge.h).
 */
export const baseChain: ChainRules = {
  name: 'prerouting',
  base: { type: 'filter', hook: 'prerouting', priority: -400 },
  rules: [rule(interfaceIn('iifname', ports), verdict({ jump: 'from-endpoint' }))],
};
