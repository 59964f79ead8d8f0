// Some simulated hosts with their store, what their users asked for, and what must never be seen of it.
import { overlaps } from '../../../../src/base/cidr.ts';
import type { Cluster } from '../../../../src/cluster/cluster.ts';
import type { StoreEvent } from '../../../../src/cluster/shared-store.ts';
import type { EndpointId, HostId, NetworkId } from '../../../../src/model/ids.ts';
import type { Network } from '../../../../src/model/network.ts';
import { type ClusterParts, type HostHabits, SimulatedHost } from '../../../support/simulated-host.ts';
import { SimulatedServer } from '../../../support/simulated-server.ts';
import { SimulatedTime } from '../../../support/simulated-time.ts';

export const prefix = '/fairlead';

/** An endpoint that a user was told of as connected, and has not disconnected. */
export interface Promised {
  readonly host: SimulatedHost;
  readonly networkId: NetworkId;
  /** How often its host had been away for too long when it was connected: what is lost since then may be lost. */
  readonly lapses: number;
}

export class World {
  readonly time: SimulatedTime;
  readonly server: SimulatedServer;
  readonly hosts: readonly SimulatedHost[];
  readonly promised = new Map<EndpointId, Promised>();
  /** What was seen that must not be. */
  readonly violations: string[] = [];
  /** The store lost what it had: others may have been given addresses of hosts that do not know yet. */
  hasLost = false;
  /** What happened, for whoever reads of a violation. */
  readonly log: string[] | undefined;
  readonly #networks = new Map<string, Network>();

  constructor(
    seed: number,
    options: {
      readonly hosts: number;
      readonly habits: Omit<HostHabits, 'newCluster'>;
      readonly newCluster: (parts: ClusterParts, log: (line: string) => void) => Cluster;
      readonly time?: SimulatedTime;
      readonly isLogged: boolean;
    },
  ) {
    this.time = options.time ?? new SimulatedTime(seed);
    this.server = new SimulatedServer(this.time);
    this.log = options.isLogged ? [] : undefined;
    this.hosts = Array.from({ length: options.hosts }, (_, index) => {
      const note = (line: string) => this.note(`host-${index + 1}: ${line}`);
      const newCluster = (parts: ClusterParts) => options.newCluster(parts, note);
      return new SimulatedHost(this.server, index + 1, { ...options.habits, newCluster });
    });
    for (const host of this.hosts) {
      host.kernel.onReach = () => this.#checkAddresses(host);
      host.onLost = (id, reason) => this.#checkLoss(host, id, reason);
    }
    this.server.onChange = (events) => this.#follow(events);
    this.server.onExpiry = (keys) => {
      for (const { key } of keys) {
        this.note(`store: ${key} expires`);
        const host = this.hosts.find(({ id }) => key === `${prefix}/v1/claim/${id}`);
        if (host !== undefined) host.lapses += 1;
      }
    };
  }

  note(line: string): void {
    this.log?.push(`${(this.time.nowMs / 1000).toFixed(3).padStart(9)}  ${line}`);
  }

  violate(what: string): void {
    this.note(`VIOLATION: ${what}`);
    this.violations.push(what);
  }

  /** Whether a promise has to be kept still. */
  isBinding({ host, lapses }: Promised): boolean {
    return host.isOn && host.lapses === lapses && !this.hasLost;
  }

  /** The store is about to lose what it has, or some of it. */
  lose(): void {
    this.hasLost = true;
    this.#networks.clear();
    for (const host of this.hosts) host.lapses += 1;
  }

  host(id: HostId): SimulatedHost | undefined {
    return this.hosts.find((host) => host.id === id);
  }

  /** No two endpoints that can be reached have one address on one network. */
  #checkAddresses(changed: SimulatedHost): void {
    if (!changed.isReachable || this.hasLost) return;
    const own = new Map<string, EndpointId>();
    for (const [id, { networkId, address }] of changed.kernel.addresses) {
      const place = `${networkId} ${address}`;
      if (own.has(place)) this.violate(`${place} is given to ${own.get(place)} and ${id} of ${changed.id}`);
      own.set(place, id);
    }
    for (const other of this.hosts) {
      if (other === changed || !other.isReachable) continue;
      for (const [id, { networkId, address }] of other.kernel.addresses) {
        const rival = own.get(`${networkId} ${address}`);
        if (rival === undefined) continue;
        this.violate(
          `${address} of ${networkId} is of ${rival} on ${changed.id} and of ${id} on ${other.id}`,
        );
      }
    }
  }

  #checkLoss(host: SimulatedHost, id: EndpointId, reason: string): void {
    this.note(`${host.id}: is told that ${id} is lost: ${reason}`);
    const promise = this.promised.get(id);
    if (promise === undefined) return;
    if (this.isBinding(promise)) this.violate(`${host.id} is told that ${id} is lost: ${reason}`);
    this.promised.delete(id);
  }

  /** No two networks have one name, one VNI or subnets that overlap. */
  #follow(events: readonly StoreEvent[]): void {
    const below = `${prefix}/v1/network/`;
    for (const event of events) {
      const key = 'put' in event ? event.put.key : event.deleted;
      if (this.log !== undefined && !/\/(host|claim)\/.*renew/.test(key)) {
        this.note(`store: ${'put' in event ? `${key} = ${event.put.value}` : `${key} deleted`}`);
      }
      if (!key.startsWith(below)) continue;
      if ('put' in event) this.#checkNetwork(key, JSON.parse(event.put.value));
      else this.#networks.delete(key);
    }
  }

  #checkNetwork(key: string, network: Network): void {
    const vni = network.options['vni'];
    if (vni === undefined) this.violate(`network ${network.name} is stored without a VNI`);
    for (const [otherKey, other] of this.#networks) {
      if (otherKey === key) continue;
      if (other.name === network.name) this.violate(`two networks are called ${other.name}`);
      if (other.options['vni'] === vni) this.violate(`${network.name} and ${other.name} have VNI ${vni}`);
      for (const { subnet } of network.ipam.pools) {
        const rival = other.ipam.pools.find((pool) => overlaps(pool.subnet, subnet));
        if (rival) this.violate(`${subnet} of ${network.name} overlaps ${rival.subnet} of ${other.name}`);
      }
    }
    this.#networks.set(key, network);
  }
}
