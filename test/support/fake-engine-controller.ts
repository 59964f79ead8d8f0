// What a container engine holds, in memory: the promises of EngineController without a kernel, and a way to make it slow.
import {
  type Cidr,
  contains,
  familyOf,
  type InterfaceAddress,
  type IpAddress,
  overlaps,
  parseCidr,
  prefixOf,
  rangeOf,
  toInterfaceAddress,
  toIpAddress,
} from '../../src/base/cidr.ts';
import { NetError } from '../../src/base/errors.ts';
import { macFromBytes } from '../../src/base/mac.ts';
import type {
  EngineAddressRequest,
  EngineContainer,
  EngineController,
  EngineEndpoint,
  EngineEndpointRequest,
  EngineHoldings,
  EngineLease,
  EngineNetwork,
  EngineNetworkRequest,
  EnginePool,
  EnginePoolRequest,
  InterfaceOffer,
} from '../../src/core/engine-requests.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { DriverName, Network } from '../../src/model/network.ts';
import type { PortRequest, PublishedPort } from '../../src/model/port.ts';
import type { EndpointView } from '../../src/model/view.ts';

const createdAt = '2030-01-01T00:00:00.000Z';
const bootId = 'boot';
const drivers: readonly string[] = ['bridge', 'macvlan'];

export class FakeEngineController implements EngineController {
  /** What networks and endpoints were asked for as, by id. */
  readonly networkRequests = new Map<string, EngineNetworkRequest>();
  readonly endpointRequests = new Map<string, EngineEndpointRequest>();
  readonly names = new Map<string, string>();
  readonly #pools = new Map<string, EnginePool>();
  readonly #leases = new Map<string, EngineLease>();
  readonly #networks = new Map<string, EngineNetwork & { readonly gateways: InterfaceOffer['gateways'] }>();
  readonly #endpoints = new Map<string, EngineEndpoint>();
  /** Sandbox keys, by the endpoint that is joined there. */
  readonly #joined = new Map<string, string>();
  readonly #ports = new Map<string, readonly PublishedPort[]>();
  #turn: Promise<void> = Promise.resolve();
  #subnets = 0;

  /** Holds up every call from now on until the answer is called. */
  pause(): () => void {
    let resume = () => {};
    this.#turn = new Promise((resolve) => {
      resume = resolve;
    });
    return resume;
  }

  async requestPool({ family, subnet, range }: EnginePoolRequest): Promise<EnginePool> {
    await this.#turn;
    const chosen = subnet ?? this.#freeSubnet(family);
    const known = this.#pools.get(chosen);
    const onIt = this.#networkOn(chosen);
    const other = [...this.#pools.values()].find((pool) => overlaps(pool.subnet, chosen));
    if (onIt !== undefined || (other !== undefined && known === undefined)) {
      throw new NetError('conflict', `subnet ${chosen} overlaps ${other?.subnet}`);
    }
    const pool = known ?? { id: chosen, subnet: chosen, ...(range && { range }), createdAt };
    this.#pools.set(pool.id, pool);
    return pool;
  }

  async releasePool(id: string): Promise<void> {
    await this.#turn;
    this.#pools.delete(id);
    for (const { id: lease, subnet } of this.#leases.values()) if (subnet === id) this.#leases.delete(lease);
  }

  async requestAddress(request: EngineAddressRequest): Promise<InterfaceAddress> {
    await this.#turn;
    const pool = this.#pools.get(request.poolId);
    if (pool === undefined) throw new NetError('not_found', `no pool ${request.poolId}`);
    const address = request.address ?? this.#freeAddress(pool);
    if (!contains(pool.subnet, address)) {
      throw new NetError('invalid_parameter', `address ${address} is not in pool ${pool.id}`);
    }
    const id = `${pool.id} ${address}`;
    if (this.#leases.has(id)) throw new NetError('conflict', `address ${address} is taken`);
    const { containerName } = request;
    const lease = { id, subnet: pool.subnet, address, createdAt, bootId };
    this.#leases.set(id, { ...lease, ...(containerName && { containerName }) });
    return toInterfaceAddress(address, prefixOf(pool.subnet));
  }

  async releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    await this.#turn;
    this.#leases.delete(`${poolId} ${address}`);
  }

  withoutGateway(request: Pick<EngineNetworkRequest, 'driver' | 'options' | 'internal'>) {
    checkDriver(request.driver);
    return { ipv4: false, ipv6: false };
  }

  async createNetwork(request: EngineNetworkRequest): Promise<Network> {
    await this.#turn;
    checkDriver(request.driver);
    if (this.#networks.has(request.id)) return toNetwork(request);
    const gateways = request.internal ? [] : request.pools.flatMap(({ gateway }) => gateway ?? []);
    const ipv4 = gateways.find((gateway) => familyOf(gateway) === 4);
    const ipv6 = gateways.find((gateway) => familyOf(gateway) === 6);
    this.networkRequests.set(request.id, request);
    this.#networks.set(request.id, {
      id: request.id,
      networkId: request.id as NetworkId,
      made: request.network === undefined,
      createdAt,
      gateways: { ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) },
    });
    return toNetwork(request);
  }

  async deleteNetwork(id: string): Promise<void> {
    await this.#turn;
    this.#networks.delete(id);
  }

  async createEndpoint(request: EngineEndpointRequest): Promise<EngineEndpoint> {
    await this.#turn;
    const network = this.#networks.get(request.networkId);
    if (network === undefined) throw new NetError('not_found', `no network ${request.networkId}`);
    const known = this.#endpoints.get(request.id);
    if (known !== undefined) return known;
    const mac = request.mac ?? macFromBytes(Buffer.from(request.id, 'hex'));
    const { addresses, exposed } = request;
    const { networkId } = network;
    const endpoint = { id: request.id as EndpointId, networkId, addresses, mac, exposed, createdAt, bootId };
    this.endpointRequests.set(request.id, request);
    this.#endpoints.set(request.id, endpoint);
    return endpoint;
  }

  async deleteEndpoint(id: string): Promise<void> {
    await this.#turn;
    await this.leave(id);
    this.#endpoints.delete(id);
  }

  async join(id: string, sandboxKey: string): Promise<InterfaceOffer> {
    await this.#turn;
    const { networkId } = this.#endpoint(id);
    const other = this.#joined.get(id);
    if (other !== undefined && other !== sandboxKey) {
      throw new NetError('conflict', `endpoint ${id} is in ${other}`);
    }
    this.#joined.set(id, sandboxKey);
    const gateways = this.#networks.get(networkId)?.gateways ?? {};
    return { ifname: `fp${id.slice(0, 10)}`, prefix: 'eth', gateways, routes: [] };
  }

  async leave(id: string): Promise<void> {
    await this.#turn;
    this.#joined.delete(id);
    this.#ports.delete(id);
  }

  async publish(id: string, ports: readonly PortRequest[]): Promise<void> {
    await this.#turn;
    this.#endpoint(id);
    const published = ports.map(({ protocol, port, hostAddress, hostPort }) => ({
      protocol,
      port,
      hostAddress: hostAddress ?? ('0.0.0.0' as IpAddress),
      hostPort: hostPort?.first ?? 32768,
    }));
    this.#ports.set(id, published);
  }

  async unpublish(id: string): Promise<void> {
    await this.#turn;
    this.#ports.delete(id);
  }

  endpoint(id: string): EndpointView | undefined {
    const endpoint = this.#endpoints.get(id);
    const sandboxKey = this.#joined.get(id);
    if (endpoint === undefined || sandboxKey === undefined) return undefined;
    const { networkId, addresses, mac, exposed } = endpoint;
    return {
      id: endpoint.id,
      networkId,
      networkName: this.names.get(networkId) ?? networkId,
      sandboxId: sandboxKey as SandboxId,
      sandboxName: sandboxKey.slice(sandboxKey.lastIndexOf('/') + 1),
      createdAt,
      ifname: 'eth0',
      mac,
      addresses,
      aliases: [],
      links: [],
      gatewayPriority: 0,
      ports: this.#ports.get(id) ?? [],
      exposed,
      options: this.endpointRequests.get(id)?.options ?? {},
    };
  }

  async nameNetwork(id: string, name: string): Promise<void> {
    this.names.set(id, name);
  }

  async nameContainer({ id, name }: EngineContainer): Promise<void> {
    this.names.set(id, name);
  }

  holdings(): EngineHoldings {
    return {
      pools: [...this.#pools.values()],
      leases: [...this.#leases.values()],
      networks: [...this.#networks.values()].map(({ gateways, ...network }) => network),
      endpoints: [...this.#endpoints.values()],
    };
  }

  #networkOn(subnet: Cidr): string | undefined {
    const ids = [...this.#networks.keys()];
    return ids.find((id) => this.networkRequests.get(id)?.pools.some((pool) => pool.subnet === subnet));
  }

  #freeSubnet(family: 4 | 6): Cidr {
    this.#subnets++;
    return parseCidr(family === 4 ? `10.91.${this.#subnets}.0/24` : `fd91:${this.#subnets}::/64`, 'subnet');
  }

  #freeAddress({ id, subnet, range }: EnginePool): IpAddress {
    const { first, last, family } = rangeOf(range ?? subnet);
    for (let value = first + 1n; value < last; value++) {
      const address = toIpAddress(value, family);
      if (!this.#leases.has(`${id} ${address}`)) return address;
    }
    throw new NetError('exhausted', `pool ${subnet} is full`);
  }

  #endpoint(id: string): EngineEndpoint {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) throw new NetError('not_found', `no endpoint ${id}`);
    return endpoint;
  }
}

function checkDriver(driver = 'bridge'): void {
  if (drivers.includes(driver)) return;
  throw new NetError('invalid_parameter', `unknown driver ${driver}; known are ${drivers.join(', ')}`);
}

function toNetwork(request: EngineNetworkRequest): Network {
  const { id, internal, ipv4, ipv6, options } = request;
  const pools = request.pools.map(({ leasedHere, ...pool }) => pool);
  return {
    id: id as NetworkId,
    name: id,
    driver: (request.driver ?? 'bridge') as DriverName,
    createdAt,
    internal,
    ipv4,
    ipv6,
    options,
    labels: {},
    ipam: { driver: 'default', options: {}, pools },
    builtin: false,
  };
}
