// Where the addresses of shared networks come from, on a host that may have networks of its own with the same subnets.
import type { Cidr } from '../base/cidr.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { BlockSource } from '../ipam/shared-ipam.ts';
import type { Store } from '../store/store.ts';

/** A subnet of a network of this host's own stays its own, whatever the cluster has made of it meanwhile. */
export function sharedBlocks(
  cluster: Pick<Cluster, 'blocksOf' | 'claimBlock'>,
  { state }: Pick<Store, 'state'>,
): BlockSource {
  const isOwn = (subnet: Cidr) => {
    for (const { shared, pending, ipam } of state.networks.values()) {
      if (shared || pending) continue;
      if (ipam.pools.some((pool) => pool.subnet === subnet)) return true;
    }
    return false;
  };
  return {
    blocksOf: (subnet) => (isOwn(subnet) ? undefined : cluster.blocksOf(subnet)),
    claimBlock: (subnet, wanted) => cluster.claimBlock(subnet, wanted),
  };
}
