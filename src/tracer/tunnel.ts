// A packet that goes through a tunnel: into it by what the kernel knows of endpoints on other hosts, and out of it.
import { contains, type IpAddress } from '../base/cidr.ts';
import { readBridgeFdb, readPermanentNeighbours } from '../kernel/rtnetlink/client.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import type { Place } from './place.ts';
import type { TracedPeer } from './tracer.ts';
import type { Towards, WalkEnd, Walker } from './walker.ts';

/** The VXLAN among the ports of a bridge. */
export function tunnelOf(host: Place, bridge: Link): Link | undefined {
  return host.links.find(({ master, info }) => master === bridge.index && info.kind === 'vxlan');
}

interface Way {
  readonly bridge: Link;
  readonly tunnel: Link;
  readonly peer: TracedPeer;
}

export async function leaveByTunnel(
  walk: Walker,
  { bridge, tunnel, peer }: Way,
  { packet, nextHop }: Towards,
): Promise<WalkEnd> {
  const bridgeText = walk.world.linkText(walk.world.host, bridge);
  const obstacle = { kind: 'tunnel', ifname: tunnel.name, peer } as const;
  if (!tunnel.up) return walk.stop(obstacle, `${tunnel.name} of host is down`, packet);
  const problem = await missingEntry({ bridge, tunnel, peer }, nextHop);
  if (problem !== undefined) {
    return walk.stop(obstacle, `bridge ${bridgeText} ${problem}`, packet);
  }
  walk.pass(`bridge ${bridgeText} leads to ${peer.name} into the tunnel ${tunnel.name}`);
  const link = await walk.wrap(tunnel, peer, packet);
  if ('obstacle' in link) return link;
  const { name, address } = peer.host;
  walk.pass(`it leaves by ${link.name} for host ${name} (${address}), which decides what comes after that`);
  return { passes: true, outside: tunnel, packet, peer };
}

/** Whether what answers a packet comes back by the tunnel: every host has the bridge's own addresses, and asks by itself for all others. */
export function comesBack(host: Place, tunnel: Link, source: IpAddress): boolean {
  const bridge = host.link(tunnel.master);
  if (bridge === undefined || host.hasAddress(source, bridge)) return false;
  return host.subnetsOn(bridge).some((subnet) => contains(subnet, source));
}

/** What the bridge lacks of the way to an address. */
async function missingEntry({ bridge, tunnel, peer }: Way, address: IpAddress): Promise<string | undefined> {
  const [neighbours, fdb] = await Promise.all([
    readPermanentNeighbours(bridge.index),
    readBridgeFdb(bridge.index),
  ]);
  const mac = neighbours.find((one) => one.address === address)?.mac;
  if (mac !== peer.mac)
    return `${mac === undefined ? 'does not know' : `takes ${mac} for`} the MAC address of ${address}`;
  const ports = fdb.all.filter((one) => one.mac === mac).map(({ link }) => link);
  if (!ports.includes(tunnel.index)) return `does not know that ${mac} is behind ${tunnel.name}`;
  const ends = fdb.tunnelled.filter((one) => one.mac === mac && one.link === tunnel.index);
  if (ends.some(({ destination }) => destination === peer.host.address)) return undefined;
  const [end] = ends;
  const { name } = peer.host;
  return end === undefined
    ? `has no way to ${mac} through ${tunnel.name}`
    : `sends what is for ${mac} to ${end.destination}, which is not host ${name}`;
}
