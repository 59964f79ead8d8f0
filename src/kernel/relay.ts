// Carrying what comes to a held port on to another address: by one thread of the addon for all ports, in the daemon's namespace.
import { isIP } from 'node:net';
import { NetError } from '../base/errors.ts';
import { native } from './native.ts';
import type { HeldHostPort } from './sockets.ts';

export interface RelayLimits {
  /** Connections at a time of one TCP port: further ones wait. Clients of a UDP port: those that were silent longest give way. */
  readonly most: number;
  /** For how long a client of a UDP port is remembered that says nothing and is told nothing. */
  readonly idleMs: number;
}

export interface RelayTarget {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** Of the socket, see `encodeSocketFilter`: nothing else came in so far. */
  readonly filter: Uint8Array;
}

/**
 * Takes a held port's socket, also when it fails; from now on it is `endRelays` that closes it. Errors: those of epoll_ctl(2)
 * and setsockopt(2), with `code`.
 */
export function relayHostPort({ fd }: HeldHostPort, target: RelayTarget, limits: RelayLimits): void {
  const { protocol, address, port, filter } = target;
  if (isIP(address) === 0 || address.includes('%')) {
    throw new NetError('internal', `${address} is not an IP address`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 0xffff) {
    throw new NetError('internal', `${port} is not a port`);
  }
  for (const [name, value] of Object.entries(limits)) {
    if (Number.isInteger(value) && value > 0 && value <= 0x7fff_ffff) continue;
    throw new NetError('internal', `${name} of a relay cannot be ${value}`);
  }
  native.relayPort(fd, protocol, address, port, filter, limits.most, limits.idleMs);
}

/** Nobody who asks by one of these interfaces is relayed from now on; it takes the place of what was said before. */
export function closeRelaysTo(ifnames: readonly string[]): void {
  native.closeRelaysTo(ifnames);
}

/** Closes sockets the relay has taken, and what came by them: when it returns, the ports are free. */
export function endRelays(fds: readonly number[]): void {
  if (fds.length > 0) native.endRelays(Int32Array.from(fds));
}
