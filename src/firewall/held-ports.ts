// Holding published ports: each is bound by a socket, so that neither we nor anybody else uses it twice. It lets nothing in but
// what the relay carries on.
import { familyOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { kernelHasIpv6 } from '../kernel/ipv6-stack.ts';
import { endRelays, type RelayLimits, relayHostPort } from '../kernel/relay.ts';
import { closeFd } from '../kernel/sockets.ts';
import type { EndpointId } from '../model/ids.ts';
import { askersAt, type PublishedPort } from '../model/port.ts';
import { EphemeralPorts, rangeText, readEphemeralRange } from './ephemeral-ports.ts';
import type { HostPortOwner, HostPortRequest, HostPorts } from './host-ports.ts';
import { relayLimits, relayTarget } from './port-relay.ts';
import { BindError, codeOf, openSocket, type PortName } from './port-socket.ts';
import { findPortUser } from './port-user.ts';

/** Of one port, or of the same on `0.0.0.0` and `::`. */
interface HeldSocket {
  readonly fd: number;
  /** Then the relay has it. */
  readonly isRelayed: boolean;
  /** Closed with the last of them. */
  users: number;
}

/** A port of ours; without a socket where another holds it, or the kernel has none of that protocol, or not that address now. */
interface HeldPort extends PublishedPort {
  readonly owner: HostPortOwner;
  readonly socket?: HeldSocket;
}

type Wanted = PublishedPort & Pick<HeldPort, 'owner'>;

export class HeldPorts implements HostPorts {
  /** By protocol and number. */
  readonly #ports = new Map<string, readonly HeldPort[]>();
  readonly #owned = new Map<EndpointId, Set<HeldPort>>();
  readonly #ephemeral = new EphemeralPorts();
  readonly #relayLimits: RelayLimits;

  constructor(limits = relayLimits) {
    this.#relayLimits = limits;
  }

  async reserve(
    owner: HostPortOwner,
    requests: readonly HostPortRequest[],
  ): Promise<readonly PublishedPort[]> {
    const chosen = new Map<HostPortRequest, readonly HeldPort[]>();
    try {
      for (const request of [...requests].sort((a, b) => freedom(a) - freedom(b))) {
        chosen.set(request, await this.#choose(owner, request));
      }
    } catch (error) {
      this.#drop([...chosen.values()].flat());
      throw error;
    }
    return requests.flatMap((request) => (chosen.get(request) ?? []).map(publishedPort));
  }

  async restore(owner: HostPortOwner, ports: readonly PublishedPort[]): Promise<readonly PublishedPort[]> {
    const lost: PublishedPort[] = [];
    for (const group of pairs(ports.map((port) => ({ ...port, owner })))) {
      if (this.#holdBoth(group) !== undefined) continue;
      lost.push(...group.filter((wanted) => !this.#restore(wanted)).map(publishedPort));
    }
    return lost;
  }

  release(endpointId: EndpointId, ports?: readonly PublishedPort[]): void {
    const own = [...(this.#owned.get(endpointId) ?? [])];
    const wanted = ports && new Set(ports.map(placeOf));
    this.#drop(own.filter((held) => wanted === undefined || wanted.has(placeOf(held))));
  }

  async #choose(owner: HostPortOwner, request: HostPortRequest): Promise<readonly HeldPort[]> {
    const { hostPort: range } = request;
    const wanted = { ...request, hostAddresses: possible(request.hostAddresses) };
    if (range === undefined) return this.#chooseEphemeral(owner, wanted);
    if (range.first === range.last) {
      try {
        return this.#holdAll(owner, wanted, range.first);
      } catch (error) {
        throw await this.#refusal(error);
      }
    }
    const held = await this.#holdFirst(owner, wanted, count(range));
    return held ?? noneFree(wanted, `port of ${range.first}-${range.last}`);
  }

  async #chooseEphemeral(owner: HostPortOwner, request: HostPortRequest): Promise<readonly HeldPort[]> {
    const range = await readEphemeralRange();
    const held = await this.#holdFirst(owner, request, this.#ephemeral.candidates(range));
    const [first] = held ?? [];
    if (first !== undefined) this.#ephemeral.given(first.hostPort);
    return held ?? noneFree(request, `ephemeral port of ${rangeText(range)}`);
  }

  async #holdFirst(
    owner: HostPortOwner,
    request: HostPortRequest,
    candidates: Iterable<number>,
  ): Promise<readonly HeldPort[] | undefined> {
    const { protocol, hostAddresses } = request;
    for (const hostPort of candidates) {
      // Asked first, as an error for each of thousands would take its time.
      if (hostAddresses.some((hostAddress) => this.#rival({ protocol, hostAddress, hostPort }))) continue;
      try {
        return this.#holdAll(owner, request, hostPort);
      } catch (error) {
        if (codeOf(error) !== 'EADDRINUSE') throw await this.#refusal(error);
      }
    }
    return undefined;
  }

  /** The same number on every address, or none. */
  #holdAll(owner: HostPortOwner, request: HostPortRequest, hostPort: number): readonly HeldPort[] {
    const { protocol, port, hostAddresses } = request;
    const wanted = hostAddresses.map((hostAddress) => {
      return { owner, protocol, port, hostAddress, hostPort, ...askersAt(hostAddress, request) };
    });
    const held: HeldPort[] = [];
    try {
      for (const group of pairs(wanted)) {
        const both = this.#holdBoth(group);
        if (both !== undefined) held.push(...both);
        else for (const one of group) held.push(this.#hold(one));
      }
    } catch (error) {
      this.#drop(held);
      throw error;
    }
    return held;
  }

  /** By one socket, where that is possible; whatever keeps it from being so is found by trying them one by one. */
  #holdBoth(wanted: readonly Wanted[]): readonly HeldPort[] | undefined {
    const last = wanted[1];
    if (last === undefined || last.owner.heldElsewhere || wanted.some((one) => this.#rival(one)))
      return undefined;
    try {
      const socket = this.#open(last, wanted);
      return wanted.map((one) => this.#keep({ ...one, ...(socket && { socket }) }));
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return undefined;
    }
  }

  /** Errors: BindError. */
  #hold(wanted: Wanted): HeldPort {
    const rival = this.#rival(wanted);
    if (rival !== undefined) throw new BindError('EADDRINUSE', wanted, rival.owner);
    const socket = wanted.owner.heldElsewhere ? undefined : this.#open(wanted, [wanted]);
    return this.#keep({ ...wanted, ...(socket && { socket }) });
  }

  /** False when somebody else has it. */
  #restore(wanted: Wanted): boolean {
    try {
      this.#hold(wanted);
    } catch (error) {
      if (codeOf(error) !== 'EADDRNOTAVAIL') return false;
      // The address is not there now, so nobody else has the port either; rules for it wait with it.
      this.#keep(wanted);
    }
    return true;
  }

  /** A socket for these ports, relayed as far as they are to be. Errors: BindError; see `relayTarget`. */
  #open(wanted: Wanted, users: readonly Wanted[]): HeldSocket | undefined {
    const target = relayTarget(users, wanted.owner.addresses);
    const fd = openSocket(wanted, users.length > 1);
    if (fd === undefined) return undefined;
    try {
      if (target !== undefined) relayHostPort({ fd, port: wanted.hostPort }, target, this.#relayLimits);
      return { fd, isRelayed: target !== undefined, users: users.length };
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined) throw error;
      throw new BindError(code, wanted, undefined, { cause: error });
    }
  }

  #keep(held: HeldPort): HeldPort {
    const name = nameOf(held);
    this.#ports.set(name, [...(this.#ports.get(name) ?? []), held]);
    const { endpointId } = held.owner;
    this.#owned.set(endpointId, (this.#owned.get(endpointId) ?? new Set()).add(held));
    return held;
  }

  #drop(ports: readonly HeldPort[]): void {
    const relayed: number[] = [];
    for (const held of ports) {
      this.#forget(held);
      const { socket } = held;
      if (socket === undefined || --socket.users > 0) continue;
      if (socket.isRelayed) relayed.push(socket.fd);
      else closeFd(socket.fd);
    }
    endRelays(relayed);
  }

  #forget(held: HeldPort): void {
    const name = nameOf(held);
    const rest = (this.#ports.get(name) ?? []).filter((other) => other !== held);
    if (rest.length === 0) this.#ports.delete(name);
    else this.#ports.set(name, rest);
    const own = this.#owned.get(held.owner.endpointId);
    own?.delete(held);
    if (own?.size === 0) this.#owned.delete(held.owner.endpointId);
  }

  /** A port of ours that excludes this one: of the same address, or where one of the two is on all of them. */
  #rival(wanted: PortName): HeldPort | undefined {
    return this.#ports
      .get(nameOf(wanted))
      ?.find(({ hostAddress }) => overlap(hostAddress, wanted.hostAddress));
  }

  async #refusal(error: unknown): Promise<unknown> {
    if (!(error instanceof BindError)) return error;
    const { code, socket, owner } = error;
    const { hostAddress, hostPort, protocol } = socket;
    const object = `port ${hostPort}/${protocol} on ${hostAddress}`;
    const options = { cause: error };
    if (owner !== undefined) {
      return new NetError('conflict', `${object} is published by sandbox ${owner.sandboxName}`, options);
    }
    if (code === 'EADDRINUSE') {
      const user = (await findPortUser(socket)) ?? 'another process';
      return new NetError('conflict', `${object} is in use by ${user}`, options);
    }
    if (code === 'EADDRNOTAVAIL') {
      return new NetError('invalid_parameter', `${hostAddress} is not an address of this host`, options);
    }
    return new NetError('unavailable', `${object} cannot be held: ${error.message}`, options);
  }
}

/** Explicit ports are served first, so that no range or free choice takes them away. */
function freedom({ hostPort }: HostPortRequest): number {
  return hostPort === undefined ? Number.POSITIVE_INFINITY : hostPort.last - hostPort.first;
}

/** Without addresses a kernel without IPv6 does not know, as long as any is left. */
function possible(addresses: readonly IpAddress[]): readonly IpAddress[] {
  const known = addresses.filter((address) => kernelHasIpv6 || familyOf(address) === 4);
  return known.length > 0 ? known : addresses;
}

/** The same port on `0.0.0.0` and on `::` together, `::` being the last; all others alone. */
function pairs(wanted: readonly Wanted[]): readonly (readonly Wanted[])[] {
  const groups = new Map<string, readonly Wanted[]>();
  for (const one of wanted) {
    const place = isWildcard(one.hostAddress) ? `${nameOf(one)} to ${one.port}` : placeOf(one);
    groups.set(place, [...(groups.get(place) ?? []), one]);
  }
  return [...groups.values()].map((group) =>
    group.toSorted((a, b) => familyOf(a.hostAddress) - familyOf(b.hostAddress)),
  );
}

function noneFree({ protocol, hostAddresses }: HostPortRequest, what: string): never {
  throw new NetError('exhausted', `no ${what} for ${protocol} is free on ${hostAddresses.join(' and ')}`);
}

function* count({ first, last }: { readonly first: number; readonly last: number }): Generator<number> {
  for (let port = first; port <= last; port++) yield port;
}

function overlap(a: IpAddress, b: IpAddress): boolean {
  if (familyOf(a) !== familyOf(b)) return false;
  return a === b || isWildcard(a) || isWildcard(b);
}

function isWildcard(address: IpAddress): boolean {
  return address === '0.0.0.0' || address === '::';
}

function nameOf({ protocol, hostPort }: PortName): string {
  return `${hostPort}/${protocol}`;
}

function placeOf(port: PortName): string {
  return `${nameOf(port)} on ${port.hostAddress}`;
}

function publishedPort({ protocol, port, hostAddress, hostPort, from }: HeldPort): PublishedPort {
  return { protocol, port, hostAddress, hostPort, ...(from !== undefined && { from }) };
}
