// Which held ports are relayed, where to and for whom: those the kernel cannot translate.
import { familyOf, type IpAddress } from '../base/cidr.ts';
import { type RelayLimits, type RelayTarget, relayHostPort } from '../kernel/relay.ts';
import { type AskerFilter, encodeAskerFilter } from '../kernel/socket-filter.ts';
import type { PublishedPort } from '../model/port.ts';
import { targetOf } from '../model/port-target.ts';

/** A client of UDP is remembered for as long as docker-proxy does. */
export const relayLimits: RelayLimits = { most: 1024, idleMs: 90_000 };

const loopback = '::1' as IpAddress;

/** Relays what comes to the socket, if anything of the port is to be relayed; says whether it is. Errors: see `relayHostPort`. */
export function relayPort(
  port: PublishedPort & { readonly fd: number },
  addresses: readonly IpAddress[],
  limits: RelayLimits,
): boolean {
  const target = relayTarget(port, addresses);
  if (target === undefined) return false;
  relayHostPort({ fd: port.fd, port: port.hostPort }, target, limits);
  return true;
}

/**
 * Undefined where the kernel translates everything: it does so within a family, but has no route_localnet for IPv6, so what
 * is sent to ::1 comes to the socket. Protocols other than TCP and UDP are not relayed.
 */
function relayTarget(
  { protocol, hostAddress, port, from }: PublishedPort,
  addresses: readonly IpAddress[],
): RelayTarget | undefined {
  const address = targetOf(hostAddress, addresses);
  if (address === undefined || protocol === 'sctp') return undefined;
  const askers: AskerFilter = from === undefined ? {} : { from };
  const isTranslated = familyOf(address) === familyOf(hostAddress);
  if (isTranslated && hostAddress !== '::' && hostAddress !== loopback) return undefined;
  const filter = encodeAskerFilter({ ...askers, ...(isTranslated && { to: loopback }) });
  return { protocol, address, port, filter };
}
