// Which networks have kernel objects on this host just now, of those that have them on demand alone. Held in memory.
import { KeyedMutex } from '../base/keyed-mutex.ts';
import type { EndpointId, NetworkId } from '../model/ids.ts';

export class PresentNetworks {
  readonly #mutex = new KeyedMutex();
  /** Of some there may be a part only. */
  readonly #present = new Map<NetworkId, 'begun' | 'whole'>();
  readonly #intents = new Map<NetworkId, number>();
  /** The endpoints of other hosts whose names the resolver has. */
  readonly #toldPeers = new Map<NetworkId, Set<EndpointId>>();

  has(id: NetworkId): boolean {
    return this.#present.get(id) === 'whole';
  }

  isBegun(id: NetworkId): boolean {
    return this.#present.has(id);
  }

  begin(id: NetworkId): void {
    this.#present.set(id, 'begun');
  }

  set(id: NetworkId, isPresent: boolean): void {
    if (isPresent) this.#present.set(id, 'whole');
    else this.#present.delete(id);
  }

  /** Runs work that makes or removes what is there of a network, or relies on its being there. */
  alone(id: NetworkId, work: () => Promise<void>): Promise<void> {
    return this.#mutex.run({ exclusive: [id] }, work);
  }

  /** Whether something is under way that will have addresses of the network, or may. */
  isIntended(id: NetworkId): boolean {
    return this.#intents.has(id);
  }

  intend(id: NetworkId, change: 1 | -1): void {
    const count = (this.#intents.get(id) ?? 0) + change;
    if (count === 0) this.#intents.delete(id);
    else this.#intents.set(id, count);
  }

  toldPeers(id: NetworkId): Set<EndpointId> {
    const told = this.#toldPeers.get(id) ?? new Set();
    this.#toldPeers.set(id, told);
    return told;
  }

  forgetPeers(id: NetworkId): void {
    this.#toldPeers.delete(id);
  }
}
