// The blocks and endpoints of one network, followed; and of the endpoints those of other hosts that live.
import type { Cidr } from '../../base/cidr.ts';
import type { EndpointId, HostId } from '../../model/ids.ts';
import type { Network } from '../../model/network.ts';
import type { Peer, PeerChange } from '../../model/peer.ts';
import type { StoredKey } from '../shared-store.ts';
import { Follower } from './follower.ts';
import type { KnownHosts } from './known-hosts.ts';
import { decodeBlock, decodeEndpoint, type OwnedEndpoint } from './records.ts';
import type { Site } from './site.ts';

export interface FollowedNetworkHooks {
  /** There is something to tell of its peers. */
  peersChanged(): void;
  /** The store has something as this host's own. */
  foundOwn(stored: StoredKey): void;
}

export class FollowedNetwork {
  readonly network: Network;
  readonly follower: Follower;
  readonly #site: Site;
  readonly #hosts: KnownHosts;
  readonly #hooks: FollowedNetworkHooks;
  readonly #endpoints = new Map<EndpointId, OwnedEndpoint>();
  /** Of each host, so that what becomes of one costs no look at all. */
  readonly #byHost = new Map<HostId, Set<EndpointId>>();
  readonly #peers = new Map<EndpointId, Peer>();
  readonly #blocks = new Map<Cidr, HostId>();
  readonly #told = new Map<EndpointId, Peer>();
  readonly #untold = new Set<EndpointId>();
  #tellAll = true;
  #isWanted = false;

  constructor(network: Network, site: Site, hosts: KnownHosts, hooks: FollowedNetworkHooks) {
    this.network = network;
    this.#site = site;
    this.#hosts = hosts;
    this.#hooks = hooks;
    const prefix = site.layout.partsOf(network.id);
    this.follower = new Follower(site, prefix, { onChange: (keys) => this.#follow(keys) });
    this.follower.start();
  }

  close(): void {
    this.follower.close();
  }

  /** From now on its peers are told of. */
  want(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    this.#hooks.peersChanged();
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Undefined as long as not all of them are known. */
  get peers(): ReadonlyMap<EndpointId, Peer> | undefined {
    return this.#isKnown ? this.#peers : undefined;
  }

  /** Who holds which block. */
  get blocks(): ReadonlyMap<Cidr, HostId> {
    return this.#blocks;
  }

  /** What was not told yet; it counts as told from now on. Undefined when there is nothing, or not everything is known. */
  takeChange(): (PeerChange & { readonly all: boolean }) | undefined {
    if (!this.#isWanted || !this.#isKnown) return undefined;
    const all = this.#tellAll;
    if (!all && this.#untold.size === 0) return undefined;
    const change = all ? { put: [...this.#peers.values()], gone: [] } : this.#difference();
    if (!all && change.put.length + change.gone.length === 0) return undefined;
    for (const { id } of change.gone) this.#told.delete(id);
    if (all) this.#told.clear();
    for (const peer of change.put) this.#told.set(peer.id, peer);
    this.#tellAll = false;
    this.#untold.clear();
    return { ...change, all };
  }

  /** What was told has come to nothing. */
  tellAllAgain(): void {
    this.#tellAll = true;
  }

  /** Hosts came, went or are not what they were. */
  followHosts(ids: ReadonlySet<HostId>): void {
    for (const host of ids) for (const id of this.#byHost.get(host) ?? []) this.#update(id);
    this.#hooks.peersChanged();
  }

  get #isKnown(): boolean {
    return this.follower.applied !== undefined && this.#hosts.isKnown;
  }

  #difference(): PeerChange {
    const put: Peer[] = [];
    const gone: Peer[] = [];
    for (const id of this.#untold) {
      const told = this.#told.get(id);
      const peer = this.#peers.get(id);
      if (peer !== undefined && peer !== told) put.push(peer);
      if (peer === undefined && told !== undefined) gone.push(told);
    }
    return { put, gone };
  }

  #follow(keys: ReadonlySet<string>): void {
    for (const key of keys) {
      const part = this.#site.layout.parsePart(key);
      const stored = this.follower.keys.get(key);
      if (part?.block !== undefined) this.#followBlock(part.block, stored);
      if (part?.endpoint !== undefined) this.#followEndpoint(part.endpoint, stored);
    }
    this.#hooks.peersChanged();
  }

  #followBlock(cidr: Cidr, stored: StoredKey | undefined): void {
    const host = stored && decodeBlock(stored.value);
    if (stored === undefined || host === undefined) {
      this.#blocks.delete(cidr);
      return;
    }
    this.#blocks.set(cidr, host);
    if (host === this.#site.host.id) this.#hooks.foundOwn(stored);
  }

  #followEndpoint(id: EndpointId, stored: StoredKey | undefined): void {
    const owned = stored && decodeEndpoint({ networkId: this.network.id, id }, stored.value);
    this.#setEndpoint(id, owned);
    if (stored !== undefined && owned?.host === this.#site.host.id) this.#hooks.foundOwn(stored);
    this.#update(id);
  }

  #setEndpoint(id: EndpointId, owned: OwnedEndpoint | undefined): void {
    const before = this.#endpoints.get(id)?.host;
    if (before !== undefined) this.#byHost.get(before)?.delete(id);
    if (before !== undefined && this.#byHost.get(before)?.size === 0) this.#byHost.delete(before);
    this.#endpoints.delete(id);
    if (owned === undefined) return;
    this.#endpoints.set(id, owned);
    const ofHost = this.#byHost.get(owned.host) ?? new Set();
    this.#byHost.set(owned.host, ofHost.add(id));
  }

  #update(id: EndpointId): void {
    const owned = this.#endpoints.get(id);
    const host = owned && this.#hosts.living.get(owned.host);
    if (owned === undefined || host === undefined || host.id === this.#site.host.id) this.#peers.delete(id);
    else this.#peers.set(id, { ...owned.endpoint, host });
    this.#untold.add(id);
  }
}
