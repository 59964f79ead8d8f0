// A host of a cluster without a kernel: registers, joins networks, publishes endpoints and follows those of others by the daemon's
// own code over a connection of its own, and does nothing with what it learns.
import { createHash } from 'node:crypto';
import {
  type Cidr,
  type IpAddress,
  parseCidr,
  parseIp,
  prefixOf,
  rangeOf,
  toInterfaceAddress,
  toIpAddress,
} from '../../src/base/cidr.ts';
import { createLog } from '../../src/base/log.ts';
import { macFromBytes } from '../../src/base/mac.ts';
import { BootClock, readBootId } from '../../src/cluster/boot-clock.ts';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { openEtcd } from '../../src/cluster/etcd/etcd-store.ts';
import { parseEtcdUrls } from '../../src/cluster/etcd/etcd-url.ts';
import type { ClusterMemory, Remembered } from '../../src/cluster/memory.ts';
import { SharedCluster } from '../../src/cluster/shared/shared-cluster.ts';
import type { EndpointId, HostId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { Network } from '../../src/model/network.ts';
import type { ClusterHost, SharedEndpoint } from '../../src/model/peer.ts';
import { waitUntil } from '../../test/support/wait-until.ts';

export class Agent {
  readonly #number: number;
  readonly #cluster: Cluster;
  readonly #networks = new Map<string, Network>();
  /** Addresses of its blocks it has not given yet. */
  readonly #free: IpAddress[] = [];
  #published = 0;

  private constructor(number: number, cluster: Cluster) {
    this.#number = number;
    this.#cluster = cluster;
  }

  /** Resolves when it is registered. `number` tells it from the other hosts. */
  static async start(url: string, number: number): Promise<Agent> {
    const agent = new Agent(number, await openCluster(url, hostNumber(number)));
    await agent.#cluster.start(
      { networks: [], endpoints: [] },
      {
        networkFound: async (network) => void agent.#networks.set(network.name, network),
        networkGone: async () => undefined,
        peersChanged: async () => undefined,
        endpointLost: async (id, reason) => {
          throw new Error(`endpoint ${id} of host ${number} is lost: ${reason}`);
        },
        tunnelsChanged: async () => undefined,
      },
    );
    const joined = () => agent.#cluster.view().state === 'joined';
    await waitUntil(`host ${number} has joined`, joined, { timeoutMs: 60_000 });
    return agent;
  }

  /** Makes a network of the cluster. */
  async create(name: string, subnet: string): Promise<void> {
    await this.#cluster.claimNetwork(networkOf(name, parseCidr(subnet, 'subnet')), []);
  }

  hasNetwork(name: string): boolean {
    return this.#networks.has(name);
  }

  network(name: string): Network {
    const network = this.#networks.get(name);
    if (network === undefined) throw new Error(`host ${this.#number} does not know of network ${name}`);
    return network;
  }

  /** Publishes that many further endpoints on a network, each as soon as it has an address. Resolves when the store has all. */
  async publish(name: string, count: number): Promise<void> {
    const network = this.network(name);
    this.#cluster.join(network);
    const stored: Promise<void>[] = [];
    for (const last = this.#published + count; this.#published < last; this.#published++) {
      const address = await this.#address(subnetOf(network));
      stored.push(this.#cluster.publish(endpointOf(network, address, [this.#number, this.#published])));
    }
    await Promise.all(stored);
  }

  /** Endpoints of other hosts it knows on a network. */
  known(name: string): number {
    return this.#cluster.peersOf(this.network(name).id)?.size ?? 0;
  }

  /** The next of its block; takes another block when that has no more. */
  async #address(subnet: Cidr): Promise<IpAddress> {
    let address = this.#free.shift();
    while (address === undefined) {
      const claim = () => this.#cluster.claimBlock(subnet);
      const block = await waitUntil(`host ${this.#number} has a block`, claim, { timeoutMs: 60_000 });
      const { first, last } = rangeOf(block);
      for (let value = first; value <= last; value++) this.#free.push(toIpAddress(value, 4));
      address = this.#free.shift();
    }
    return address;
  }
}

/** One that no other numbers make. */
export function endpointOf(network: Network, address: IpAddress, numbers: readonly number[]): SharedEndpoint {
  const digest = hash(`endpoint ${numbers}`);
  return {
    id: digest.toString('hex') as EndpointId,
    networkId: network.id,
    sandboxId: hash(`sandbox ${numbers}`).toString('hex') as SandboxId,
    names: [`web-${numbers.join('-')}`, digest.toString('hex').slice(0, 12)],
    mac: macFromBytes(digest),
    addresses: [toInterfaceAddress(address, prefixOf(subnetOf(network)))],
    services: [{ protocol: 'tcp', port: 80 }],
  };
}

export function subnetOf({ name, ipam }: Network): Cidr {
  const [pool] = ipam.pools;
  if (pool === undefined) throw new Error(`network ${name} has no subnet`);
  return pool.subnet;
}

async function openCluster(url: string, host: ClusterHost): Promise<Cluster> {
  const place = parseEtcdUrls([url]);
  return new SharedCluster({
    store: await openEtcd({ ...place, onError: () => undefined }),
    clock: new BootClock(),
    bootId: readBootId(),
    memory: memoryOfProcess(),
    host,
    prefix: place.prefix,
    leaseSeconds: { value: 30, given: false },
    graceSeconds: { value: 86_400, given: false },
    log: createLog('error', 'text'),
  });
}

/** Hosts are not started again here. */
function memoryOfProcess(): ClusterMemory {
  let remembered: Remembered = { blocks: [], networks: [] };
  return {
    read: () => remembered,
    write: async (next) => {
      remembered = next;
    },
  };
}

/** One of these as the others see it. */
export function hostNumber(number: number): ClusterHost {
  const digest = hash(`host ${number}`);
  return {
    id: digest.toString('hex') as HostId,
    name: `host${number}`,
    address: parseIp(`10.${100 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`, 'address'),
    mac: macFromBytes(digest),
    mtuBytes: 1500,
  };
}

function networkOf(name: string, subnet: Cidr): Network {
  return {
    id: hash(`network ${name}`).toString('hex') as NetworkId,
    name,
    driver: 'overlay',
    createdAt: new Date().toISOString(),
    internal: false,
    ipv4: true,
    ipv6: false,
    options: { mtu: '1450' },
    labels: {},
    ipam: { driver: 'default', options: {}, pools: [{ subnet, reserved: {} }] },
    builtin: false,
  };
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
