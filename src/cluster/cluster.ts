// The contract of the cluster: what hosts share of networks that reach over several of them. The core asks; it is told of what
// others change by a listener.
import type { Cidr, IpAddress } from '../base/cidr.ts';
import type { ClusterView } from '../model/cluster-view.ts';
import type { EndpointId, NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Peer, PeerChange, SharedEndpoint } from '../model/peer.ts';

/** Calls come one after the other; each may take its time, and what happens meanwhile is told with the next. */
export interface ClusterListener {
  /** A network of the cluster as it is now: made by others, or found at start. May be repeated. */
  networkFound(network: Network): Promise<void>;
  /** Nobody has it any more. */
  networkGone(id: NetworkId): Promise<void>;
  /** `all`: the peers of the network are exactly those of `put`, whatever was told before. */
  peersChanged(networkId: NetworkId, change: PeerChange & { readonly all: boolean }): Promise<void>;
  /** Its address or its network is another's by now: it has to go, and must not come back. Repeated until `withdraw`. */
  endpointLost(id: EndpointId, reason: string): Promise<void>;
  /** Closed while others may have been given this host's addresses; what runs here reaches only what runs here. */
  tunnelsChanged(open: boolean): Promise<void>;
}

export interface Cluster {
  readonly kind: 'local' | 'etcd';
  /**
   * Begins to register this host and to follow the others, with what is recorded here. Resolves when the cluster is joined or after a
   * moment's patience: what cannot be reached is tried for as long as it takes, and told of when it is there.
   */
  start(
    recorded: { readonly networks: readonly Network[]; readonly endpoints: readonly SharedEndpoint[] },
    listener: ClusterListener,
  ): Promise<void>;
  /** Stops; the host stays registered for as long as its lease lasts, for the next start to go on with. */
  close(): Promise<void>;
  /**
   * Makes a drafted network one of the cluster: no other has its name, its VNI or a subnet that overlaps. Fills in `options.vni`
   * where none is given and `shared`. Local: chooses a VNI that none of `others` has.
   * Errors: `already_exists` (name), `conflict` naming the network and host it collides with, `exhausted`, `unavailable`.
   */
  claimNetwork(draft: Network, others: readonly Network[]): Promise<Network>;
  /** Absent is fine. Errors: `conflict` naming hosts and endpoints that are on it; `unavailable`. */
  releaseNetwork(network: Network): Promise<void>;
  /** Follows the endpoints on a network, before the first of this host's own is made; also before `start`, which goes by it. May be repeated. */
  join(network: Network): void;
  /** The last of its own is gone: follows no more, and gives the blocks of addresses back. Absent is fine. */
  leave(networkId: NetworkId): void;
  /** The parts of a shared network's subnet this host alone gives addresses of; undefined when the subnet is no shared network's. */
  blocksOf(subnet: Cidr): readonly Cidr[] | undefined;
  /**
   * One more block: any, or the one an address is in. Errors: `unavailable`; `exhausted`, telling how many hosts hold how much;
   * `conflict` naming the host which has the block that the address is in.
   */
  claimBlock(subnet: Cidr, wanted?: IpAddress): Promise<Cidr>;
  /**
   * Tells others of an endpoint of this host, now or as soon as they can be told. Resolves when the store has it, and at once or
   * after a moment when that cannot be said. May be repeated with what changed.
   */
  publish(endpoint: SharedEndpoint): Promise<void>;
  /** The opposite of `publish`, in the same way. Absent is fine. */
  withdraw(id: EndpointId): Promise<void>;
  /** On a network that is joined; undefined as long as they are not known since the start, or when it is not joined. */
  peersOf(networkId: NetworkId): ReadonlyMap<EndpointId, Peer> | undefined;
  /** The endpoints of other hosts on any network of the cluster, read now if it is not joined. Errors: `unavailable`. */
  readPeers(network: Network): Promise<readonly Peer[]>;
  view(): ClusterView;
}
