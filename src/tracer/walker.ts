// What the parts of a walk share: where it may end, and what each may ask of it.
import type { IpAddress } from '../base/cidr.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import type { HookName } from './hook-chain.ts';
import type { Packet, PartlyKnown, Position } from './packet.ts';
import type { Place } from './place.ts';
import type { Obstacle, TracedPeer } from './tracer.ts';
import type { World } from './world.ts';

/** Where the packet ended: in a namespace, out of sight, or at an obstacle. */
export type WalkEnd =
  | { readonly passes: true; readonly place: Place; readonly packet: Packet }
  | { readonly passes: true; readonly outside: Link; readonly packet: Packet; readonly peer?: TracedPeer }
  | WalkStop;

export interface WalkStop {
  readonly passes: false | undefined;
  readonly obstacle: Obstacle;
  readonly packet: Packet;
  readonly position: Position;
}

export interface Towards {
  readonly packet: Packet;
  readonly nextHop: IpAddress;
}

export interface Walker {
  readonly world: World;
  /** Notes a step that lets the packet on. */
  pass(text: string): void;
  /** Notes the step that does not. */
  stop(obstacle: Obstacle, text: string, packet: Packet, position?: Position): WalkStop;
  /** It comes in by a link. */
  arrive(place: Place, packet: Packet, iif: Link): Promise<WalkEnd>;
  /** What carries it to a peer: a datagram the host itself sends, by one of its links. */
  wrap(tunnel: Link, peer: TracedPeer, packet: Packet): Promise<WalkStop | Link>;
  /** And what carried it here; undefined when it is let in. */
  unwrap(tunnel: Link, peer: TracedPeer, packet: Packet): Promise<WalkStop | undefined>;
  /** Rules of a bridge, which see its ports; undefined when they let it pass. */
  bridgeHook(
    hook: HookName,
    packet: Packet,
    position: Position,
    linkHeader: PartlyKnown,
  ): Promise<WalkStop | undefined>;
  /** Rules of IP that see a packet on a bridge too (net.bridge.bridge-nf-call-iptables); nothing is translated there. */
  bridgedHook(hook: HookName, packet: Packet, position: Position): Promise<WalkStop | undefined>;
}
