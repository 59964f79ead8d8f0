// What the door of a container engine asks: its ids taken one by one, in the order its calls come for each.
import type { InterfaceAddress, IpAddress, IpFamily } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { KeyedMutex } from '../base/keyed-mutex.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EngineEndpoint, EnginePool } from '../model/engine.ts';
import { needsGateway } from '../model/gateway.ts';
import { type EndpointId, shortId } from '../model/ids.ts';
import type { DriverName, Network } from '../model/network.ts';
import type { PortRequest } from '../model/port.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { EndpointView } from '../model/view.ts';
import { nameContainer, provisionalName } from './engine-containers.ts';
import {
  createEngineEndpoint,
  deleteEngineEndpoint,
  findEngineEndpoint,
  offeredConfig,
  offerOf,
  publishExactly,
} from './engine-endpoints.ts';
import { createEngineNetwork, deleteEngineNetwork, nameEngineNetwork } from './engine-networks.ts';
import { releaseAddress, releasePool, requestAddress, requestPool } from './engine-pools.ts';
import { engineEndpointsOf, engineNetworksOf, findEngineNetwork, leaseNameOf } from './engine-records.ts';
import type {
  EngineAddressRequest,
  EngineContainer,
  EngineController,
  EngineEndpointRequest,
  EngineHoldings,
  EngineNetworkRequest,
  EnginePoolRequest,
  InterfaceOffer,
} from './engine-requests.ts';
import { viewEndpoint } from './inspect.ts';
import type { Locks } from './locks.ts';
import { driverOf, endpointsOfSandbox, findNetwork, lookUp, sandboxOf } from './lookup.ts';
import type { Memberships } from './memberships.ts';
import type { Parts } from './parts.ts';
import { unpublishAll } from './publish-ports.ts';
import { startResolver } from './sandbox-names.ts';

export class Engines implements EngineController {
  readonly #parts: Parts;
  readonly #locks: Locks;
  readonly #memberships: Memberships;
  /** By the engine's ids: what is asked of one comes after what was asked of it before, also when the engine gave up waiting. */
  readonly #ids = new KeyedMutex();
  /** Leases whose takers were told of them: others were recorded by a daemon that died before it could. */
  readonly #told = new Set<string>();
  /** The names that networks of an engine did not get, which is logged once. */
  readonly #unwelcome = new Map<string, string>();

  constructor(parts: Parts, locks: Locks, memberships: Memberships) {
    this.#parts = parts;
    this.#locks = locks;
    this.#memberships = memberships;
  }

  requestPool(request: EnginePoolRequest): Promise<EnginePool> {
    return this.#locks.run({ exclusive: ['networks'] }, () => requestPool(this.#parts, request));
  }

  releasePool(id: string): Promise<void> {
    return this.#locks.run({ exclusive: ['networks'] }, () => releasePool(this.#parts, id));
  }

  requestAddress(request: EngineAddressRequest): Promise<InterfaceAddress> {
    return this.#locks.run({ shared: ['networks'], exclusive: [`pool:${request.poolId}`] }, () =>
      requestAddress(this.#parts, request, this.#told),
    );
  }

  releaseAddress(poolId: string, address: IpAddress): Promise<void> {
    return this.#locks.run({ shared: ['networks'], exclusive: [`pool:${poolId}`] }, () =>
      releaseAddress(this.#parts, { poolId, address }, this.#told),
    );
  }

  withoutGateway({
    driver = 'bridge',
    options,
    internal,
  }: Pick<EngineNetworkRequest, 'driver' | 'options' | 'internal'>) {
    const made = driverOf(this.#parts, { driver: driver as DriverName });
    const described = { options: made.normalizeOptions(options), internal };
    const skips = (family: IpFamily) => !made.hasGateway || !needsGateway(described, family);
    return { ipv4: skips(4), ipv6: skips(6) };
  }

  createNetwork(request: EngineNetworkRequest): Promise<Network> {
    const joined = request.network && lookUp('network', this.#state.networks, request.network)?.id;
    const exclusive = ['networks', `network:${joined ?? request.id}`];
    return this.#onId(request.id, () =>
      this.#locks.run({ exclusive }, () => createEngineNetwork(this.#parts, request)),
    );
  }

  deleteNetwork(id: string): Promise<void> {
    return this.#onId(id, async () => {
      const held = this.#state.engineNetworks.get(id);
      if (held === undefined) return;
      await this.#removeForgotten(held.networkId);
      await this.#locks.run({ exclusive: ['networks', `network:${held.networkId}`] }, () =>
        deleteEngineNetwork(this.#parts, id),
      );
    });
  }

  createEndpoint(request: EngineEndpointRequest): Promise<EngineEndpoint> {
    return this.#onId(request.id, async () => {
      const { network } = findEngineNetwork(this.#state, request.networkId);
      return this.#locks.run({ shared: [`network:${network.id}`] }, async () =>
        createEngineEndpoint(this.#parts, request),
      );
    });
  }

  deleteEndpoint(id: string): Promise<void> {
    return this.#onId(id, async () => {
      await this.#memberships.remove(id as EndpointId);
      await this.#locks.run({}, () => deleteEngineEndpoint(this.#parts, id));
    });
  }

  join(id: string, sandboxKey: string): Promise<InterfaceOffer> {
    return this.#onId(id, async () => {
      const known = findEngineEndpoint(this.#state, id);
      const before = this.#state.endpoints.get(known.id);
      if (before !== undefined && this.#isAt(before, sandboxKey)) return offerOf(this.#parts, before);
      await this.#memberships.remove(known.id);
      const network = findNetwork(this.#state, known.networkId);
      const name = leaseNameOf(this.#state, network, known) ?? provisionalName(sandboxKey);
      const { endpoint } = await this.#memberships.join(
        network,
        { sandboxKey, name },
        offeredConfig(network, known),
      );
      // The engine moves the interface when it has our answer, which takes the kernel longer than a resolver takes to start.
      setImmediate(() => void this.#startResolver(endpoint));
      return offerOf(this.#parts, endpoint);
    });
  }

  leave(id: string): Promise<void> {
    return this.#onId(id, () => this.#memberships.remove(id as EndpointId));
  }

  publish(id: string, ports: readonly PortRequest[]): Promise<void> {
    return this.#onId(id, async () => {
      const done = await this.#onEndpoint(id, (place) => publishExactly(this.#parts, place, ports));
      if (done === undefined) {
        throw new NetError(
          'not_found',
          `no container has endpoint ${shortId(id)}: connect it to its network again`,
        );
      }
    });
  }

  unpublish(id: string): Promise<void> {
    return this.#onId(id, async () => {
      await this.#onEndpoint(id, async ({ sandbox, endpoint }) => {
        await unpublishAll(this.#parts, sandbox, endpoint, 0);
      });
    });
  }

  endpoint(id: string): EndpointView | undefined {
    const endpoint = this.#state.endpoints.get(id as EndpointId);
    return endpoint && viewEndpoint(this.#state, endpoint);
  }

  async nameNetwork(id: string, name: string): Promise<void> {
    const held = this.#state.engineNetworks.get(id);
    if (held === undefined) return;
    const exclusive = ['networks', `network:${held.networkId}`];
    const named = await this.#locks.run({ exclusive }, () => nameEngineNetwork(this.#parts, id, name));
    if (named || this.#unwelcome.get(id) === name) return;
    this.#unwelcome.set(id, name);
    const own = this.#state.networks.get(held.networkId)?.name;
    this.#parts.log.warn(
      { network: own, name },
      'a network of an engine keeps its name: another one has that, or none can',
    );
  }

  async nameContainer(container: EngineContainer): Promise<void> {
    for (const { id } of container.endpoints) {
      const sandboxId = this.#state.endpoints.get(id as EndpointId)?.sandboxId;
      if (sandboxId === undefined) continue;
      await this.#locks.run({ exclusive: [`name:${container.name}`, `sandbox:${sandboxId}`] }, async () => {
        const sandbox = this.#state.sandboxes.get(sandboxId);
        if (sandbox !== undefined) await nameContainer(this.#parts, sandbox, container);
      });
    }
  }

  holdings(): EngineHoldings {
    const { enginePools, engineLeases, engineNetworks, engineEndpoints } = this.#state;
    return {
      pools: [...enginePools.values()],
      leases: [...engineLeases.values()],
      networks: [...engineNetworks.values()],
      endpoints: [...engineEndpoints.values()],
    };
  }

  get #state() {
    return this.#parts.store.state;
  }

  #onId<T>(id: string, work: () => Promise<T>): Promise<T> {
    return this.#ids.run({ exclusive: [id] }, work);
  }

  async #startResolver({ sandboxId }: Endpoint): Promise<void> {
    try {
      await this.#locks.run({ exclusive: [`sandbox:${sandboxId}`] }, async () => {
        const sandbox = this.#state.sandboxes.get(sandboxId);
        if (sandbox === undefined) return;
        await startResolver(this.#parts, sandbox, endpointsOfSandbox(this.#state, sandboxId));
      });
    } catch (error) {
      this.#parts.log.warn({ sandbox: sandboxId, reason: String(error) }, 'no resolver here');
    }
  }

  #isAt(endpoint: Endpoint, sandboxKey: string): boolean {
    const { namespace } = sandboxOf(this.#state, endpoint);
    if (endpoint.pending === true) return false;
    if (namespace.kind === 'awaited') return namespace.expectedPath === sandboxKey;
    return namespace.kind === 'adopted' && namespace.path === sandboxKey;
  }

  /** Undefined when no container has the endpoint. */
  async #onEndpoint(
    id: string,
    work: (place: { readonly sandbox: Sandbox; readonly endpoint: Endpoint }) => Promise<void>,
  ): Promise<true | undefined> {
    const known = this.#state.endpoints.get(id as EndpointId);
    if (known === undefined) return undefined;
    const keys = { exclusive: [`sandbox:${known.sandboxId}`], shared: [`network:${known.networkId}`] };
    return this.#locks.run(keys, async () => {
      const endpoint = this.#state.endpoints.get(known.id);
      if (endpoint === undefined) return undefined;
      await work({ sandbox: sandboxOf(this.#state, endpoint), endpoint });
      return true;
    });
  }

  /**
   * An engine deletes no network that has containers: what is recorded of some was never given back. Where it has the network by
   * another id as well, they may be on that one.
   */
  async #removeForgotten(networkId: Network['id']): Promise<void> {
    if (engineNetworksOf(this.#state, { id: networkId }).length > 1) return;
    for (const { id } of engineEndpointsOf(this.#state, { id: networkId })) await this.deleteEndpoint(id);
  }
}
