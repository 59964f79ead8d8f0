// A tracer that asks the kernel as it is now: there with the first packet of a connection, and back with its answer.
import { contains, familyOf, type IpAddress, type IpFamily, rangeOf, toIpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import { openConnections } from './connections.ts';
import { type Listener, listenersAt, serves } from './listeners.ts';
import type { Packet, Position } from './packet.ts';
import { Place } from './place.ts';
import type { SaveLegacy } from './save-legacy.ts';
import type {
  Obstacle,
  Origin,
  Trace,
  TracedPacket,
  TracedPeer,
  TracedSandbox,
  TraceRequest,
  Tracer,
} from './tracer.ts';
import { comesBack, tunnelOf } from './tunnel.ts';
import { type Translations, Walk } from './walk.ts';
import type { WalkEnd } from './walker.ts';
import { World } from './world.ts';

export class KernelTracer implements Tracer {
  readonly #legacy: SaveLegacy | undefined;

  /** @param legacy asked only where the kernel has tables of that kind. */
  constructor(legacy?: SaveLegacy) {
    this.#legacy = legacy;
  }

  async trace(request: TraceRequest): Promise<Trace> {
    const world = await World.of(request, this.#legacy);
    try {
      const tracing = new Tracing(world, request);
      const trace = await tracing.run();
      const { sent } = tracing;
      return { ...trace, older: sent === undefined ? [] : await openConnections(sent) };
    } finally {
      world.close();
    }
  }

  async hostAddresses(ifname: string): Promise<readonly IpAddress[]> {
    const host = await Place.host();
    const link = host.named(ifname);
    if (link === undefined) throw noInterface(ifname);
    return ([4, 6] as const).flatMap((family) => host.addressOn(link, family) ?? []);
  }
}

/** Answers go to a port nobody has chosen: the first dynamic one of RFC 6335, section 6, stands for it. */
const askerPort = 49152;

/** Where a packet starts. */
type Start =
  | { readonly place: Place }
  | { readonly place: Place; readonly link: Link; readonly source: IpAddress };

type Found = Omit<Trace, 'older'>;

class Tracing {
  readonly #world: World;
  readonly #request: TraceRequest;
  readonly #translations: Translations = new Map();
  readonly #there: Walk;

  constructor(world: World, request: TraceRequest) {
    this.#world = world;
    this.#request = request;
    this.#there = new Walk(world, this.#translations);
  }

  /** Undefined where there was no way out. */
  get sent(): Packet | undefined {
    return this.#there.sent;
  }

  async run(): Promise<Found> {
    const { from, to, protocol, port } = this.#request;
    const start = await this.#start(from, familyOf(to));
    const asked = {
      destination: to,
      asked: to,
      protocol,
      destinationPort: port,
      state: 'new',
      translated: { source: false, destination: false },
    } as const;
    const source = 'source' in start ? start.source : undefined;
    const end =
      'link' in start
        ? await this.#there.arrive(start.place, { ...asked, source: start.source }, start.link)
        : await this.#there.send(start.place, asked);
    if (!end.passes) return this.#ended(end.obstacle, end.packet, end.position);
    return this.#arrived(end, { start, asked: { ...asked, source: source ?? end.packet.source } });
  }

  async #arrived(end: Extract<WalkEnd, { passes: true }>, way: Way): Promise<Found> {
    const { goal } = this.#request;
    if ('outside' in end) {
      if (goal === undefined || goal === end.peer?.name) return this.#answered(end, way);
      return this.#stopped(
        { kind: 'elsewhere', place: 'outside' },
        `that is not the way to ${goal}`,
        end.packet,
      );
    }
    const relayed = this.#relay(end);
    if (relayed !== undefined) return relayed;
    if (goal !== undefined && end.place.name !== goal) {
      const text = `it arrives at ${end.place.name}, not at ${goal}`;
      return this.#stopped({ kind: 'elsewhere', place: end.place.name }, text, end.packet);
    }
    return (await this.#unheard(end.place, end.packet)) ?? this.#answered(end, way);
  }

  /** Where nothing was to be translated, a port that is held on the host leads nowhere, or is taken on by the relay. */
  #relay({ place, packet }: Extract<WalkEnd, { place: Place }>): Promise<Found> | Found | undefined {
    const { destination, destinationPort, protocol } = packet;
    if (!place.isHost || protocol === 'icmp' || destinationPort === undefined) return undefined;
    const held = this.#world.held.find(
      (one) =>
        one.protocol === protocol &&
        serves({ address: one.address, port: one.port }, destination) &&
        one.port === destinationPort,
    );
    if (held === undefined) return undefined;
    const mayAsk = held.from === undefined || held.from.some((subnet) => contains(subnet, packet.source));
    if (held.relayedTo === undefined || !mayAsk) {
      const text = `port ${destinationPort}/${protocol} is published, but not for ${packet.source}: nothing answers it`;
      return this.#stopped({ kind: 'held', port: destinationPort }, text, packet);
    }
    return this.#goOn(held.relayedTo, packet);
  }

  async #goOn(to: { readonly address: IpAddress; readonly port: number }, packet: Packet): Promise<Found> {
    this.#there.pass(`netd takes the connection on to ${to.address} port ${to.port}`);
    this.#translations.clear();
    const asked = {
      destination: to.address,
      asked: to.address,
      protocol: packet.protocol,
      destinationPort: to.port,
      state: 'new',
      translated: { source: false, destination: false },
    } as const;
    const end = await this.#there.send(this.#world.host, asked);
    if (!end.passes) return this.#ended(end.obstacle, end.packet, end.position);
    return this.#arrived(end, {
      start: { place: this.#world.host },
      asked: { ...asked, source: end.packet.source },
    });
  }

  async #unheard(place: Place, packet: Packet): Promise<Found | undefined> {
    const { protocol, destinationPort, destination } = packet;
    if (protocol === 'icmp') return this.#unechoed(place, packet);
    if (destinationPort === undefined) return undefined;
    const port = `${destinationPort}/${protocol}`;
    const all = await listenersAt(place, protocol, destinationPort);
    if (all.some((one) => serves(one, destination))) {
      this.#there.pass(`${place.name} listens on ${port}`);
      return undefined;
    }
    const at = all.map(listenerText);
    const text =
      at.length === 0
        ? `nothing listens on ${port} in ${place.name}`
        : `nothing listens on ${port} at ${destination} in ${place.name}, only at ${at.join(', ')}`;
    return this.#stopped({ kind: 'not-listening', place: place.name, at }, text, packet);
  }

  async #unechoed(place: Place, packet: Packet): Promise<Found | undefined> {
    const family = familyOf(packet.destination);
    const sysctl = family === 4 ? 'net/ipv4/icmp_echo_ignore_all' : 'net/ipv6/icmp/echo_ignore_all';
    if ((await place.sysctl(sysctl)) !== '1') {
      this.#there.pass(`${place.name} answers echo requests`);
      return undefined;
    }
    const text = `${place.name} answers no echo requests: ${sysctl.replaceAll('/', '.')} is 1`;
    return this.#stopped({ kind: 'not-listening', place: place.name, at: [] }, text, packet);
  }

  /** The answer goes its own way, and must come from where the question was sent. */
  async #answered(end: Extract<WalkEnd, { passes: true }>, way: Way): Promise<Found> {
    const { packet } = end;
    const lostThere = 'outside' in end && this.#lostThere(end);
    if (typeof lostThere === 'string')
      return this.#stopped({ kind: 'answer-lost', place: way.start.place.name }, lostThere, packet);
    const back = new Walk(this.#world, this.#translations);
    const answer: Packet = {
      ...packet,
      source: packet.destination,
      destination: packet.source,
      sourcePort: packet.destinationPort,
      destinationPort: packet.protocol === 'icmp' ? undefined : askerPort,
      state: 'established',
    };
    const returned =
      'outside' in end
        ? await back.arrive(this.#world.host, answer, end.outside)
        : await back.send(end.place, answer);
    if (!returned.passes) {
      const last = back.steps.at(-1);
      const text = `answers do not come back: ${last?.text ?? ''}`;
      this.#there.steps.push({ passes: returned.passes, text });
      return this.#ended(returned.obstacle, returned.packet, returned.position);
    }
    const lost = this.#misled(returned, way.start, way.asked);
    if (lost !== undefined)
      return this.#stopped({ kind: 'answer-lost', place: way.start.place.name }, lost, returned.packet);
    this.#there.pass('outside' in end ? 'answers are let back in' : 'answers come back');
    const trace = this.#ended(undefined, packet, {});
    if (!('outside' in end)) return trace;
    const { outside, peer } = end;
    const tunnel = peer === undefined ? {} : { tunnel: { ifname: outside.name, peer } };
    return { ...trace, leaves: true, ...tunnel };
  }

  /** Where an endpoint of another host answers somebody who is not on its network. */
  #lostThere({ outside, peer, packet }: Extract<WalkEnd, { outside: Link }>): string | undefined {
    if (peer === undefined || comesBack(this.#world.host, outside, packet.source)) return undefined;
    return `answers to ${packet.source} do not come back from host ${peer.host.name}: it has the network's gateway itself`;
  }

  #misled(returned: Extract<WalkEnd, { passes: true }>, start: Start, asked: Packet): string | undefined {
    const { packet } = returned;
    const isBack =
      'outside' in returned ? 'link' in start : !('link' in start) && returned.place === start.place;
    if (!isBack)
      return `answers go ${'outside' in returned ? `out by ${returned.outside.name}` : `to ${returned.place.name}`}`;
    const isRight = packet.source === asked.destination && packet.sourcePort === asked.destinationPort;
    return isRight
      ? undefined
      : `answers come from ${packet.source}, not from ${asked.destination}: nobody waits for them`;
  }

  async #start(from: Origin, family: IpFamily): Promise<Start> {
    const { host } = this.#world;
    if (from.kind === 'host') return { place: host };
    if (from.kind === 'sandbox') return { place: await this.#placeOf(from.sandbox) };
    if (from.kind === 'peer') return this.#behindTunnel(from.peer, family);
    const link = host.named(from.ifname);
    if (link === undefined) throw noInterface(from.ifname);
    return { place: host, link, source: from.address ?? (await this.#somebodyBehind(link, family)) };
  }

  #behindTunnel({ bridge, name, addresses }: TracedPeer, family: IpFamily): Start {
    const { host } = this.#world;
    const link = host.named(bridge);
    const tunnel = link && tunnelOf(host, link);
    const source = addresses.find((address) => familyOf(address) === family);
    if (tunnel === undefined) throw new NetError('not_found', `there is no tunnel to ${name}`);
    if (source === undefined) throw new NetError('invalid_parameter', `${name} has no IPv${family} address`);
    return { place: host, link: tunnel, source };
  }

  async #placeOf(sandbox: TracedSandbox): Promise<Place> {
    const place = await this.#world.place(sandbox);
    if (place === undefined)
      throw new NetError('not_found', `the network namespace of ${sandbox.name} is gone`);
    return place;
  }

  /** The router there, or else an address of the link's subnet that is not the host's. */
  async #somebodyBehind(link: Link, family: IpFamily): Promise<IpAddress> {
    const { host } = this.#world;
    const far = (family === 4 ? '192.0.2.1' : '2001:db8::1') as IpAddress;
    const route = await host.route({ destination: far });
    if (typeof route === 'object' && route.link === link.index && route.gateway !== undefined)
      return route.gateway;
    for (const subnet of host
      .subnetsOn(host.link(link.master) ?? link)
      .filter((one) => familyOf(one) === family && !one.startsWith('fe80:'))) {
      const { first, last } = rangeOf(subnet);
      for (let value = first + 1n; value < last && value < first + 8n; value++) {
        const address = toIpAddress(value, family);
        if (contains(subnet, address) && !host.hasAddress(address)) return address;
      }
    }
    return far;
  }

  #stopped(obstacle: Obstacle, text: string, packet: Packet): Found {
    this.#there.stop(obstacle, text, packet);
    return this.#ended(obstacle, packet, {});
  }

  #ended(obstacle: Obstacle | undefined, packet: Packet, position: Position): Found {
    const { steps } = this.#there;
    const passes = obstacle === undefined ? true : steps.at(-1)?.passes;
    return {
      steps,
      passes,
      ...(obstacle !== undefined && { obstacle }),
      packet: tracedPacket(packet, position),
    };
  }
}

function noInterface(ifname: string): NetError {
  return new NetError('invalid_parameter', `the host has no interface ${ifname}`);
}

interface Way {
  readonly start: Start;
  /** The packet as it was sent. */
  readonly asked: Packet;
}

function tracedPacket(packet: Packet, { iif, oif }: Position): TracedPacket {
  const { source, destination, protocol, destinationPort } = packet;
  return {
    source,
    destination,
    protocol,
    ...(destinationPort !== undefined && { port: destinationPort }),
    ...(iif !== undefined && { iifname: iif.name }),
    ...(oif !== undefined && { oifname: oif.name }),
  };
}

function listenerText({ address, port }: Listener): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
