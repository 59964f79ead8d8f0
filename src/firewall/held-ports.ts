// Holding published ports: each is bound by a socket that lets nothing in, so that neither we nor anybody else uses it twice.
import { type Cidr, familyOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { closeFd } from '../kernel/sockets.ts';
import type { EndpointId } from '../model/ids.ts';
import { askersAt, hasAskersAt, type PortRequest, type Protocol, type PublishedPort } from '../model/port.ts';
import type { HostPortOwner, HostPorts } from './host-ports.ts';
import { BindError, codeOf, freePort, openSocket, type PortName } from './port-socket.ts';
import { findPortUser } from './port-user.ts';

/** A port of ours; without a socket where another holds it, or the kernel has none of that protocol, or not that address now. */
interface HeldPort {
  readonly owner: HostPortOwner;
  readonly protocol: Protocol;
  readonly hostAddress: IpAddress;
  readonly hostPort: number;
  readonly port: number;
  readonly from?: readonly Cidr[];
  readonly fd: number | undefined;
}

type Wanted = Omit<HeldPort, 'fd'>;

const ephemeralAttempts = 16;
/** Where a kernel without sockets of the protocol lets us choose ourselves (RFC 6335). */
const dynamicPorts = { first: 49_152, last: 65_535 };

export class HeldPorts implements HostPorts {
  /** By protocol and number. */
  readonly #ports = new Map<string, readonly HeldPort[]>();
  readonly #owned = new Map<EndpointId, Set<HeldPort>>();

  async reserve(
    owner: HostPortOwner,
    requests: readonly PortRequest[],
    hostAddresses: readonly IpAddress[],
  ): Promise<readonly PublishedPort[]> {
    const chosen = new Map<PortRequest, readonly HeldPort[]>();
    try {
      for (const request of [...requests].sort((a, b) => freedom(a) - freedom(b))) {
        const { hostAddress } = request;
        const addresses = hostAddress === undefined ? hostAddresses : [hostAddress];
        const asked = addresses.filter((address) => hasAskersAt(address, request));
        chosen.set(request, await this.#choose(owner, request, asked));
      }
    } catch (error) {
      for (const held of [...chosen.values()].flat()) this.#drop(held);
      throw error;
    }
    return requests.flatMap((request) => (chosen.get(request) ?? []).map(publishedPort));
  }

  async restore(owner: HostPortOwner, ports: readonly PublishedPort[]): Promise<readonly PublishedPort[]> {
    return ports.filter((port) => {
      try {
        this.#hold({ owner, ...port });
        return false;
      } catch (error) {
        if (codeOf(error) !== 'EADDRNOTAVAIL') return true;
        // The address is not there now, so nobody else has the port either; rules for it wait with it.
        this.#keep({ owner, ...port, fd: undefined });
        return false;
      }
    });
  }

  release(endpointId: EndpointId, ports?: readonly PublishedPort[]): void {
    const own = [...(this.#owned.get(endpointId) ?? [])];
    const wanted = (held: HeldPort) => ports === undefined || ports.some((port) => isSame(port, held));
    for (const held of own.filter(wanted)) this.#drop(held);
  }

  async #choose(
    owner: HostPortOwner,
    request: PortRequest,
    addresses: readonly IpAddress[],
  ): Promise<readonly HeldPort[]> {
    const { hostPort: range, protocol } = request;
    const hold = (hostPort: number) => this.#holdAll(owner, request, addresses, hostPort);
    if (range !== undefined && range.first === range.last) {
      try {
        return hold(range.first);
      } catch (error) {
        throw await this.#refusal(error);
      }
    }
    const candidates = range === undefined ? this.#ephemeral(protocol, addresses) : count(range);
    for (const candidate of candidates) {
      try {
        return hold(candidate);
      } catch (error) {
        if (codeOf(error) !== 'EADDRINUSE') throw await this.#refusal(error);
      }
    }
    const what = range === undefined ? 'ephemeral port' : `port of ${range.first}-${range.last}`;
    throw new NetError('exhausted', `no ${what} for ${protocol} is free on ${addresses.join(' and ')}`);
  }

  /** The same number on every address, or none. */
  #holdAll(
    owner: HostPortOwner,
    request: PortRequest,
    addresses: readonly IpAddress[],
    hostPort: number,
  ): readonly HeldPort[] {
    const { protocol, port } = request;
    const held: HeldPort[] = [];
    try {
      for (const hostAddress of addresses) {
        const askers = askersAt(hostAddress, request);
        held.push(this.#hold({ owner, protocol, port, hostAddress, hostPort, ...askers }));
      }
    } catch (error) {
      for (const one of held) this.#drop(one);
      throw error;
    }
    return held;
  }

  /** Errors: BindError. */
  #hold(wanted: Wanted): HeldPort {
    const rival = this.#rival(wanted);
    if (rival !== undefined) throw new BindError('EADDRINUSE', wanted, rival.owner);
    const held = { ...wanted, fd: wanted.owner.heldElsewhere ? undefined : openSocket(wanted) };
    this.#keep(held);
    return held;
  }

  #keep(held: HeldPort): void {
    const name = nameOf(held);
    this.#ports.set(name, [...(this.#ports.get(name) ?? []), held]);
    const { endpointId } = held.owner;
    this.#owned.set(endpointId, (this.#owned.get(endpointId) ?? new Set()).add(held));
  }

  #drop(held: HeldPort): void {
    const name = nameOf(held);
    const rest = (this.#ports.get(name) ?? []).filter((other) => other !== held);
    if (rest.length === 0) this.#ports.delete(name);
    else this.#ports.set(name, rest);
    const own = this.#owned.get(held.owner.endpointId);
    own?.delete(held);
    if (own?.size === 0) this.#owned.delete(held.owner.endpointId);
    if (held.fd !== undefined) closeFd(held.fd);
  }

  /** A port of ours that excludes this one: of the same address, or where one of the two is on all of them. */
  #rival(wanted: PortName): HeldPort | undefined {
    return this.#ports
      .get(nameOf(wanted))
      ?.find(({ hostAddress }) => overlap(hostAddress, wanted.hostAddress));
  }

  /** Numbers the kernel finds free on the first address; whether the others have them too is seen by trying. */
  *#ephemeral(protocol: Protocol, [first]: readonly IpAddress[]): Generator<number> {
    if (first === undefined) return;
    for (let attempt = 0; attempt < ephemeralAttempts; attempt++) {
      const hostPort = freePort(protocol, first);
      if (hostPort === undefined) return yield* count(dynamicPorts);
      yield hostPort;
    }
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
      const user = (await findPortUser(protocol, hostPort)) ?? 'another process';
      return new NetError('conflict', `${object} is in use by ${user}`, options);
    }
    if (code === 'EADDRNOTAVAIL') {
      return new NetError('invalid_parameter', `${hostAddress} is not an address of this host`, options);
    }
    return new NetError('unavailable', `${object} cannot be held: ${error.message}`, options);
  }
}

/** Explicit ports are served first, so that no range or free choice takes them away. */
function freedom({ hostPort }: PortRequest): number {
  return hostPort === undefined ? Number.POSITIVE_INFINITY : hostPort.last - hostPort.first;
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

function isSame(a: PortName, b: PortName): boolean {
  return a.protocol === b.protocol && a.hostPort === b.hostPort && a.hostAddress === b.hostAddress;
}

function publishedPort({ protocol, port, hostAddress, hostPort, from }: HeldPort): PublishedPort {
  return { protocol, port, hostAddress, hostPort, ...(from !== undefined && { from }) };
}
