// Whether a network can be made beside others. Pure.
import { overlaps } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Network } from '../model/network.ts';
import { vniOf } from './vni.ts';

/** Another network, with where it was made if that is known. */
export interface Rival {
  readonly network: Network;
  readonly madeOn?: string;
}

/** Errors: `already_exists` (name), `conflict` (VXLAN id or subnet), naming the other network and its host. */
export function refuseCollision(draft: Network, rivals: readonly Rival[]): void {
  for (const { network, madeOn } of rivals) {
    if (network.id === draft.id) continue;
    const where = madeOn === undefined ? '' : `, made on host ${madeOn}`;
    if (network.name === draft.name) {
      throw new NetError('already_exists', `network ${draft.name} exists already in the cluster${where}`);
    }
    const rival = `of network ${network.name}${where}`;
    const vni = vniOf(draft);
    if (vni !== undefined && vni === vniOf(network)) {
      throw new NetError('conflict', `network ${draft.name}: VXLAN id ${vni} is that ${rival}`);
    }
    const [pair] = overlapping(draft, network);
    if (pair !== undefined) {
      const [ours, theirs] = pair;
      throw new NetError('conflict', `network ${draft.name}: subnet ${ours} overlaps ${theirs} ${rival}`);
    }
  }
}

function overlapping(one: Network, other: Network) {
  return one.ipam.pools.flatMap(({ subnet }) =>
    other.ipam.pools
      .filter((pool) => overlaps(pool.subnet, subnet))
      .map((pool) => [subnet, pool.subnet] as const),
  );
}
