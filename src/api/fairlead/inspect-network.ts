// A network looked at closely: with the endpoints it has on other hosts, or the reason why they are not known.
import type { Controller } from '../../core/requests.ts';
import type { Peer } from '../../model/peer.ts';
import type { InspectedNetwork, PeerView } from '../../model/view.ts';
import { readPeers } from '../read-peers.ts';

/** Errors: `not_found`, `invalid_parameter`. */
export async function inspectNetwork(controller: Controller, ref: string): Promise<InspectedNetwork> {
  const network = controller.network(ref);
  if (network.shared !== true) return network;
  const { peers, error } = await readPeers(controller, network);
  return peers === undefined ? { ...network, peersError: error } : { ...network, peers: peers.map(peerView) };
}

function peerView({ id, names, host, mac, addresses }: Peer): PeerView {
  const { id: hostId, name: hostName, address: hostAddress } = host;
  return { id, name: names[0] ?? '', hostId, hostName, hostAddress, mac, addresses };
}
