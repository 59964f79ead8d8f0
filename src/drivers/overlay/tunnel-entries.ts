// What the kernel is told so that frames find endpoints of other hosts, and what differs of that. Pure.
import { addressOf, type IpAddress } from '../../base/cidr.ts';
import type { MacAddress } from '../../base/mac.ts';
import type { Peer } from '../../model/peer.ts';

/** Entries of a VXLAN, of its bridge's FDB at the VXLAN's port, and of the neighbours on the bridge. */
export interface TunnelEntries {
  /** To which tunnel end frames for a hardware address go. */
  readonly destinations: ReadonlyMap<MacAddress, IpAddress>;
  readonly neighbours: ReadonlyMap<IpAddress, MacAddress>;
  /** Tunnel ends that get frames to groups and to all. */
  readonly floods: ReadonlySet<IpAddress>;
}

export interface ObservedEntries extends TunnelEntries {
  /** Hardware addresses the bridge has statically at the VXLAN. */
  readonly atTunnel: ReadonlySet<MacAddress>;
  /** And anyhow somewhere else: endpoints of this host, which come before those of others. */
  readonly elsewhere: ReadonlySet<MacAddress>;
}

/** What to put in place and what to take away. */
export interface EntryChange {
  readonly destinations: readonly (readonly [MacAddress, IpAddress])[];
  readonly floods: readonly IpAddress[];
  /** Hardware addresses at the VXLAN, unless they are somewhere else. */
  readonly atTunnel: readonly MacAddress[];
  readonly neighbours: readonly (readonly [IpAddress, MacAddress])[];
  readonly gone: {
    readonly neighbours: readonly IpAddress[];
    readonly atTunnel: readonly MacAddress[];
    readonly floods: readonly IpAddress[];
    readonly destinations: readonly MacAddress[];
  };
}

/** Of two that claim one address the later one has it. */
export function entriesOf(peers: Iterable<Peer>, floods: boolean): TunnelEntries {
  const destinations = new Map<MacAddress, IpAddress>();
  const neighbours = new Map<IpAddress, MacAddress>();
  const hosts = new Set<IpAddress>();
  for (const { mac, addresses, host } of peers) {
    destinations.set(mac, host.address);
    for (const address of addresses) neighbours.set(addressOf(address), mac);
    if (floods) hosts.add(host.address);
  }
  return { destinations, neighbours, floods: hosts };
}

export function compareEntries(wanted: TunnelEntries, observed: ObservedEntries): EntryChange {
  const macs = [...wanted.destinations.keys()];
  return {
    destinations: [...wanted.destinations].filter(([mac, to]) => observed.destinations.get(mac) !== to),
    floods: [...wanted.floods].filter((host) => !observed.floods.has(host)),
    atTunnel: macs.filter((mac) => !observed.atTunnel.has(mac) && !observed.elsewhere.has(mac)),
    neighbours: [...wanted.neighbours].filter(([address, mac]) => observed.neighbours.get(address) !== mac),
    gone: {
      neighbours: [...observed.neighbours.keys()].filter((address) => !wanted.neighbours.has(address)),
      atTunnel: [...observed.atTunnel].filter((mac) => !wanted.destinations.has(mac)),
      floods: [...observed.floods].filter((host) => !wanted.floods.has(host)),
      destinations: [...observed.destinations.keys()].filter((mac) => !wanted.destinations.has(mac)),
    },
  };
}

export function isEmpty({ gone, ...put }: EntryChange): boolean {
  return [...Object.values(put), ...Object.values(gone)].every((entries) => entries.length === 0);
}

/** In words, each kind of difference in one sentence, however many there are. */
export function describeChange({ gone, ...put }: EntryChange): readonly string[] {
  return [
    phrase(
      'lacks or misdirects the way to',
      put.destinations.map(([mac, to]) => `${mac} at ${to}`),
    ),
    phrase('does not send to groups at', put.floods),
    phrase('does not expect at its tunnel', put.atTunnel),
    phrase(
      'lacks neighbour',
      put.neighbours.map(([address, mac]) => `${address} at ${mac}`),
    ),
    phrase('has neighbour, which is no endpoint of another host,', gone.neighbours),
    phrase('expects at its tunnel, where no endpoint has it,', gone.atTunnel),
    phrase('sends to groups at', gone.floods),
    phrase('has a way that leads to no endpoint, to', gone.destinations),
  ].filter((text) => text !== undefined);
}

function phrase(what: string, objects: readonly string[]): string | undefined {
  const [first, ...others] = objects;
  if (first === undefined) return undefined;
  return others.length === 0 ? `${what} ${first}` : `${what} ${first} and ${others.length} more`;
}
