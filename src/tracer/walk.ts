// The way of one packet, from where it is sent or comes in to where it ends: the kernel's path, step by step.
import { familyOf, type IpAddress } from '../base/cidr.ts';
import { RTN_LOCAL } from '../kernel/rtnetlink/constants.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import type { FoundRoute } from '../kernel/rtnetlink/route-lookup.ts';
import { crossBridge, enterByPort, leaveByBridge, userOf } from './bridge.ts';
import type { HookName } from './hook-chain.ts';
import { type HookOutcome, runHook } from './hooks.ts';
import { type Packet, type PartlyKnown, type Position, protocolNumber } from './packet.ts';
import type { Place } from './place.ts';
import { inputObstacle, outputObstacle } from './route-obstacles.ts';
import type { Obstacle, RulePlace, TracedPeer, TraceStep } from './tracer.ts';
import type { Towards, WalkEnd, Walker, WalkStop } from './walker.ts';
import type { Attached, World } from './world.ts';

/** What a namespace has made of the packets of a connection. */
interface Translated {
  readonly before: Packet;
  readonly after: Packet;
}

export type Translations = Map<Place, Translated>;

/** More than any way that ends. */
const maxHops = 16;

export class Walk implements Walker {
  readonly world: World;
  readonly steps: TraceStep[] = [];
  /** The packet as it began. */
  sent: Packet | undefined;
  /** Of the connection: filled on the way there, undone on the way back. */
  readonly #translations: Translations;
  #hops = 0;

  constructor(world: World, translations: Translations) {
    this.world = world;
    this.#translations = translations;
  }

  pass(text: string): void {
    this.steps.push({ passes: true, text });
  }

  stop(obstacle: Obstacle, text: string, packet: Packet, position: Position = {}): WalkStop {
    const passes = obstacle.kind === 'unjudged' ? undefined : false;
    this.steps.push({ passes, text });
    return { passes, obstacle, packet, position };
  }

  /** A process in a namespace sends it. `source` is chosen there unless the packet answers another. */
  async send(
    place: Place,
    { source, ...rest }: Omit<Packet, 'source'> & { readonly source?: IpAddress },
  ): Promise<WalkEnd> {
    const wanted = { ...rest, source: source ?? rest.destination };
    const route = await this.#route(place, wanted, source);
    if (typeof route === 'string') return outputObstacle(this, place, wanted, route);
    const first = { ...wanted, source: source ?? route.source ?? rest.destination };
    this.sent ??= first;
    const oif = place.link(route.link);
    const out = await this.#hook('output', place, first, { oif });
    if ('obstacle' in out) return out;
    const packet = out.packet;
    const isMoved = packet.destination !== first.destination;
    const again = isMoved ? await this.#route(place, packet, packet.source) : route;
    if (typeof again === 'string') return outputObstacle(this, place, packet, again);
    const leaving = place.link(again.link);
    if (leaving === undefined) return outputObstacle(this, place, packet, 'ENETUNREACH');
    if (again.type === RTN_LOCAL) return this.#loopBack(place, packet, leaving);
    this.pass(`${place.name} has a route to ${packet.destination}: ${routeText(this.world, place, again)}`);
    return this.#leave(place, packet, { oif: leaving }, again.gateway);
  }

  /** It comes in by a link. */
  async arrive(place: Place, packet: Packet, iif: Link): Promise<WalkEnd> {
    this.sent ??= packet;
    if (++this.#hops > maxHops) {
      return this.stop(
        { kind: 'no-route', place: place.name, destination: packet.destination },
        'it goes round in circles',
        packet,
      );
    }
    if (!iif.up) {
      return this.stop(
        { kind: 'link-down', place: place.name, ifname: iif.name },
        `${iif.name} of ${place.name} is down`,
        packet,
      );
    }
    const bridge = place.isHost && iif.port !== undefined ? place.link(iif.master) : undefined;
    if (bridge !== undefined) return enterByPort(this, { bridge, port: iif }, packet);
    const came = await this.#hook('prerouting', place, packet, { iif });
    if ('obstacle' in came) return came;
    const here = came.packet;
    const route = await this.#route(place, here, here.source, iif);
    if (typeof route === 'string') return inputObstacle(this, place, { packet: here, iif, error: route });
    if (route.type === RTN_LOCAL) return this.#deliver(place, here, iif);
    const oif = place.link(route.link);
    if (oif === undefined) return inputObstacle(this, place, { packet: here, iif, error: 'ENETUNREACH' });
    const isForwarding = familyOf(here.destination) === 4 || (await forwardsIpv6(place));
    if (!isForwarding) return inputObstacle(this, place, { packet: here, iif, error: 'EHOSTUNREACH' });
    const passed = await this.#hook('forward', place, here, { iif, oif });
    if ('obstacle' in passed) return passed;
    const [from, to] = [iif, oif].map((link) => this.world.linkText(place, link));
    this.pass(`${place.name} lets it pass from ${from} to ${to}`);
    return this.#leave(place, passed.packet, { iif, oif }, route.gateway);
  }

  /** What carries it to a peer: a datagram the host itself sends, by one of its links. */
  async wrap(tunnel: Link, peer: TracedPeer, packet: Packet): Promise<WalkStop | Link> {
    const outer = new Walk(this.world, new Map());
    const end = await outer.send(this.world.host, outerPacket(tunnel, peer.host.address));
    if (!end.passes) return this.#stopOuter(outer, end, packet);
    if ('outside' in end) return end.outside;
    const { name, address } = peer.host;
    const text = `the address of host ${name}, ${address}, is not that of another host`;
    return this.stop({ kind: 'elsewhere', place: end.place.name }, text, packet);
  }

  /** And what carried it here; undefined when it is let in. */
  async unwrap(tunnel: Link, peer: TracedPeer, packet: Packet): Promise<WalkStop | undefined> {
    const { host } = this.world;
    const { source, ...rest } = outerPacket(tunnel, peer.host.address);
    const route = await host.route({ destination: peer.host.address });
    const link = typeof route === 'string' ? undefined : host.link(route.link);
    if (source === undefined || link === undefined) return undefined;
    const outer = new Walk(this.world, new Map());
    const outwards = { ...rest, source: peer.host.address, destination: source, asked: source };
    const end = await outer.arrive(host, outwards, link);
    return end.passes ? undefined : this.#stopOuter(outer, end, packet);
  }

  #stopOuter({ steps }: Walk, { passes, obstacle, position }: WalkStop, packet: Packet): WalkStop {
    const text = `what carries it is stopped: ${steps.at(-1)?.text ?? ''}`;
    this.steps.push({ passes, text });
    return { passes, obstacle, packet, position };
  }

  /** Rules of a bridge, which see its ports. */
  async bridgeHook(hook: HookName, packet: Packet, position: Position, linkHeader: PartlyKnown) {
    const request = { place: this.world.host, hook, packet, position, bridge: { linkHeader } };
    return this.#refusal(hook, request.place, packet, position, await runHook(request));
  }

  /** Rules of IP that see a packet on a bridge too (net.bridge.bridge-nf-call-iptables); nothing is translated there. */
  async bridgedHook(hook: HookName, packet: Packet, position: Position) {
    const request = { place: this.world.host, hook, packet, position, isTranslated: true };
    return this.#refusal(hook, request.place, packet, position, await runHook(request));
  }

  async #leave(
    place: Place,
    packet: Packet,
    position: Position & { readonly oif: Link },
    gateway?: IpAddress,
  ): Promise<WalkEnd> {
    const sent = await this.#hook('postrouting', place, packet, position);
    if ('obstacle' in sent) return sent;
    const { oif } = position;
    const out = sent.packet;
    if (!oif.up) {
      return this.stop(
        { kind: 'link-down', place: place.name, ifname: oif.name },
        `${oif.name} of ${place.name} is down`,
        out,
      );
    }
    const towards = { packet: out, nextHop: gateway ?? out.destination };
    return place.isHost ? this.#leaveHost(oif, towards) : this.#leaveSandbox(place, oif, towards);
  }

  async #leaveHost(oif: Link, towards: Towards): Promise<WalkEnd> {
    if (oif.info.kind === 'bridge') return leaveByBridge(this, oif, towards);
    const { packet, nextHop } = towards;
    const end = await this.world.neighbour(nextHop, (link) => link.index === oif.index);
    if (end !== undefined && end.link.info.kind !== 'macvlan')
      return this.arrive(end.place, packet, end.link);
    if (end !== undefined) return this.#meetsMacvlan(end, packet);
    this.pass(
      `it leaves the host by ${oif.name} towards ${nextHop}; what comes after that cannot be seen from here`,
    );
    return { passes: true, outside: oif, packet };
  }

  async #leaveSandbox(place: Place, oif: Link, towards: Towards): Promise<WalkEnd> {
    const { packet } = towards;
    const hostLink = this.world.hostLinkOf(oif);
    if (hostLink === undefined) {
      this.pass(`it leaves ${place.name} by ${oif.name}; what is behind that cannot be seen from here`);
      return { passes: true, outside: oif, packet };
    }
    if (oif.info.kind === 'macvlan') return this.#leaveByParent({ place, link: oif, hostLink }, towards);
    if (hostLink.master !== undefined)
      return crossBridge(this, userOf({ place, link: oif, hostLink }), towards);
    if (!hostLink.up) {
      return this.stop(
        { kind: 'link-down', place: 'host', ifname: hostLink.name },
        `${hostLink.name} of host is down`,
        packet,
      );
    }
    this.pass(
      `${oif.name} of ${place.name} leads to ${this.world.linkText(this.world.host, hostLink)} of the host`,
    );
    return this.arrive(this.world.host, packet, hostLink);
  }

  /** Links of one parent reach each other and what is behind it, but not the host (drivers/net/macvlan.c). */
  async #leaveByParent({ hostLink }: Attached, { packet, nextHop }: Towards): Promise<WalkEnd> {
    const other = await this.world.neighbour(nextHop, (link) => link.index === hostLink.index);
    if (other !== undefined) {
      this.pass(`${other.place.name} is on the same parent ${hostLink.name}`);
      return this.arrive(other.place, packet, other.link);
    }
    if (this.world.host.hasAddress(nextHop)) {
      const text = `the host is not reached through ${hostLink.name}: a macvlan interface and its parent do not talk to each other`;
      return this.stop({ kind: 'parent-of-macvlan', ifname: hostLink.name }, text, packet);
    }
    this.pass(
      `it leaves the host by ${hostLink.name} towards ${nextHop}; what comes after that cannot be seen from here`,
    );
    return { passes: true, outside: hostLink, packet };
  }

  #meetsMacvlan({ place, hostLink }: Attached, packet: Packet): WalkEnd {
    const text = `${place.name} is not reached through ${hostLink.name}: a macvlan interface and its parent do not talk to each other`;
    return this.stop({ kind: 'parent-of-macvlan', ifname: hostLink.name }, text, packet);
  }

  async #loopBack(place: Place, packet: Packet, oif: Link): Promise<WalkEnd> {
    const iif = place.named('lo') ?? oif;
    const out = await this.#hook('postrouting', place, packet, { oif: iif });
    if ('obstacle' in out) return out;
    const back = await this.#hook('prerouting', place, out.packet, { iif }, true);
    return 'obstacle' in back ? back : this.#deliver(place, back.packet, iif);
  }

  async #deliver(place: Place, packet: Packet, iif: Link): Promise<WalkEnd> {
    const taken = await this.#hook('input', place, packet, { iif });
    if ('obstacle' in taken) return taken;
    return { passes: true, place, packet: taken.packet };
  }

  #route(
    place: Place,
    packet: Packet,
    source: IpAddress | undefined,
    iif?: Link,
  ): Promise<FoundRoute | string> {
    const { destination, sourcePort, destinationPort } = packet;
    const protocol = protocolNumber(packet);
    return place.route({ destination, source, comesBy: iif?.index, protocol, sourcePort, destinationPort });
  }

  async #hook(hook: HookName, place: Place, packet: Packet, position: Position, isTranslated = false) {
    const isOutward = hook === 'prerouting' || hook === 'output';
    const undo = (one: Packet) =>
      isOutward ? this.#undoSource(place, one) : this.#undoDestination(place, one);
    const outcome = await runHook({ place, hook, packet, position, isTranslated, undo });
    const refusal = this.#refusal(hook, place, packet, position, outcome);
    if (refusal !== undefined) return refusal;
    const { packet: after, rule } = outcome;
    if (rule === undefined) return { packet: after };
    const before = this.#translations.get(place)?.before ?? packet;
    this.#translations.set(place, { before, after });
    this.pass(translationText(place, packet, after, rule));
    return { packet: after };
  }

  #refusal(
    hook: HookName,
    place: Place,
    packet: Packet,
    position: Position,
    outcome: HookOutcome,
  ): WalkStop | undefined {
    const { verdict, rule } = outcome;
    if (verdict === 'accept' || rule === undefined) return undefined;
    const passes = verdict === 'unknown' ? undefined : false;
    const kind = passes === undefined ? 'unjudged' : 'rule';
    const obstacle = { kind, place: place.name, rule, hook } as const;
    this.steps.push({ passes, text: refusalText(place, verdict, rule) });
    return { passes, obstacle, packet, position };
  }

  /** Answers are given back the addresses the connection had before it was translated here. */
  #undoSource(place: Place, packet: Packet): Packet {
    const done = this.#translations.get(place);
    if (packet.state === 'new' || done === undefined || packet.destination !== done.after.source)
      return packet;
    return { ...packet, destination: done.before.source };
  }

  #undoDestination(place: Place, packet: Packet): Packet {
    const done = this.#translations.get(place);
    if (packet.state === 'new' || done === undefined || packet.source !== done.after.destination)
      return packet;
    return { ...packet, source: done.before.destination, sourcePort: done.before.destinationPort };
  }
}

async function forwardsIpv6(place: Place): Promise<boolean> {
  return (await place.sysctl('net/ipv6/conf/all/forwarding')) === '1';
}

/** The datagram of VXLAN (RFC 7348, section 5). No connection answers another: each side sends to the same port from any. */
function outerPacket({ info }: Link, to: IpAddress) {
  const { local, port } = info.kind === 'vxlan' ? info.vxlan : {};
  return {
    ...(local !== undefined && { source: local }),
    destination: to,
    asked: to,
    protocol: 'udp',
    destinationPort: port,
    state: 'new',
    translated: { source: false, destination: false },
  } as const;
}

function routeText(world: World, place: Place, { entry, gateway, link }: FoundRoute): string {
  const oif = place.link(link);
  const way = oif === undefined ? '' : ` by ${world.linkText(place, oif)}`;
  return `${entry?.destination ?? 'default'}${way}${gateway === undefined ? '' : ` via ${gateway}`}`;
}

function translationText(place: Place, before: Packet, after: Packet, rule: RulePlace): string {
  if (before.source !== after.source)
    return `${place.name} gives it the source address ${after.source} (${ruleText(rule)})`;
  const port = after.destinationPort === undefined ? '' : ` port ${after.destinationPort}`;
  return `${place.name} leads it from ${before.destination} port ${before.destinationPort} to ${after.destination}${port} (${ruleText(rule)})`;
}

function refusalText(place: Place, verdict: 'drop' | 'refuse' | 'unknown', rule: RulePlace): string {
  if (verdict === 'unknown') return `${place.name}: whether ${ruleText(rule)} stops it cannot be judged`;
  const does = verdict === 'drop' ? 'drops' : 'refuses';
  return `${place.name}: ${ruleText(rule)} ${does} it`;
}

/** `rule 3 of chain forward in table inet filter`. */
export function ruleText({ family, table, chain, number }: RulePlace): string {
  const what = number === undefined ? 'the policy' : `rule ${number}`;
  return `${what} of chain ${chain} in table ${family} ${table}`;
}
