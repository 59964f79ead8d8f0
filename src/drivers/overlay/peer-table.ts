// Which endpoints of other hosts a network's entries in the kernel are for: what one that goes leaves to another is known here. Pure.
import { addressOf, type IpAddress } from '../../base/cidr.ts';
import type { MacAddress } from '../../base/mac.ts';
import type { EndpointId } from '../../model/ids.ts';
import type { Peer, PeerChange } from '../../model/peer.ts';
import { type EntryChange, entriesOf, type TunnelEntries } from './tunnel-entries.ts';

/** Everybody who claims a key, the last to come last: it is theirs. */
class Claims<Key, Value> {
  readonly #claimants = new Map<Key, Map<EndpointId, Value>>();

  put(key: Key, id: EndpointId, value: Value): void {
    const claimants = this.#claimants.get(key) ?? new Map<EndpointId, Value>();
    this.#claimants.set(key, claimants);
    claimants.delete(id);
    claimants.set(id, value);
  }

  drop(key: Key, id: EndpointId): void {
    const claimants = this.#claimants.get(key);
    claimants?.delete(id);
    if (claimants?.size === 0) this.#claimants.delete(key);
  }

  has(key: Key): boolean {
    return this.#claimants.has(key);
  }

  holder(key: Key): Value | undefined {
    return [...(this.#claimants.get(key)?.values() ?? [])].at(-1);
  }
}

/** Keys of entries that may have to be put in place or taken away. */
interface Touched {
  readonly macs: Set<MacAddress>;
  readonly addresses: Set<IpAddress>;
  readonly hosts: Set<IpAddress>;
}

export class PeerTable {
  readonly #floods: boolean;
  readonly #peers = new Map<EndpointId, Peer>();
  readonly #destinations = new Claims<MacAddress, IpAddress>();
  readonly #neighbours = new Claims<IpAddress, MacAddress>();
  readonly #hosts = new Claims<IpAddress, true>();

  /** `floods`: frames to groups and to all go to every host. */
  constructor(floods: boolean, peers: Iterable<Peer> = []) {
    this.#floods = floods;
    for (const peer of peers) this.#add(peer);
  }

  /** All of it. */
  entries(): TunnelEntries {
    return entriesOf(this.#peers.values(), this.#floods);
  }

  /** The entries the change is about, as they are to be now: those put are put again even if they did not change. */
  change({ put, gone }: PeerChange): EntryChange {
    const touched: Touched = { macs: new Set(), addresses: new Set(), hosts: new Set() };
    for (const peer of gone) {
      touch(touched, peer);
      this.#drop(peer.id, touched);
    }
    for (const peer of put) {
      touch(touched, peer);
      this.#drop(peer.id, touched);
      this.#add(peer);
    }
    return this.#changeOf(touched);
  }

  #add(peer: Peer): void {
    const { id, mac, addresses, host } = peer;
    this.#peers.delete(id);
    this.#peers.set(id, peer);
    this.#destinations.put(mac, id, host.address);
    for (const address of addresses) this.#neighbours.put(addressOf(address), id, mac);
    if (this.#floods) this.#hosts.put(host.address, id, true);
  }

  #drop(id: EndpointId, touched: Touched): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    touch(touched, peer);
    this.#peers.delete(id);
    this.#destinations.drop(peer.mac, id);
    for (const address of peer.addresses) this.#neighbours.drop(addressOf(address), id);
    this.#hosts.drop(peer.host.address, id);
  }

  #changeOf({ macs, addresses, hosts }: Touched): EntryChange {
    const destinations = [...macs].map((mac) => [mac, this.#destinations.holder(mac)] as const);
    const neighbours = [...addresses].map((address) => [address, this.#neighbours.holder(address)] as const);
    const floodable = this.#floods ? [...hosts] : [];
    const put = destinations.filter(isHeld);
    return {
      destinations: put,
      floods: floodable.filter((host) => this.#hosts.has(host)),
      atTunnel: put.map(([mac]) => mac),
      neighbours: neighbours.filter(isHeld),
      gone: {
        neighbours: freed(neighbours),
        atTunnel: freed(destinations),
        floods: floodable.filter((host) => !this.#hosts.has(host)),
        destinations: freed(destinations),
      },
    };
  }
}

function touch(touched: Touched, { mac, addresses, host }: Peer): void {
  touched.macs.add(mac);
  for (const address of addresses) touched.addresses.add(addressOf(address));
  touched.hosts.add(host.address);
}

function isHeld<Key, Value>(
  claim: readonly [Key, Value | undefined],
): claim is readonly [Key, Value & NonNullable<unknown>] {
  return claim[1] !== undefined;
}

function freed<Key>(claims: readonly (readonly [Key, unknown])[]): readonly Key[] {
  return claims.flatMap(([key, holder]) => (holder === undefined ? [key] : []));
}
