// What the kernel of a simulated host has of networks: addresses of endpoints here, entries for those elsewhere, and tunnels.
import type { IpAddress } from '../../src/base/cidr.ts';
import type { EndpointId, NetworkId } from '../../src/model/ids.ts';
import type { Peer, PeerChange } from '../../src/model/peer.ts';

export interface LiveAddress {
  readonly networkId: NetworkId;
  readonly address: IpAddress;
}

export class SimulatedKernel {
  readonly addresses = new Map<EndpointId, LiveAddress>();
  readonly peers = new Map<NetworkId, Map<EndpointId, Peer>>();
  isOpen = true;
  /** Called after an address came or the tunnels opened. */
  onReach: () => void = () => {};

  addAddress(id: EndpointId, networkId: NetworkId, address: IpAddress): void {
    this.addresses.set(id, { networkId, address });
    this.onReach();
  }

  removeAddress(id: EndpointId): void {
    this.addresses.delete(id);
  }

  changePeers(id: NetworkId, { put, gone, all }: PeerChange & { readonly all: boolean }): void {
    const peers = all ? new Map<EndpointId, Peer>() : (this.peers.get(id) ?? new Map<EndpointId, Peer>());
    this.peers.set(id, peers);
    for (const peer of gone) peers.delete(peer.id);
    for (const peer of put) peers.set(peer.id, peer);
  }

  removeNetwork(id: NetworkId): void {
    this.peers.delete(id);
  }

  setOpen(isOpen: boolean): void {
    this.isOpen = isOpen;
    if (isOpen) this.onReach();
  }

  /** The machine was switched off. */
  forgetEverything(): void {
    this.addresses.clear();
    this.peers.clear();
    this.isOpen = true;
  }
}
