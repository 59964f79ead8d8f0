// A packet on a bridge of the host: from port to port, from a port to the host, and from the host to a port.
import { macBytes } from '../base/mac.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import { familyOfPacket, type Packet, PartlyKnown } from './packet.ts';
import type { Towards, WalkEnd, Walker } from './walker.ts';
import type { Attached } from './world.ts';

/** It comes in by a port: for the host, or for whoever has the address on the same bridge. */
export async function crossBridge(
  walk: Walker,
  from: Attached,
  { packet, nextHop }: Towards,
): Promise<WalkEnd> {
  const { world } = walk;
  const bridge = world.host.link(from.hostLink.master);
  if (bridge === undefined) {
    const text = `${from.hostLink.name} of host is no port of a bridge`;
    return walk.stop({ kind: 'link-down', place: 'host', ifname: from.hostLink.name }, text, packet);
  }
  const bridgeText = world.linkText(world.host, bridge);
  for (const link of [from.hostLink, bridge]) {
    if (link.up) continue;
    return walk.stop(
      { kind: 'link-down', place: 'host', ifname: link.name },
      `${link.name} of host is down`,
      packet,
    );
  }
  const isForHost = world.host.hasAddress(nextHop, bridge);
  const to = isForHost ? undefined : await world.neighbour(nextHop, (link) => link.master === bridge.index);
  const header = linkHeader(packet, from.link, isForHost ? bridge : to?.link);
  const entered = await walk.bridgeHook('prerouting', packet, { iif: from.hostLink }, header);
  if (entered !== undefined) return entered;
  if (isForHost) {
    const taken = await walk.bridgeHook('input', packet, { iif: from.hostLink }, header);
    if (taken !== undefined) return taken;
    walk.pass(`${from.link.name} of ${from.place.name} leads to the host by bridge ${bridgeText}`);
    const isolatedOn = from.hostLink.port?.isolated === true ? bridge.index : undefined;
    return walk.arrive(world.host, { ...packet, isolatedOn }, bridge);
  }
  if (to === undefined) return nobody(walk, bridge, { packet, nextHop });
  const position = { iif: from.hostLink, oif: to.hostLink };
  if (from.hostLink.port?.isolated === true && to.hostLink.port?.isolated === true) {
    const text = `bridge ${bridgeText} keeps its ports apart (isolated)`;
    return walk.stop({ kind: 'isolated-ports', bridge: bridge.name }, text, packet, position);
  }
  for (const hook of ['forward', 'postrouting'] as const) {
    const stopped = await walk.bridgeHook(hook, packet, position, header);
    if (stopped !== undefined) return stopped;
  }
  const judged = await bridgedRules(walk, packet, bridge);
  if (judged !== undefined) return judged;
  return reach(walk, bridge, to, packet);
}

/** The host sends it by a bridge. */
export async function leaveByBridge(
  walk: Walker,
  bridge: Link,
  { packet, nextHop }: Towards,
): Promise<WalkEnd> {
  const to = await walk.world.neighbour(nextHop, (link) => link.master === bridge.index);
  if (to === undefined) return nobody(walk, bridge, { packet, nextHop });
  const position = { oif: to.hostLink };
  // The mark of an isolated port stays on what the host sends back by the same bridge (br_skb_isolated, net/bridge/br_private.h).
  if (packet.isolatedOn === bridge.index && to.hostLink.port?.isolated === true) {
    const text = `bridge ${walk.world.linkText(walk.world.host, bridge)} keeps its ports apart (isolated)`;
    return walk.stop({ kind: 'isolated-ports', bridge: bridge.name }, text, packet, position);
  }
  const header = linkHeader(packet, bridge, to.link);
  for (const hook of ['output', 'postrouting'] as const) {
    const stopped = await walk.bridgeHook(hook, packet, position, header);
    if (stopped !== undefined) return stopped;
  }
  return reach(walk, bridge, to, packet);
}

function reach(
  walk: Walker,
  bridge: Link,
  { place, link, hostLink }: Attached,
  packet: Packet,
): Promise<WalkEnd> | WalkEnd {
  if (!hostLink.up) {
    const text = `${hostLink.name} of host is down`;
    return walk.stop({ kind: 'link-down', place: 'host', ifname: hostLink.name }, text, packet);
  }
  walk.pass(`bridge ${walk.world.linkText(walk.world.host, bridge)} leads to ${link.name} of ${place.name}`);
  return walk.arrive(place, { ...packet, isolatedOn: undefined }, link);
}

/** Machines behind a port that is no sandbox's may be there all the same. */
function nobody(walk: Walker, bridge: Link, { packet, nextHop }: Towards): WalkEnd {
  const text = `nobody on bridge ${walk.world.linkText(walk.world.host, bridge)} is known to have ${nextHop}`;
  return walk.stop({ kind: 'no-neighbour', ifname: bridge.name, address: nextHop }, text, packet);
}

/** With br_netfilter, rules of IP see what passes a bridge as if it came in and went out by the bridge. */
async function bridgedRules(walk: Walker, packet: Packet, bridge: Link): Promise<WalkEnd | undefined> {
  const setting = familyOfPacket(packet) === 4 ? 'bridge-nf-call-iptables' : 'bridge-nf-call-ip6tables';
  if ((await walk.world.host.sysctl(`net/bridge/${setting}`)) !== '1') return undefined;
  const steps = [
    ['prerouting', { iif: bridge }],
    ['forward', { iif: bridge, oif: bridge }],
  ] as const;
  for (const [hook, position] of steps) {
    const stopped = await walk.bridgedHook(hook, packet, position);
    if (stopped !== undefined) return stopped;
  }
  return undefined;
}

/** Destination, source and type of an Ethernet frame; the destination is not known where nobody is known to have the address. */
function linkHeader(packet: Packet, from: Link, to: Link | undefined): PartlyKnown {
  const header = new PartlyKnown(14).put(12, familyOfPacket(packet) === 4 ? [0x08, 0x00] : [0x86, 0xdd]);
  if (to?.mac !== undefined) header.put(0, macBytes(to.mac));
  return from.mac === undefined ? header : header.put(6, macBytes(from.mac));
}
