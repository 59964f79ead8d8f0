// Brings what the store has of this host and what there is here together, after it was registered and before anything else is written.

import type { Cidr } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { NetworkId } from '../../model/ids.ts';
import type { HeldBlock } from '../memory.ts';
import type { Revision } from '../shared-store.ts';
import type { HeldBlocks } from './held-blocks.ts';
import type { KnownHosts } from './known-hosts.ts';
import { blockOf, endpointsIn, neededBlocks, ownRecords } from './own-records.ts';
import type { PublishedEndpoints } from './published-endpoints.ts';
import { decodeBlock, encodeBlock } from './records.ts';
import type { ReturnedBlocks } from './returned-blocks.ts';
import type { SharedNetworks } from './shared-networks.ts';
import type { Site } from './site.ts';
import type { TouchedNetworks } from './touched-networks.ts';

export interface OwnParts {
  readonly networks: SharedNetworks;
  readonly hosts: KnownHosts;
  readonly held: HeldBlocks;
  readonly endpoints: PublishedEndpoints;
  readonly returns: ReturnedBlocks;
  readonly touched: TouchedNetworks;
}

/** May be repeated. Errors: `unavailable`, also when the claim was lost meanwhile. */
export async function settle(site: Site, token: Revision, parts: OwnParts): Promise<void> {
  const { layout, host } = site;
  const { networks, held, endpoints, returns, touched } = parts;
  const here = [...held.all, ...endpoints.wanted.values()].map(({ networkId }) => networkId);
  const own = ownRecords(layout, host.id, await touched.read(here));
  const kept: HeldBlock[] = [];
  for (const block of neededBlocks(held.all, endpoints.wanted.values(), networks.known)) {
    const stored = own.holders.get(layout.block(block.networkId, block.cidr));
    const holder = stored ?? (await claimAgain(site, token, { block, networks }));
    if (holder === host.id) kept.push(block);
    else if (holder !== undefined) loseAll(parts, block, parts.hosts.nameOf(holder));
  }
  // What was given back meanwhile is not needed any more.
  const needed = neededBlocks(held.all, endpoints.wanted.values(), networks.known);
  const isNeeded = (cidr: Cidr, networkId: NetworkId) =>
    needed.some((block) => block.networkId === networkId && block.cidr === cidr);
  held.replace(kept.filter(({ networkId, cidr }) => isNeeded(cidr, networkId)));
  await held.remember();
  endpoints.replaceStored(own.endpoints);
  returns.replaceStored(new Set(own.blocks.map(({ networkId, cidr }) => layout.block(networkId, cidr))));
  for (const block of [...kept, ...own.blocks]) {
    const { networkId, cidr } = block;
    if (isNeeded(cidr, networkId) || returns.has(networkId, cidr)) continue;
    returns.add(blockOf(networks.known, block));
  }
}

/** Who has it now; undefined when its network is gone. */
async function claimAgain(
  { store, layout, host }: Site,
  token: Revision,
  { block, networks }: { readonly block: HeldBlock; readonly networks: SharedNetworks },
) {
  const key = layout.block(block.networkId, block.cidr);
  for (;;) {
    if ((await networks.lookUp(block.networkId)) === undefined) return undefined;
    const { applied } = await store.write(
      [
        { key: layout.claim(host.id), modRevision: token },
        await networks.condition(block.networkId),
        { key, absent: true },
      ],
      [{ put: key, value: encodeBlock(host.id) }],
    );
    if (applied) return host.id;
    const { key: claim } = await store.get(layout.claim(host.id));
    if (claim?.modRevision !== token) {
      throw new NetError('unavailable', 'the claim of this host was lost while it was registered');
    }
    const { key: stored } = await store.get(key);
    if (stored !== undefined) return decodeBlock(stored.value);
  }
}

function loseAll({ endpoints }: OwnParts, block: HeldBlock, holder: string): void {
  for (const id of endpointsIn(block, endpoints.wanted.values())) {
    const reason = `its address is one of ${block.cidr}, which host ${holder} was given while this one was away`;
    endpoints.lose(id, { reason, taken: true });
  }
}
