// A small model of the core on a simulated host: what it records, when it answers, and what it asks of the cluster in which order.
import {
  addressOf,
  type Cidr,
  type IpAddress,
  overlaps,
  prefixOf,
  rangeOf,
  toInterfaceAddress,
  toIpAddress,
} from '../../src/base/cidr.ts';
import { NetError } from '../../src/base/errors.ts';
import { KeyedMutex } from '../../src/base/keyed-mutex.ts';
import type { MacAddress } from '../../src/base/mac.ts';
import { allDone, type Undo, withUndo } from '../../src/base/undo.ts';
import type { Cluster, ClusterListener } from '../../src/cluster/cluster.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { Network, Pool } from '../../src/model/network.ts';
import type { PeerChange, SharedEndpoint } from '../../src/model/peer.ts';
import type { SimulatedClock } from './simulated-clock.ts';
import type { SimulatedKernel } from './simulated-kernel.ts';

/** What outlives the daemon. */
export interface SimulatedRecords {
  readonly networks: Map<NetworkId, Network>;
  readonly endpoints: Map<EndpointId, SharedEndpoint & { readonly pending?: true }>;
}

export interface CoreParts {
  readonly clock: SimulatedClock;
  readonly cluster: Cluster;
  readonly records: SimulatedRecords;
  readonly kernel: SimulatedKernel;
  /** The chance that something told by the cluster cannot be done at first. */
  readonly failures: () => number;
  /** Called when the cluster says that an endpoint is lost. */
  readonly onLost: (id: EndpointId, reason: string) => void;
}

export class SimulatedCore implements ClusterListener {
  readonly cluster: Cluster;
  readonly #parts: CoreParts;
  readonly #locks = new KeyedMutex();
  readonly #presence = new KeyedMutex();
  readonly #present = new Set<NetworkId>();
  readonly #intents = new Map<NetworkId, number>();
  #isTunnelsToldOf = false;
  /** No door is open before the cluster has begun. */
  #open = () => {};
  readonly #isOpen = new Promise<void>((resolve) => {
    this.#open = resolve;
  });
  /** Addresses of endpoints that are not recorded yet, too. */
  readonly #leased = new Map<NetworkId, Set<IpAddress>>();

  constructor(parts: CoreParts) {
    this.#parts = parts;
    this.cluster = parts.cluster;
  }

  /** As the daemon starts: what is pending is undone, what is whole is brought back, then the cluster begins. */
  async start(): Promise<void> {
    const { networks, endpoints } = this.#parts.records;
    for (const { networkId, addresses } of endpoints.values()) {
      for (const address of addresses) this.#leasedOf(networkId).add(addressOf(address));
    }
    for (const endpoint of [...endpoints.values()]) if (endpoint.pending) await this.#remove(endpoint);
    for (const network of networks.values()) {
      if (this.#isInUse(network.id)) await this.#bringAbout(network);
      else this.#parts.kernel.removeNetwork(network.id);
    }
    const whole = [...networks.values()].filter(({ pending }) => pending !== true);
    await this.cluster.start({ networks: whole, endpoints: [...endpoints.values()].map(unmarked) }, this);
    // Closed tunnels stay so over a restart until the cluster has had the time to say that they must.
    if (!this.#isTunnelsToldOf) this.#parts.kernel.setOpen(true);
    this.#open();
    for (const network of whole) if (this.#present.has(network.id)) this.cluster.join(network);
    for (const network of [...networks.values()]) if (network.pending) void this.#takeBack(network);
  }

  async createNetwork(draft: Network): Promise<void> {
    await this.#isOpen;
    return this.#locks.run({ exclusive: ['networks', `network:${draft.id}`] }, () =>
      withUndo(async (undo) => {
        const { networks } = this.#parts.records;
        this.#checkRoom(draft);
        undo(() => this.#commit(() => networks.delete(draft.id)));
        await this.#commit(() => networks.set(draft.id, { ...draft, pending: true }));
        undo(() => this.cluster.releaseNetwork(draft).catch(ignore));
        const claimed = await this.cluster.claimNetwork(draft, [...networks.values()]);
        await this.#commit(() => networks.set(draft.id, claimed));
      }),
    );
  }

  async deleteNetwork(id: NetworkId): Promise<void> {
    await this.#isOpen;
    return this.#locks.run({ exclusive: ['networks', `network:${id}`] }, async () => {
      const network = this.#network(id);
      if (this.#isInUse(id)) throw new NetError('conflict', `network ${network.name} is in use`);
      await this.cluster.releaseNetwork(network);
      await this.#dropNetwork(id);
    });
  }

  async connect(id: EndpointId, networkId: NetworkId, wanted?: IpAddress): Promise<SharedEndpoint> {
    await this.#isOpen;
    const keys = { exclusive: [`sandbox:${id}`], shared: [`network:${networkId}`] };
    return this.#locks.run(keys, async () => {
      const network = this.#network(networkId);
      this.#intend(networkId, 1);
      try {
        return await withUndo((undo) => this.#make(network, id, wanted, undo));
      } finally {
        this.#intend(networkId, -1);
        await this.#settle(networkId);
      }
    });
  }

  /** Absent is fine. */
  async disconnect(id: EndpointId): Promise<void> {
    await this.#isOpen;
    return this.#disconnect(id);
  }

  async #disconnect(id: EndpointId): Promise<void> {
    const { endpoints } = this.#parts.records;
    const networkId = endpoints.get(id)?.networkId;
    if (networkId === undefined) return;
    await this.#locks.run({ exclusive: [`sandbox:${id}`], shared: [`network:${networkId}`] }, async () => {
      const endpoint = endpoints.get(id);
      if (endpoint !== undefined) await this.#remove(endpoint);
    });
  }

  async networkFound(network: Network): Promise<void> {
    await this.#mayFail();
    await this.#locks.run({ exclusive: ['networks', `network:${network.id}`] }, async () => {
      const { networks } = this.#parts.records;
      const known = networks.get(network.id);
      if (known?.pending) return;
      if (known === undefined) this.#checkRoom(network);
      await this.#commit(() => networks.set(network.id, network));
    });
  }

  async networkGone(id: NetworkId): Promise<void> {
    await this.#mayFail();
    const onIt = [...this.#parts.records.endpoints.values()].filter(({ networkId }) => networkId === id);
    for (const endpoint of onIt) await this.endpointLost(endpoint.id, 'its network is gone');
    await this.#locks.run({ exclusive: ['networks', `network:${id}`] }, () => this.#dropNetwork(id));
  }

  async peersChanged(id: NetworkId, change: PeerChange & { readonly all: boolean }): Promise<void> {
    await this.#alone(id, async () => {
      if (!this.#present.has(id)) return;
      await this.#mayFail();
      this.#parts.kernel.changePeers(id, change);
    });
  }

  async endpointLost(id: EndpointId, reason: string): Promise<void> {
    this.#parts.onLost(id, reason);
    if (!this.#parts.records.endpoints.has(id)) return this.cluster.withdraw(id);
    await this.#disconnect(id);
  }

  async tunnelsChanged(open: boolean): Promise<void> {
    this.#isTunnelsToldOf = true;
    await this.#while([0, 3]);
    this.#parts.kernel.setOpen(open);
  }

  async #make(network: Network, id: EndpointId, wanted: IpAddress | undefined, undo: Undo) {
    const { endpoints } = this.#parts.records;
    const address = await this.#lease(network, wanted);
    undo(() => {
      if (!endpoints.has(id)) this.#leasedOf(network.id).delete(address);
    });
    const endpoint = draftEndpoint(id, network, address);
    undo(() => this.#commit(() => endpoints.delete(id)));
    await this.#commit(() => endpoints.set(id, { ...endpoint, pending: true }));
    await this.#bringAbout(network);
    undo(() => this.#quietly(this.cluster.withdraw(id)));
    undo(() => this.#parts.kernel.removeAddress(id));
    await allDone([this.#addAddress(endpoint), this.#quietly(this.cluster.publish(endpoint))]);
    await this.#commit(() => endpoints.set(id, endpoint));
    return endpoint;
  }

  async #remove(endpoint: SharedEndpoint): Promise<void> {
    const { id, networkId, addresses } = endpoint;
    const { endpoints } = this.#parts.records;
    await this.#commit(() => endpoints.set(id, { ...endpoint, pending: true }));
    const withdrawn = this.#quietly(this.cluster.withdraw(id));
    await this.#while([0, 5]);
    this.#parts.kernel.removeAddress(id);
    await this.#commit(() => endpoints.delete(id));
    for (const address of addresses) this.#leasedOf(networkId).delete(addressOf(address));
    await withdrawn;
    await this.#settle(networkId);
  }

  /** Out of what this host holds; a block more when that is full. */
  async #lease({ id, ipam }: Network, wanted: IpAddress | undefined): Promise<IpAddress> {
    const [pool] = ipam.pools;
    if (pool === undefined) throw new NetError('internal', 'a network without a pool');
    const leased = this.#leasedOf(id);
    const take = (address: IpAddress) => {
      leased.add(address);
      return address;
    };
    for (;;) {
      const blocks = this.cluster.blocksOf(pool.subnet) ?? [pool.subnet];
      const free = addressesOf(pool, blocks).find(
        (address) => !leased.has(address) && (wanted === undefined || wanted === address),
      );
      if (free !== undefined) return take(free);
      if (wanted !== undefined && leased.has(wanted)) throw new NetError('conflict', `${wanted} is leased`);
      await this.cluster.claimBlock(pool.subnet, wanted);
    }
  }

  async #bringAbout(network: Network): Promise<void> {
    await this.#alone(network.id, async () => {
      if (this.#present.has(network.id)) return;
      await this.#while([0, 5]);
      this.#present.add(network.id);
      this.cluster.join(network);
    });
  }

  async #settle(id: NetworkId): Promise<void> {
    const isNeeded = () => (this.#intents.get(id) ?? 0) > 0 || this.#isInUse(id);
    if (isNeeded()) return;
    await this.#alone(id, async () => {
      if (isNeeded()) return;
      this.cluster.leave(id);
      this.#present.delete(id);
      this.#parts.kernel.removeNetwork(id);
    });
  }

  /** One that was being made when the last run ended. */
  async #takeBack(network: Network): Promise<void> {
    for (;;) {
      const isBack = await this.#locks.run({ exclusive: ['networks', `network:${network.id}`] }, async () => {
        try {
          await this.cluster.releaseNetwork(network);
        } catch {
          return false;
        }
        await this.#dropNetwork(network.id);
        return true;
      });
      if (isBack) return;
      await this.#while([5_000, 5_000]);
    }
  }

  #dropNetwork(id: NetworkId): Promise<void> {
    return this.#commit(() => {
      this.#parts.records.networks.delete(id);
      this.#leased.delete(id);
    });
  }

  async #addAddress({ id, networkId, addresses }: SharedEndpoint): Promise<void> {
    await this.#while([0, 5]);
    for (const address of addresses) this.#parts.kernel.addAddress(id, networkId, addressOf(address));
  }

  #network(id: NetworkId): Network {
    const network = this.#parts.records.networks.get(id);
    if (network === undefined || network.pending) throw new NetError('not_found', `network ${id}`);
    return network;
  }

  #isInUse(id: NetworkId): boolean {
    for (const { networkId } of this.#parts.records.endpoints.values()) if (networkId === id) return true;
    return false;
  }

  #checkRoom({ name, ipam }: Network): void {
    for (const other of this.#parts.records.networks.values()) {
      if (other.name === name) throw new NetError('already_exists', `network ${name} exists already`);
      const isTaken = ({ subnet }: Pool) => ipam.pools.some((pool) => overlaps(pool.subnet, subnet));
      if (other.ipam.pools.some(isTaken))
        throw new NetError('conflict', `network ${name} overlaps ${other.name}`);
    }
  }

  #leasedOf(id: NetworkId): Set<IpAddress> {
    const leased = this.#leased.get(id) ?? new Set();
    this.#leased.set(id, leased);
    return leased;
  }

  #intend(id: NetworkId, change: 1 | -1): void {
    this.#intents.set(id, (this.#intents.get(id) ?? 0) + change);
  }

  #alone(id: NetworkId, work: () => Promise<void>): Promise<void> {
    return this.#presence.run({ exclusive: [id] }, work);
  }

  async #mayFail(): Promise<void> {
    await this.#while([0, 5]);
    if (this.#parts.clock.random() < this.#parts.failures()) throw new NetError('internal', 'not now');
  }

  /** What is recorded is so at once or, when the daemon dies meanwhile, not at all. */
  async #commit(change: () => unknown): Promise<void> {
    await this.#while([0, 2]);
    change();
  }

  #while(rangeMs: readonly [number, number]): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => clock.after(clock.machine.time.between(rangeMs), resolve));
  }

  async #quietly(work: Promise<void>): Promise<void> {
    await work.catch(ignore);
  }
}

/** Those that may be given to endpoints. */
function addressesOf({ subnet, gateway }: Pool, blocks: readonly Cidr[]): IpAddress[] {
  const whole = rangeOf(subnet);
  const addresses: IpAddress[] = [];
  for (const block of blocks) {
    const { first, last } = rangeOf(block);
    for (let value = first; value <= last; value++) {
      const address = toIpAddress(value, 4);
      if (value !== whole.first && value !== whole.last && address !== gateway) addresses.push(address);
    }
  }
  return addresses;
}

function draftEndpoint(id: EndpointId, { id: networkId, ipam }: Network, address: IpAddress): SharedEndpoint {
  const [pool] = ipam.pools;
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return {
    id,
    networkId,
    sandboxId: `sandbox-${id}` as SandboxId,
    names: [`name-${id}`],
    mac: `02:42:${bytes.join(':')}` as MacAddress,
    addresses: [toInterfaceAddress(address, pool === undefined ? 32 : prefixOf(pool.subnet))],
    services: [],
  };
}

function unmarked({ pending: _, ...endpoint }: SharedEndpoint & { readonly pending?: true }): SharedEndpoint {
  return endpoint;
}

function ignore(): void {}
