// The cluster of one host: nothing is shared, and nobody has to be asked. Networks that were made with others, when there was a store,
// stay as they are: what is on them goes on, and nothing that others would have to agree to is done.
import type { Cidr } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { ClusterView } from '../model/cluster-view.ts';
import type { Network } from '../model/network.ts';
import type { Peer } from '../model/peer.ts';
import type { Cluster } from './cluster.ts';
import { refuseCollision } from './collisions.ts';
import { vniOf, withVni } from './vni.ts';

const isOfSeveral = 'is shared with other hosts, and netd was started without --etcd';

export class LocalCluster implements Cluster {
  readonly kind = 'local';
  readonly #sharedSubnets = new Set<Cidr>();

  async start({ networks }: Pick<Parameters<Cluster['start']>[0], 'networks'>): Promise<void> {
    for (const { subnet } of networks.flatMap(({ ipam }) => ipam.pools)) this.#sharedSubnets.add(subnet);
  }

  async close(): Promise<void> {}

  async claimNetwork(draft: Network, others: readonly Network[]): Promise<Network> {
    const tunnelled = others.filter((other) => other.id !== draft.id && vniOf(other) !== undefined);
    const network = withVni(draft, tunnelled);
    refuseCollision(
      network,
      tunnelled.map((other) => ({ network: other })),
    );
    return network;
  }

  async releaseNetwork({ name, shared }: Network): Promise<void> {
    if (shared === true) throw new NetError('unavailable', `network ${name} ${isOfSeveral}`);
  }

  join(): void {}

  leave(): void {}

  blocksOf(subnet: Cidr): readonly Cidr[] | undefined {
    return this.#sharedSubnets.has(subnet) ? [] : undefined;
  }

  async claimBlock(subnet: Cidr): Promise<Cidr> {
    if (this.#sharedSubnets.has(subnet)) throw new NetError('unavailable', `subnet ${subnet} ${isOfSeveral}`);
    throw new NetError('unavailable', `subnet ${subnet} is this host's alone and has no blocks`);
  }

  async publish(): Promise<void> {}

  async withdraw(): Promise<void> {}

  /** Who is on others is not known. */
  peersOf(): undefined {
    return undefined;
  }

  async readPeers({ name, shared }: Network): Promise<readonly Peer[]> {
    if (shared === true) throw new NetError('unavailable', `network ${name} ${isOfSeveral}`);
    return [];
  }

  view(): ClusterView {
    return { state: 'alone', endpoints: [], members: [], unpublished: 0, unusable: [] };
  }
}
