// What the listener is told, and how it is known that it was.

import type { EndpointId, NetworkId } from '../../model/ids.ts';
import type { ClusterListener } from '../cluster.ts';
import type { Errands } from './errands.ts';
import type { FollowedNetwork } from './followed-network.ts';
import type { PublishedEndpoints } from './published-endpoints.ts';
import type { SharedNetworks } from './shared-networks.ts';

export interface Sources {
  readonly networks: SharedNetworks;
  readonly endpoints: PublishedEndpoints;
  readonly followed: ReadonlyMap<NetworkId, FollowedNetwork>;
  /** Whether what the store does not have is gone. Errors: `unavailable`. */
  knowsStore(): Promise<boolean>;
  /** Whether tunnels may be open now. */
  mayOpen(): boolean;
}

export interface Unusable {
  readonly network: string;
  readonly reason: string;
}

export class Teller {
  /** Networks that this host could not take, by id. */
  readonly unusable = new Map<NetworkId, Unusable>();
  readonly #errands: Errands;
  readonly #sources: Sources;
  /** As they were told, by id. */
  readonly #networks = new Map<NetworkId, string>();
  #tunnelsAreOpen = true;
  #listener: ClusterListener | undefined;

  constructor(errands: Errands, sources: Sources) {
    this.#errands = errands;
    this.#sources = sources;
  }

  begin(listener: ClusterListener): void {
    this.#listener = listener;
  }

  /** Whether they may be open may have changed. */
  tunnels(): void {
    if (this.#sources.mayOpen() === this.#tunnelsAreOpen) return;
    this.#errands.askFirst('tunnels', async () => {
      const open = this.#sources.mayOpen();
      if (open !== this.#tunnelsAreOpen) await this.#listener?.tunnelsChanged(open);
      this.#tunnelsAreOpen = open;
      return this.#sources.mayOpen() === open ? 'done' : 'again';
    });
  }

  /** The network is deleted on this host: when it is there again, it is new. */
  forget(id: NetworkId): void {
    this.#networks.delete(id);
  }

  /** The network may have come, gone or changed. */
  network(id: NetworkId): void {
    this.#errands.ask(`network ${id}`, async () => {
      const { networks } = this.#sources;
      // Once they are known it is asked again.
      if (!networks.isComplete) return 'done';
      if (!networks.isStored(id)) return this.#tellGone(id);
      await this.#tellFound(id);
      return 'done';
    });
  }

  peers(id: NetworkId): void {
    this.#errands.ask(`peers ${id}`, async () => {
      const followed = this.#sources.followed.get(id);
      const change = followed?.takeChange();
      if (change === undefined) return 'done';
      try {
        await this.#listener?.peersChanged(id, change);
      } catch (error) {
        followed?.tellAllAgain();
        throw error;
      }
      return 'done';
    });
  }

  /** Again and again until it is withdrawn. */
  lost(id: EndpointId): void {
    this.#errands.ask(`lost ${id}`, async () => {
      const { lost } = this.#sources.endpoints;
      const reason = lost.get(id)?.reason;
      if (reason !== undefined) await this.#listener?.endpointLost(id, reason);
      return lost.has(id) ? 'again' : 'done';
    });
  }

  async #tellFound(id: NetworkId): Promise<void> {
    const { networks } = this.#sources;
    const stored = networks.stored(id);
    if (stored === undefined) {
      this.unusable.set(id, { network: id, reason: 'its record cannot be read' });
      return;
    }
    if (this.#networks.get(id) === stored.text) return;
    // From the moment it is recorded here, its addresses are given by blocks.
    networks.expect(stored.network);
    try {
      await this.#listener?.networkFound(stored.network);
    } catch (error) {
      networks.expectNoMore(id);
      const reason = error instanceof Error ? error.message : String(error);
      this.unusable.set(id, { network: stored.network.name, reason });
      throw error;
    }
    networks.remember(stored.network);
    this.#networks.set(id, stored.text);
    this.unusable.delete(id);
  }

  async #tellGone(id: NetworkId): Promise<'done' | 'again'> {
    const { networks } = this.#sources;
    this.unusable.delete(id);
    this.#networks.delete(id);
    if (!networks.known.has(id)) return 'done';
    if (!(await this.#sources.knowsStore())) return 'again';
    if (!networks.isComplete || networks.isStored(id)) return 'again';
    await this.#listener?.networkGone(id);
    networks.forget(id);
    return 'done';
  }
}
