// Which held ports are relayed, where to and for whom: those the kernel cannot translate.
import { familyOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { RelayLimits, RelayTarget } from '../kernel/relay.ts';
import { encodeSocketFilter, type SocketFilter } from '../kernel/socket-filter.ts';
import type { PublishedPort } from '../model/port.ts';
import { targetOf } from '../model/port-target.ts';

/** A client of UDP is remembered for as long as docker-proxy does. */
export const relayLimits: RelayLimits = { most: 1024, idleMs: 90_000 };

const loopback = '::1' as IpAddress;

/** BPF_MAXINSNS of include/uapi/linux/bpf_common.h, and the bytes of each. */
const filterBytes = 4096 * 8;

/**
 * Where what comes to a socket that holds these ports is relayed to, and what of it: one port, or the same on `0.0.0.0` and on
 * `::`. Undefined where nothing is. Errors: `invalid_parameter` when they are for more askers than a socket can tell apart.
 */
export function relayTarget(
  ports: readonly PublishedPort[],
  addresses: readonly IpAddress[],
): RelayTarget | undefined {
  const relayings = ports.map((port) => relayingOf(port, addresses)).filter((one) => one !== undefined);
  const [first] = relayings;
  if (first === undefined) return undefined;
  // Ports of both families that are relayed lead to one address: the endpoint has but one family.
  const { protocol, hostPort, port, address } = first;
  const filter = encodeSocketFilter(Object.assign({}, ...relayings.map(({ askers }) => askers)));
  if (filter.length > filterBytes) {
    const count = new Set(ports.flatMap(({ from }) => from ?? [])).size;
    throw new NetError(
      'invalid_parameter',
      `port ${hostPort}/${protocol}: from= lists ${count} subnets, too many for a port that is relayed: the filter of a socket holds about 1000 of IPv4, or 300 of IPv6`,
    );
  }
  return { protocol, address, port, filter };
}

interface Relaying extends Pick<RelayTarget, 'protocol' | 'address' | 'port'> {
  readonly hostPort: number;
  readonly askers: SocketFilter;
}

/**
 * Undefined where the kernel translates everything: it does so within a family, but has no route_localnet for IPv6, so what
 * is sent to ::1 comes to the socket. Protocols other than TCP and UDP are not relayed.
 */
function relayingOf(
  { protocol, hostAddress, hostPort, port, from }: PublishedPort,
  addresses: readonly IpAddress[],
): Relaying | undefined {
  const address = targetOf(hostAddress, addresses);
  if (address === undefined || protocol === 'sctp') return undefined;
  const isTranslated = familyOf(address) === familyOf(hostAddress);
  if (isTranslated && hostAddress !== '::' && hostAddress !== loopback) return undefined;
  const filter = { ...(from !== undefined && { from }), ...(isTranslated && { to: loopback }) };
  const askers = familyOf(hostAddress) === 4 ? { ipv4: filter } : { ipv6: filter };
  return { protocol, hostPort, port, address, askers };
}
