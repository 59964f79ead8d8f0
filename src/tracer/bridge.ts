// A packet on a bridge of the host: from port to port, from a port to the host, and from the host to a port.
import { contains, familyOf, type IpAddress } from '../base/cidr.ts';
import { type MacAddress, macBytes } from '../base/mac.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import { familyOfPacket, type Packet, PartlyKnown, type Position } from './packet.ts';
import type { TracedPeer } from './tracer.ts';
import { leaveByTunnel, tunnelOf } from './tunnel.ts';
import type { Towards, WalkEnd, Walker } from './walker.ts';
import type { Attached } from './world.ts';

/** Who sends by a port of a bridge. */
export interface PortUser {
  readonly port: Link;
  readonly mac: MacAddress | undefined;
  /** `eth0 of web`. */
  readonly text: string;
}

export function userOf({ place, link, hostLink }: Attached): PortUser {
  return { port: hostLink, mac: link.mac, text: `${link.name} of ${place.name}` };
}

/** It comes in by a port: for the host, or for whoever has the address on the same bridge. */
export async function crossBridge(
  walk: Walker,
  from: PortUser,
  { packet, nextHop }: Towards,
): Promise<WalkEnd> {
  const { world } = walk;
  const bridge = world.host.link(from.port.master);
  if (bridge === undefined) {
    const text = `${from.port.name} of host is no port of a bridge`;
    return walk.stop({ kind: 'link-down', place: 'host', ifname: from.port.name }, text, packet);
  }
  const down = [from.port, bridge].find((link) => !link.up);
  if (down !== undefined) return isDown(walk, down, packet);
  const isForHost = world.host.hasAddress(nextHop, bridge);
  const to = isForHost ? undefined : await onBridge(walk, bridge, nextHop);
  const header = linkHeader(packet, from.mac, isForHost ? bridge.mac : to?.mac);
  const entered = await walk.bridgeHook('prerouting', packet, { iif: from.port }, header);
  if (entered !== undefined) return entered;
  if (isForHost) {
    const taken = await walk.bridgeHook('input', packet, { iif: from.port }, header);
    if (taken !== undefined) return taken;
    walk.pass(`${from.text} leads to the host by bridge ${world.linkText(world.host, bridge)}`);
    const isolatedOn = from.port.port?.isolated === true ? bridge.index : undefined;
    return walk.arrive(world.host, { ...packet, isolatedOn }, bridge);
  }
  // No bridge sends a frame out by the port it came in by.
  if (to === undefined || to.port.index === from.port.index) return nobody(walk, bridge, { packet, nextHop });
  const position = { iif: from.port, oif: to.port };
  if (from.port.port?.isolated === true && to.port.port?.isolated === true)
    return keptApart(walk, bridge, packet, position);
  for (const hook of ['forward', 'postrouting'] as const) {
    const stopped = await walk.bridgeHook(hook, packet, position, header);
    if (stopped !== undefined) return stopped;
  }
  const judged = await bridgedRules(walk, packet, bridge);
  if (judged !== undefined) return judged;
  return reach(walk, bridge, to, { packet, nextHop });
}

/** It comes in by a port whose other side is not seen: out of a tunnel, or from machines behind a link of the host. */
export async function enterByPort(
  walk: Walker,
  { bridge, port }: { readonly bridge: Link; readonly port: Link },
  packet: Packet,
): Promise<WalkEnd> {
  const { host } = walk.world;
  const peer = walk.world.peer(packet.source, bridge);
  if (peer !== undefined && port.info.kind === 'vxlan') {
    const stopped = await walk.unwrap(port, peer, packet);
    if (stopped !== undefined) return stopped;
  }
  const { destination } = packet;
  const isNear = host.subnetsOn(bridge).some((subnet) => contains(subnet, destination));
  const gateway = host.addressOn(bridge, familyOf(destination));
  const from = { port, mac: peer?.mac, text: port.name };
  return crossBridge(walk, from, { packet, nextHop: isNear ? destination : (gateway ?? destination) });
}

/** The host sends it by a bridge. */
export async function leaveByBridge(
  walk: Walker,
  bridge: Link,
  { packet, nextHop }: Towards,
): Promise<WalkEnd> {
  const to = await onBridge(walk, bridge, nextHop);
  if (to === undefined) return nobody(walk, bridge, { packet, nextHop });
  const position = { oif: to.port };
  // The mark of an isolated port stays on what the host sends back by the same bridge (br_skb_isolated, net/bridge/br_private.h).
  if (packet.isolatedOn === bridge.index && to.port.port?.isolated === true)
    return keptApart(walk, bridge, packet, position);
  const header = linkHeader(packet, bridge.mac, to.mac);
  for (const hook of ['output', 'postrouting'] as const) {
    const stopped = await walk.bridgeHook(hook, packet, position, header);
    if (stopped !== undefined) return stopped;
  }
  return reach(walk, bridge, to, { packet, nextHop });
}

/** Who has an address behind a port. */
type Behind = { readonly port: Link; readonly mac: MacAddress | undefined } & (
  | { readonly attached: Attached }
  | { readonly peer: TracedPeer }
);

async function onBridge({ world }: Walker, bridge: Link, address: IpAddress): Promise<Behind | undefined> {
  const attached = await world.neighbour(address, (link) => link.master === bridge.index);
  if (attached !== undefined) return { port: attached.hostLink, mac: attached.link.mac, attached };
  const peer = world.peer(address, bridge);
  const port = peer && tunnelOf(world.host, bridge);
  return peer === undefined || port === undefined ? undefined : { port, mac: peer.mac, peer };
}

function reach(
  walk: Walker,
  bridge: Link,
  to: Behind,
  { packet, nextHop }: Towards,
): Promise<WalkEnd> | WalkEnd {
  if ('peer' in to)
    return leaveByTunnel(walk, { bridge, tunnel: to.port, peer: to.peer }, { packet, nextHop });
  if (!to.port.up) return isDown(walk, to.port, packet);
  const { place, link } = to.attached;
  walk.pass(`bridge ${walk.world.linkText(walk.world.host, bridge)} leads to ${link.name} of ${place.name}`);
  return walk.arrive(place, { ...packet, isolatedOn: undefined }, link);
}

function isDown(walk: Walker, { name }: Link, packet: Packet): WalkEnd {
  return walk.stop({ kind: 'link-down', place: 'host', ifname: name }, `${name} of host is down`, packet);
}

function keptApart(walk: Walker, bridge: Link, packet: Packet, position: Position): WalkEnd {
  const text = `bridge ${walk.world.linkText(walk.world.host, bridge)} keeps its ports apart (isolated)`;
  return walk.stop({ kind: 'isolated-ports', bridge: bridge.name }, text, packet, position);
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
function linkHeader(packet: Packet, from: MacAddress | undefined, to: MacAddress | undefined): PartlyKnown {
  const header = new PartlyKnown(14).put(12, familyOfPacket(packet) === 4 ? [0x08, 0x00] : [0x86, 0xdd]);
  if (to !== undefined) header.put(0, macBytes(to));
  return from === undefined ? header : header.put(6, macBytes(from));
}
