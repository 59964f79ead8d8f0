// Endpoints of other hosts, for answers that are given even when the store of the cluster is away.
import { NetError } from '../base/errors.ts';
import type { Controller } from '../core/requests.ts';
import type { Network } from '../model/network.ts';
import type { Peer } from '../model/peer.ts';

export type PeersRead =
  | { readonly peers: readonly Peer[]; readonly error?: undefined }
  | { readonly peers?: undefined; readonly error: string };

/** Errors: those of `Controller.peers` but for `unavailable`. */
export async function readPeers(
  controller: Pick<Controller, 'peers'>,
  { id }: Pick<Network, 'id'>,
): Promise<PeersRead> {
  try {
    return { peers: await controller.peers(id) };
  } catch (error) {
    if (error instanceof NetError && error.code === 'unavailable') return { error: error.message };
    throw error;
  }
}
