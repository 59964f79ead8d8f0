// What the store has of this host, compared with what there is here, after it was registered. Pure.
import { addressOf, type Cidr, contains, overlaps } from '../../base/cidr.ts';
import type { EndpointId, HostId, NetworkId } from '../../model/ids.ts';
import type { Network } from '../../model/network.ts';
import type { SharedEndpoint } from '../../model/peer.ts';
import { blockAt } from '../blocks.ts';
import type { HeldBlock } from '../memory.ts';
import type { StoredKey } from '../shared-store.ts';
import type { Layout } from './layout.ts';
import type { StoredEndpoint } from './published-endpoints.ts';
import { decodeBlock, decodeEndpoint } from './records.ts';

export interface OwnRecords {
  readonly endpoints: ReadonlyMap<EndpointId, StoredEndpoint>;
  /** Held by whom, all blocks of all hosts, by key. */
  readonly holders: ReadonlyMap<string, HostId>;
  readonly blocks: readonly { readonly networkId: NetworkId; readonly cidr: Cidr }[];
}

/** Those of one host among all blocks and endpoints. */
export function ownRecords(layout: Layout, self: HostId, keys: readonly StoredKey[]): OwnRecords {
  const endpoints = new Map<EndpointId, StoredEndpoint>();
  const holders = new Map<string, HostId>();
  const blocks: { readonly networkId: NetworkId; readonly cidr: Cidr }[] = [];
  for (const { key, value, modRevision } of keys) {
    const part = layout.parsePart(key);
    if (part?.endpoint !== undefined) {
      const { networkId, endpoint: id } = part;
      if (decodeEndpoint({ networkId, id }, value)?.host === self) {
        endpoints.set(id, { networkId, value, modRevision });
      }
    }
    const holder = part?.block && decodeBlock(value);
    if (part?.block === undefined || holder === undefined) continue;
    holders.set(key, holder);
    if (holder === self) blocks.push({ networkId: part.networkId, cidr: part.block });
  }
  return { endpoints, holders, blocks };
}

/** What this host needs to hold: the blocks it held, and those its endpoints have addresses of. */
export function neededBlocks(
  held: readonly HeldBlock[],
  endpoints: Iterable<SharedEndpoint>,
  networks: ReadonlyMap<NetworkId, Network>,
): readonly HeldBlock[] {
  const needed = new Map<string, HeldBlock>();
  for (const block of held) needed.set(`${block.networkId} ${block.cidr}`, block);
  for (const { networkId, addresses } of endpoints) {
    for (const address of addresses.map(addressOf)) {
      const pools = networks.get(networkId)?.ipam.pools ?? [];
      const pool = pools.find(({ subnet }) => contains(subnet, address));
      if (pool === undefined) continue;
      const block = { networkId, subnet: pool.subnet, cidr: blockAt(pool, address) };
      needed.set(`${networkId} ${block.cidr}`, block);
    }
  }
  return [...needed.values()];
}

/** A block as the store has it, with the subnet it is of; itself where its network is not known. */
export function blockOf(
  networks: ReadonlyMap<NetworkId, Network>,
  { networkId, cidr }: { readonly networkId: NetworkId; readonly cidr: Cidr },
): HeldBlock {
  const pools = networks.get(networkId)?.ipam.pools ?? [];
  const pool = pools.find(({ subnet }) => overlaps(subnet, cidr));
  return { networkId, cidr, subnet: pool?.subnet ?? cidr };
}

/** The endpoints with an address in a block. */
export function endpointsIn(
  { networkId, cidr }: HeldBlock,
  endpoints: Iterable<SharedEndpoint>,
): readonly EndpointId[] {
  return [...endpoints]
    .filter(
      (endpoint) =>
        endpoint.networkId === networkId &&
        endpoint.addresses.some((address) => contains(cidr, addressOf(address))),
    )
    .map(({ id }) => id);
}
