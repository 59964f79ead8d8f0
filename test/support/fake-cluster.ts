// A cluster of this host and of others that do what the test says. It behaves as the real ones do where nobody else interferes.
import { type Cidr, contains, type IpAddress } from '../../src/base/cidr.ts';
import { NetError } from '../../src/base/errors.ts';
import type { Cluster, ClusterListener } from '../../src/cluster/cluster.ts';
import type { ClusterView } from '../../src/model/cluster-view.ts';
import type { EndpointId, NetworkId } from '../../src/model/ids.ts';
import type { Network } from '../../src/model/network.ts';
import type { Peer, SharedEndpoint } from '../../src/model/peer.ts';

export class FakeCluster implements Cluster {
  readonly kind = 'etcd';
  /** The store cannot be reached while it is set. */
  away = false;
  /** What others know, by id. */
  readonly networks = new Map<NetworkId, Network>();
  readonly published = new Map<EndpointId, SharedEndpoint>();
  readonly joined = new Set<NetworkId>();
  readonly held = new Map<Cidr, Cidr[]>();
  /** Endpoints of others, by network; of one that is not here nothing is known yet. */
  readonly peers = new Map<NetworkId, Map<EndpointId, Peer>>();
  listener: ClusterListener | undefined;
  /** What `start` was given. */
  recorded: Parameters<Cluster['start']>[0] | undefined;

  async start(recorded: Parameters<Cluster['start']>[0], listener: ClusterListener): Promise<void> {
    this.recorded = recorded;
    this.listener = listener;
    for (const network of recorded.networks) this.networks.set(network.id, network);
    for (const endpoint of recorded.endpoints) this.published.set(endpoint.id, endpoint);
    for (const id of this.joined) void this.#tellAll(id);
  }

  async close(): Promise<void> {}

  async claimNetwork(draft: Network): Promise<Network> {
    this.#reach();
    const rival = [...this.networks.values()].find(({ name }) => name === draft.name);
    if (rival !== undefined) throw new NetError('already_exists', `network ${draft.name} exists already`);
    const vni = draft.options['vni'] ?? String(4096 + this.networks.size);
    const network: Network = { ...draft, shared: true, options: { ...draft.options, vni } };
    this.networks.set(network.id, network);
    return network;
  }

  async releaseNetwork({ id, name }: Network): Promise<void> {
    this.#reach();
    if ((this.peers.get(id)?.size ?? 0) > 0) {
      throw new NetError('conflict', `network ${name} is in use on another host`);
    }
    this.networks.delete(id);
  }

  join({ id }: Network): void {
    this.joined.add(id);
  }

  leave(id: NetworkId): void {
    this.joined.delete(id);
    for (const { subnet } of this.networks.get(id)?.ipam.pools ?? []) this.held.delete(subnet);
  }

  blocksOf(subnet: Cidr): readonly Cidr[] | undefined {
    const isShared = [...this.networks.values()].some(({ ipam }) =>
      ipam.pools.some((pool) => pool.subnet === subnet),
    );
    return isShared ? (this.held.get(subnet) ?? []) : undefined;
  }

  /** The whole subnet is one block. */
  async claimBlock(subnet: Cidr, wanted?: IpAddress): Promise<Cidr> {
    this.#reach();
    const [block] = this.held.get(subnet) ?? [];
    if (block !== undefined) throw new NetError('exhausted', `no block of ${subnet} is free`);
    if (wanted !== undefined && !contains(subnet, wanted)) throw new NetError('internal', `${wanted}`);
    this.held.set(subnet, [subnet]);
    return subnet;
  }

  async publish(endpoint: SharedEndpoint): Promise<void> {
    this.published.set(endpoint.id, endpoint);
  }

  async withdraw(id: EndpointId): Promise<void> {
    this.published.delete(id);
  }

  peersOf(id: NetworkId): ReadonlyMap<EndpointId, Peer> | undefined {
    return this.joined.has(id) ? this.peers.get(id) : undefined;
  }

  async readPeers({ id }: Network): Promise<readonly Peer[]> {
    this.#reach();
    return [...(this.peers.get(id)?.values() ?? [])];
  }

  view(): ClusterView {
    return {
      state: this.away ? 'away' : 'joined',
      endpoints: [],
      members: [],
      unpublished: 0,
      unusable: [],
    };
  }

  /** Another host says what its endpoints on a network are from now on. */
  async setPeers(id: NetworkId, peers: readonly Peer[]): Promise<void> {
    this.peers.set(id, new Map(peers.map((peer) => [peer.id, peer])));
    if (this.joined.has(id)) await this.#tellAll(id);
  }

  async #tellAll(id: NetworkId): Promise<void> {
    const peers = this.peers.get(id);
    if (peers === undefined) return;
    await this.listener?.peersChanged(id, { put: [...peers.values()], gone: [], all: true });
  }

  #reach(): void {
    if (this.away) throw new NetError('unavailable', 'the store cannot be reached');
  }
}
