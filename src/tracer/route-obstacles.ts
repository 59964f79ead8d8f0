// What the kernel means when it has no route for a packet, in words.
import { familyOf } from '../base/cidr.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import type { Packet } from './packet.ts';
import type { Place } from './place.ts';
import type { WalkEnd, Walker } from './walker.ts';

export function outputObstacle(walk: Walker, place: Place, packet: Packet, error: string): WalkEnd {
  const { destination } = packet;
  const obstacle = { kind: 'no-route', place: place.name, destination } as const;
  if (error === 'EINVAL' || error === 'EACCES') {
    return walk.stop(obstacle, `a route of ${place.name} forbids ${destination}`, packet);
  }
  return walk.stop(obstacle, `${place.name} has no route to ${destination}`, packet);
}

interface Refused {
  readonly packet: Packet;
  readonly iif: Link;
  readonly error: string;
}

export async function inputObstacle(
  walk: Walker,
  place: Place,
  { packet, iif, error }: Refused,
): Promise<WalkEnd> {
  const { source, destination } = packet;
  if (error === 'EINVAL' || error === 'EXDEV') return wrongSource(walk, place, packet, iif);
  const sysctl =
    familyOf(destination) === 4 ? `net/ipv4/conf/${iif.name}/forwarding` : 'net/ipv6/conf/all/forwarding';
  if (error === 'EHOSTUNREACH' && (await place.sysctl(sysctl)) === '0') {
    const all = familyOf(destination) === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding';
    const text = place.isHost
      ? `host does not forward packets: ${all} is 0`
      : `${place.name} is not ${destination}, and forwards nothing`;
    return walk.stop({ kind: 'not-forwarding', place: place.name, sysctl: all }, text, packet, { iif });
  }
  const obstacle = { kind: 'no-route', place: place.name, destination } as const;
  return walk.stop(obstacle, `${place.name} has no route from ${source} to ${destination}`, packet, { iif });
}

/** IPv4 alone looks at sources: by rp_filter, and never takes one of the host's own from elsewhere. */
async function wrongSource(walk: Walker, place: Place, packet: Packet, iif: Link): Promise<WalkEnd> {
  const settings = ['all', iif.name].map((name) => `net/ipv4/conf/${name}/rp_filter`);
  const values = await Promise.all(settings.map(async (path) => Number((await place.sysctl(path)) ?? 0)));
  const [all = 0, own = 0] = values;
  const text = `${place.name} takes no packet from ${packet.source} to ${packet.destination} by ${iif.name}`;
  const obstacle = { kind: 'wrong-source', place: place.name, ifname: iif.name } as const;
  if (Math.max(all, own) === 0 || packet.destination.startsWith('127.'))
    return walk.stop(obstacle, text, packet, { iif });
  const sysctl = `net.ipv4.conf.${all >= own ? 'all' : iif.name}.rp_filter`;
  const why = `${text}: answers would not go there (${sysctl} is ${Math.max(all, own)})`;
  return walk.stop({ ...obstacle, sysctl }, why, packet, { iif });
}
