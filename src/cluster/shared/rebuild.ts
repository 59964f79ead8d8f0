// Puts the networks this host has recorded into a store that has lost them, or that is another one.
import { NetError } from '../../base/errors.ts';
import type { Revision } from '../shared-store.ts';
import type { SharedNetworks } from './shared-networks.ts';
import type { Site } from './site.ts';

/** What the store has by the same id stays as it is. Errors: `unavailable`. */
export async function rebuild({ log }: Site, token: Revision, networks: SharedNetworks): Promise<void> {
  const { recorded } = networks;
  if (recorded.length === 0) return;
  const names: string[] = [];
  for (const network of recorded) {
    try {
      await networks.restore(network, token);
      names.push(network.name);
    } catch (error) {
      if (!(error instanceof NetError) || error.code === 'unavailable') throw error;
      log.warn(
        { network: network.name, reason: error.message },
        'a network cannot be put back into the store',
      );
    }
  }
  log.warn(
    { networks: names },
    'the store does not have what it had: networks of this host are in it again, blocks and endpoints follow',
  );
}
