// The cluster of one host: nothing is shared, and nobody has to be asked.
import type { Cidr } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { ClusterView } from '../model/cluster-view.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Peer } from '../model/peer.ts';
import type { Cluster } from './cluster.ts';
import { refuseCollision } from './collisions.ts';
import { vniOf, withVni } from './vni.ts';

const nobody: ReadonlyMap<EndpointId, Peer> = new Map();

export class LocalCluster implements Cluster {
  readonly kind = 'local';

  async start(): Promise<void> {}

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

  async releaseNetwork(): Promise<void> {}

  join(): void {}

  leave(): void {}

  blocksOf(): undefined {
    return undefined;
  }

  async claimBlock(subnet: Cidr): Promise<Cidr> {
    throw new NetError('unavailable', `subnet ${subnet} is this host's alone and has no blocks`);
  }

  async publish(): Promise<void> {}

  async withdraw(): Promise<void> {}

  peersOf(): ReadonlyMap<EndpointId, Peer> {
    return nobody;
  }

  async readPeers(): Promise<readonly Peer[]> {
    return [];
  }

  view(): ClusterView {
    return { state: 'alone', endpoints: [], members: [], unpublished: 0, unusable: [] };
  }
}
