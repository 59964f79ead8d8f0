// The cluster of hosts that share a store. Puts its parts together: what each of them hears goes to those it concerns.
import type { Cidr, IpAddress } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ClusterView } from '../../model/cluster-view.ts';
import type { EndpointId, HostId, NetworkId } from '../../model/ids.ts';
import type { Network } from '../../model/network.ts';
import type { ClusterHost, Peer, SharedEndpoint } from '../../model/peer.ts';
import { pause } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Cluster, ClusterListener } from '../cluster.ts';
import type { ClusterMemory } from '../memory.ts';
import type { Revision, SharedStore, StoredKey } from '../shared-store.ts';
import { Collector } from './collector.ts';
import { Errands } from './errands.ts';
import { FollowedNetwork } from './followed-network.ts';
import type { Follower } from './follower.ts';
import { HeldBlocks } from './held-blocks.ts';
import type { Times } from './judge-registration.ts';
import { KnownHosts } from './known-hosts.ts';
import { Layout } from './layout.ts';
import { Membership } from './membership.ts';
import { ObservedStore } from './observed-store.ts';
import { blockOf } from './own-records.ts';
import { PublishedEndpoints } from './published-endpoints.ts';
import { readPeers } from './read-peers.ts';
import { rebuild } from './rebuild.ts';
import { Recollection } from './recollection.ts';
import { decodeBlock } from './records.ts';
import { ReturnedBlocks } from './returned-blocks.ts';
import { settle } from './settle.ts';
import { SharedNetworks } from './shared-networks.ts';
import type { Site } from './site.ts';
import { Standing } from './standing.ts';
import { Teller } from './teller.ts';
import { TouchedNetworks } from './touched-networks.ts';
import { viewCluster } from './view-cluster.ts';

export interface SharedClusterOptions extends Times {
  readonly store: SharedStore;
  readonly clock: Clock;
  /** Of the start of the machine that the clock counts from. */
  readonly bootId: string;
  readonly memory: ClusterMemory;
  /** This one. */
  readonly host: ClusterHost;
  /** Below which the cluster's records are, without a slash at the end. */
  readonly prefix: string;
  readonly log: Log;
}

/** How long a start waits for the store. */
const startPatienceMs = 2000;
/** By then whatever an earlier life of this daemon sent has arrived, or never will. */
const afterlifeMs = 20_000;
/** How long a claim waits for what others hold. */
const readPatienceMs = 3000;

export class SharedCluster implements Cluster {
  readonly kind = 'etcd';
  readonly #prefix: string;
  readonly #site: Site;
  readonly #standing: Standing;
  readonly #membership: Membership;
  readonly #hosts: KnownHosts;
  readonly #networks: SharedNetworks;
  readonly #endpoints: PublishedEndpoints;
  readonly #returns: ReturnedBlocks;
  readonly #held: HeldBlocks;
  readonly #touched: TouchedNetworks;
  readonly #collector: Collector;
  readonly #errands: Errands;
  readonly #teller: Teller;
  readonly #followed = new Map<NetworkId, FollowedNetwork>();
  #joined = () => {};
  #cancelSweep = () => {};

  constructor(options: SharedClusterOptions) {
    const { clock, log, host, prefix, memory, leaseSeconds, graceSeconds } = options;
    const recollection = new Recollection(memory);
    const store = new ObservedStore(options.store, recollection.current.cluster?.revision ?? 0);
    const site = { store, clock, log, host, layout: new Layout(prefix) };
    this.#prefix = prefix;
    this.#site = site;
    this.#standing = new Standing(clock, options.bootId, recollection.current.claim);
    const own = { times: { leaseSeconds, graceSeconds }, standing: this.#standing, recollection };
    this.#membership = new Membership(site, own, {
      rebuild: (token) => this.#rebuild(token),
      settle: (token) => this.#settle(token),
      changed: () => this.#followStanding(),
    });
    this.#hosts = new KnownHosts(site, {
      changed: (ids) => this.#followHosts(ids),
      ownIsGone: (what) => this.#lookForOwn(what),
    });
    this.#networks = new SharedNetworks(site, this.#membership, this.#hosts, (ids) => {
      for (const id of ids) this.#teller.network(id);
    });
    this.#endpoints = new PublishedEndpoints(site, this.#membership, this.#networks, {
      stored: (id, stored) => this.#followed.get(id)?.follower.learnPut(stored),
      deleted: (id, key, revision) => this.#followed.get(id)?.follower.learnDeleted(key, revision),
      lost: (id) => this.#teller.lost(id),
      worked: () => this.#returns.poke(),
    });
    this.#returns = new ReturnedBlocks(site, this.#membership, {
      hasLeftovers: (id) => this.#endpoints.hasLeftovers(id),
      isWanted: (block) => this.#held.wants(block),
      deleted: (id, key, revision) => this.#followed.get(id)?.follower.learnDeleted(key, revision),
    });
    this.#touched = new TouchedNetworks(site, recollection);
    this.#held = new HeldBlocks(site, {
      membership: this.#membership,
      recollection,
      networks: this.#networks,
      returns: this.#returns,
      hosts: this.#hosts,
      touched: this.#touched,
    });
    this.#collector = new Collector(site, this.#hosts);
    this.#errands = new Errands(clock, log);
    this.#teller = new Teller(this.#errands, {
      networks: this.#networks,
      endpoints: this.#endpoints,
      followed: this.#followed,
      knowsStore: () => this.#membership.knowsStore(),
      mayOpen: () => this.#mayOpen(),
    });
    this.#held.replace(recollection.current.blocks);
    store.onSetBack = () => this.#membership.storeIsSetBack();
  }

  async start(
    { networks, endpoints }: Parameters<Cluster['start']>[0],
    listener: ClusterListener,
  ): Promise<void> {
    for (const network of networks) this.#networks.remember(network);
    this.#endpoints.begin(endpoints);
    // On those that are joined by now an engine may hold addresses for endpoints to be.
    const used = new Set([...endpoints.map(({ networkId }) => networkId), ...this.#followed.keys()]);
    this.#held.replace(this.#held.all.filter(({ networkId }) => used.has(networkId)));
    this.#teller.begin(listener);
    const joined = new Promise<void>((resolve) => {
      this.#joined = resolve;
    });
    const cancel = this.#site.clock.after(startPatienceMs, this.#joined);
    this.#hosts.start();
    this.#networks.follower.start();
    this.#membership.start();
    this.#collector.start();
    this.#teller.tunnels();
    this.#tellMissing();
    await joined.finally(cancel);
  }

  async close(): Promise<void> {
    this.#joined();
    this.#cancelSweep();
    this.#membership.close();
    this.#collector.close();
    this.#hosts.close();
    this.#networks.follower.close();
    this.#endpoints.close();
    this.#returns.close();
    for (const followed of this.#followed.values()) followed.close();
    // What is under way may wait for an answer.
    const told = this.#errands.close();
    await this.#site.store.close();
    await told;
  }

  claimNetwork(draft: Network): Promise<Network> {
    return this.#networks.claim(draft);
  }

  async releaseNetwork(network: Network): Promise<void> {
    await this.#networks.release(network);
    this.#teller.forget(network.id);
  }

  join(network: Network): void {
    this.#follow(network).want();
  }

  leave(id: NetworkId): void {
    this.#followed.get(id)?.close();
    this.#followed.delete(id);
    this.#held.leave(id);
    this.#teller.tunnels();
  }

  blocksOf(subnet: Cidr): readonly Cidr[] | undefined {
    const network = this.#networks.withSubnet(subnet);
    if (network === undefined) return undefined;
    return this.#standing.isSafe() ? this.#held.of(network.id, subnet) : [];
  }

  async claimBlock(subnet: Cidr, wanted?: IpAddress): Promise<Cidr> {
    const network = this.#networks.withSubnet(subnet);
    const pool = network?.ipam.pools.find((one) => one.subnet === subnet);
    if (network === undefined || pool === undefined) {
      throw new NetError('not_found', `subnet ${subnet} is of no network of the cluster`);
    }
    this.#membership.needToken();
    const followed = this.#follow(network);
    await Promise.race([followed.follower.known(), pause(this.#site.clock, readPatienceMs)]);
    if (followed.follower.applied === undefined) {
      const reason = this.#site.store.lastError?.message ?? 'it is being read';
      throw new NetError(
        'unavailable',
        `network ${network.name}: who holds which of its addresses is not known: ${reason}`,
      );
    }
    return this.#held.claim({ network, pool, followed }, wanted);
  }

  publish(endpoint: SharedEndpoint): Promise<void> {
    const told = this.#endpoints.publish(endpoint);
    this.#teller.tunnels();
    return told;
  }

  withdraw(id: EndpointId): Promise<void> {
    const told = this.#endpoints.withdraw(id);
    this.#teller.tunnels();
    return told;
  }

  peersOf(networkId: NetworkId): ReadonlyMap<EndpointId, Peer> | undefined {
    const followed = this.#followed.get(networkId);
    return followed?.isWanted === true ? followed.peers : undefined;
  }

  async readPeers(network: Network): Promise<readonly Peer[]> {
    const peers = this.peersOf(network.id);
    return peers === undefined ? readPeers(this.#site, network.id) : [...peers.values()];
  }

  view(): ClusterView {
    return viewCluster({
      site: this.#site,
      prefix: this.#prefix,
      standing: this.#standing,
      membership: this.#membership,
      hosts: this.#hosts,
      followers: [...this.#followers()],
      isFenced: !this.#mayOpen(),
      unpublished: this.#endpoints.unpublished,
      unusable: [...this.#teller.unusable.values()],
    });
  }

  #follow(network: Network): FollowedNetwork {
    const known = this.#followed.get(network.id);
    if (known !== undefined) return known;
    const followed = new FollowedNetwork(network, this.#site, this.#hosts, {
      peersChanged: () => this.#teller.peers(network.id),
      foundOwn: (stored) => this.#followOwn(stored),
    });
    this.#followed.set(network.id, followed);
    return followed;
  }

  async #rebuild(token: Revision): Promise<void> {
    const patienceMs = (this.#membership.schema?.leaseSeconds ?? 0) * 1000;
    for (const follower of this.#followers()) follower.startOver(patienceMs);
    this.#collector.lookAgain();
    // A copy may have what was given back long ago.
    await this.#touched.forget();
    await rebuild(this.#site, token, this.#networks);
  }

  *#followers(): Iterable<Follower> {
    yield this.#hosts.hosts;
    yield this.#hosts.claims;
    yield this.#networks.follower;
    for (const { follower } of this.#followed.values()) yield follower;
  }

  /** What the store does not have any more can be told of only when all it has is known. */
  #tellMissing(): void {
    void this.#networks.follower.known().then(() => {
      for (const { id } of this.#networks.recorded) {
        if (!this.#networks.isStored(id)) this.#teller.network(id);
      }
      this.#followStanding();
    });
  }

  async #settle(token: Revision): Promise<void> {
    await settle(this.#site, token, {
      networks: this.#networks,
      hosts: this.#hosts,
      held: this.#held,
      endpoints: this.#endpoints,
      returns: this.#returns,
      touched: this.#touched,
    });
    this.#tellMissing();
    this.#cancelSweep();
    this.#cancelSweep = this.#site.clock.after(afterlifeMs, () => void this.#sweep());
  }

  /** What came into the store as this host's after it was looked at is found, too. */
  async #sweep(): Promise<void> {
    const { layout, clock, host } = this.#site;
    const before = this.#touched.remembered;
    try {
      const keys = await this.#touched.read(this.#networksHere());
      for (const stored of keys) this.#followOwn(stored);
      const own = keys.filter(({ value }) => decodeBlock(value) === host.id);
      const found = own.flatMap(({ key }) => layout.parsePart(key)?.networkId ?? []);
      await this.#touched.keep(new Set([...found, ...this.#networksHere()]), before);
    } catch {
      this.#cancelSweep = clock.after(afterlifeMs, () => void this.#sweep());
    }
  }

  #networksHere(): readonly NetworkId[] {
    const wanted = [...this.#followed].filter(([, { isWanted }]) => isWanted).map(([id]) => id);
    const known = [...this.#held.all, ...this.#endpoints.wanted.values()];
    return [...wanted, ...known.map(({ networkId }) => networkId), ...this.#returns.networks()];
  }

  /** While others may use the addresses of what runs here, it must not reach them, nor they it. */
  #mayOpen(): boolean {
    const { wanted, lost } = this.#endpoints;
    // What is withdrawn may be there still, until its network is left.
    const isOnAny = [...this.#followed.values()].some(({ isWanted }) => isWanted);
    if (wanted.size + lost.size === 0 && !isOnAny) return true;
    return this.#standing.isSafe() && ![...lost.values()].some(({ taken }) => taken);
  }

  #followStanding(): void {
    this.#teller.tunnels();
    if (!this.#membership.isJoined) return;
    this.#endpoints.hurry();
    this.#returns.hurry();
    if (this.#hosts.isKnown && this.#networks.follower.applied !== undefined) this.#joined();
  }

  #followHosts(ids: ReadonlySet<HostId>): void {
    for (const followed of this.#followed.values()) followed.followHosts(ids);
    this.#followStanding();
  }

  #lookForOwn(what: 'host' | 'claim'): void {
    if (what === 'host') this.#membership.appearAgain();
    else this.#membership.claimIsGone(this.#hosts.claims.applied ?? 0);
  }

  /** Before this host is registered, what the store has of it is looked at as a whole. */
  #followOwn({ key, value, modRevision }: StoredKey): void {
    const part = this.#site.layout.parsePart(key);
    if (part === undefined || this.#membership.token === undefined) return;
    const { networkId, block, endpoint } = part;
    // Both tell in the same way whose they are.
    if (decodeBlock(value) !== this.#site.host.id) return;
    if (block !== undefined) {
      this.#held.found(blockOf(this.#networks.known, { networkId, cidr: block }));
    }
    if (endpoint !== undefined) this.#endpoints.found(endpoint, { networkId, value, modRevision });
  }
}
