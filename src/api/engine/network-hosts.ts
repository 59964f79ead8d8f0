// The hosts that have containers on a network, as Docker lists them of its overlay networks.
import type { Controller, NetworkView } from '../../core/requests.ts';
import { readPeers } from '../read-peers.ts';
import type { NetworkHost } from './network-view.ts';

/** This host first. None when those of the others cannot be read: the answer has no place to say why. */
export async function hostsOn(controller: Controller, network: NetworkView): Promise<readonly NetworkHost[]> {
  if (network.shared !== true) return [];
  const { peers } = await readPeers(controller, network);
  if (peers === undefined) return [];
  const { hostName, address } = controller.cluster();
  const isHere = network.endpoints.length > 0 && hostName !== undefined && address !== undefined;
  const others = new Map(peers.map(({ host }) => [host.id, { name: host.name, address: host.address }]));
  return [...(isHere ? [{ name: hostName, address }] : []), ...others.values()];
}
