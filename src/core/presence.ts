// Networks whose kernel objects are there only while this host has something on them: made before the first endpoint, removed
// after the last. Connects and disconnects of one network run side by side, and this is where they meet.
import { KeyedMutex } from '../base/keyed-mutex.ts';
import { runAll, withUndo } from '../base/undo.ts';
import type { EndpointId, NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import { isInUse, isOnDemand, networkPolicy } from './desired.ts';
import { followHostNeeds } from './host-needs.ts';
import { driverOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { forgetPeers } from './peers.ts';

export class Presence {
  /** The endpoints of other hosts whose names the resolver has. */
  readonly toldPeers = new Map<NetworkId, Set<EndpointId>>();
  readonly #mutex = new KeyedMutex();
  readonly #present = new Set<NetworkId>();
  /** How much is under way that will have addresses of a network, or may. */
  readonly #intents = new Map<NetworkId, number>();

  has(id: NetworkId): boolean {
    return this.#present.has(id);
  }

  /** Runs work that puts something on the network; what it needed goes with it when it came to nothing. */
  async during<T>(parts: Parts, network: Network, work: () => Promise<T>): Promise<T> {
    if (!isOnDemand(parts, network)) return work();
    this.#intend(network.id, 1);
    return withUndo(async (undo) => {
      undo(() => this.settle(parts, network));
      try {
        return await work();
      } finally {
        this.#intend(network.id, -1);
      }
    });
  }

  /** Before the first interface on the network is made, whose endpoint is recorded. May be repeated. */
  async bringAbout(parts: Parts, network: Network): Promise<void> {
    if (!isOnDemand(parts, network)) return;
    await this.#alone(network.id, async () => {
      if (!this.#present.has(network.id)) await this.#make(parts, network);
    });
  }

  /** After something left the network: what was the last takes the rest along. May be repeated. */
  async settle(parts: Parts, network: Network): Promise<void> {
    if (!isOnDemand(parts, network) || this.#isNeeded(parts, network)) return;
    await this.#alone(network.id, async () => {
      if (this.#isNeeded(parts, network)) return;
      parts.cluster.leave(network.id);
      if (this.#present.has(network.id)) await this.#remove(parts, network);
    });
  }

  /** Runs work on the kernel objects of a network while they are there; not at all when they are not. */
  async whilePresent(id: NetworkId, work: () => Promise<void>): Promise<void> {
    await this.#alone(id, async () => {
      if (this.#present.has(id)) await work();
    });
  }

  async #make(parts: Parts, network: Network): Promise<void> {
    const policy = networkPolicy(parts, network);
    // Nothing is forwarded before the rules for it are there.
    if (policy !== undefined) await parts.firewall.apply([{ network: policy }]);
    await driverOf(parts, network).ensureNetwork(network);
    await followHostNeeds(parts);
    this.#present.add(network.id);
    if (network.shared === true) parts.cluster.join(network);
  }

  async #remove(parts: Parts, network: Network): Promise<void> {
    this.#present.delete(network.id);
    const failures = await runAll([
      () => forgetPeers(parts, network.id),
      () => parts.names.closeGateway(network.id),
      () => driverOf(parts, network).removeNetwork(network),
      () => parts.firewall.apply([{ removedNetwork: network.id }]),
      () => followHostNeeds(parts),
    ]);
    if (failures.length > 0) {
      throw new AggregateError(failures, `not everything of network ${network.name} could be removed`);
    }
  }

  #isNeeded(parts: Parts, network: Network): boolean {
    return (this.#intents.get(network.id) ?? 0) > 0 || isInUse(parts.store.state, network);
  }

  #intend(id: NetworkId, change: 1 | -1): void {
    const count = (this.#intents.get(id) ?? 0) + change;
    if (count === 0) this.#intents.delete(id);
    else this.#intents.set(id, count);
  }

  #alone(id: NetworkId, work: () => Promise<void>): Promise<void> {
    return this.#mutex.run({ exclusive: [id] }, work);
  }
}
