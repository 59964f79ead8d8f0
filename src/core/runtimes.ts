// What the doors of container runtimes ask: networks by what they should be, endpoints by their id.
import type { InterfaceAddress, IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Difference } from '../model/difference.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { type EndpointId, shortId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import { amendEndpoint } from './amend-endpoint.ts';
import { checkEndpoint, inspectNetwork } from './check.ts';
import type { Connected } from './connect.ts';
import { deleteNetwork } from './delete-network.ts';
import { checkFit, ensureNetwork, fittingNetwork, networkNamed, rehearseCreation } from './ensure-network.ts';
import { viewEndpoint } from './inspect.ts';
import { poolFor } from './lease-addresses.ts';
import type { Locks } from './locks.ts';
import { endpointsOfNetwork, findNetwork, ipamOf, sandboxOf } from './lookup.ts';
import type { Memberships } from './memberships.ts';
import type { Parts } from './parts.ts';
import type { ConnectRequest, EndpointView } from './requests.ts';
import type {
  Attached,
  AttachmentKey,
  EndpointAdditions,
  EnsureNetworkRequest,
  FoundInterface,
  LeaseRange,
  PoolStatus,
  RuntimeController,
} from './runtime-requests.ts';
import { nameServersOf } from './sandbox-names.ts';

export class Runtimes implements RuntimeController {
  readonly #parts: Parts;
  readonly #locks: Locks;
  readonly #memberships: Memberships;

  constructor(parts: Parts, locks: Locks, memberships: Memberships) {
    this.#parts = parts;
    this.#locks = locks;
    this.#memberships = memberships;
  }

  network(ref: string): Network {
    return findNetwork(this.#state, ref);
  }

  endpoints(): readonly EndpointView[] {
    return [...this.#state.endpoints.values()].map((endpoint) => viewEndpoint(this.#state, endpoint));
  }

  findEndpoint({ network, containerId, ifname }: AttachmentKey): EndpointView | undefined {
    return this.endpointsOfContainer(containerId).find(
      (endpoint) => endpoint.cni?.network === network && endpoint.ifname === ifname,
    );
  }

  endpointsOfContainer(containerId: string): readonly EndpointView[] {
    const found: EndpointView[] = [];
    for (const endpoint of this.#state.endpoints.values()) {
      if (endpoint.cni?.containerId === containerId) found.push(viewEndpoint(this.#state, endpoint));
    }
    return found;
  }

  async ensureNetwork(request: EnsureNetworkRequest): Promise<Network> {
    for (;;) {
      const fitting = fittingNetwork(this.#parts, request);
      if (fitting !== undefined) return fitting;
      const ensured = await this.#alone(request.name, () => ensureNetwork(this.#parts, request));
      if (ensured !== undefined) return ensured;
    }
  }

  async probeNetwork(name: string, request?: EnsureNetworkRequest): Promise<readonly Difference[]> {
    const network = request === undefined ? findNetwork(this.#state, name) : networkNamed(this.#parts, name);
    if (network === undefined && request !== undefined) {
      await this.#alone(name, () => rehearseCreation(this.#parts, request));
      return [];
    }
    if (network === undefined) return [];
    if (request !== undefined) checkFit(this.#parts, network, request);
    return this.#locks.run({ shared: [`network:${network.id}`] }, () => inspectNetwork(this.#parts, network));
  }

  async dropNetwork(name: string): Promise<void> {
    await this.#alone(name, async () => {
      const network = networkNamed(this.#parts, name);
      if (network?.requested === undefined) return;
      if (endpointsOfNetwork(this.#state, network.id).length === 0) await deleteNetwork(this.#parts, network);
    });
  }

  async attach(request: ConnectRequest): Promise<Attached> {
    return this.#attached(await this.#memberships.connect(request));
  }

  async amendEndpoint(id: EndpointId, additions: EndpointAdditions): Promise<Attached> {
    return this.#onEndpoint(id, async (endpoint, sandbox) =>
      this.#attached(await amendEndpoint(this.#parts, sandbox, endpoint, additions)),
    );
  }

  removeEndpoint(id: EndpointId): Promise<void> {
    return this.#memberships.remove(id);
  }

  checkEndpoint(id: EndpointId): Promise<readonly Difference[]> {
    return this.#onEndpoint(id, (endpoint) => checkEndpoint(this.#parts, endpoint));
  }

  async isOrphaned(id: EndpointId): Promise<boolean> {
    return !(await this.#parts.sandboxes.exists(sandboxOf(this.#state, this.#endpoint(id)).namespace));
  }

  async lookAt(netnsPath: string, ifname: string): Promise<FoundInterface> {
    return this.#parts.sandboxes.lookAt(await this.#parts.sandboxes.adopt({ path: netnsPath }), ifname);
  }

  loopback(netnsPath: string, up: boolean): Promise<readonly InterfaceAddress[]> {
    return this.#parts.sandboxes.loopback(netnsPath, up);
  }

  poolStatus(ref: string, range?: LeaseRange): readonly PoolStatus[] {
    const network = findNetwork(this.#state, ref);
    const ipam = ipamOf(this.#parts, network.ipam.driver);
    if (range !== undefined) return [ipam.status(poolFor(network, range.first), range)];
    return network.ipam.pools.map((pool) => ipam.status(pool));
  }

  get #state() {
    return this.#parts.store.state;
  }

  #attached({ endpoint, hostInterfaces }: Connected): Attached {
    const nameServers: readonly IpAddress[] = nameServersOf(this.#parts, endpoint);
    return { endpoint: viewEndpoint(this.#state, endpoint), hostInterfaces, nameServers };
  }

  /** Errors: `not_found`. */
  #endpoint(id: EndpointId): Endpoint {
    const endpoint = this.#state.endpoints.get(id);
    if (endpoint === undefined) throw new NetError('not_found', `no endpoint ${shortId(id)}`);
    return endpoint;
  }

  #onEndpoint<T>(id: EndpointId, work: (endpoint: Endpoint, sandbox: Sandbox) => Promise<T>): Promise<T> {
    const { sandboxId, networkId } = this.#endpoint(id);
    return this.#locks.run({ exclusive: [`sandbox:${sandboxId}`], shared: [`network:${networkId}`] }, () => {
      const endpoint = this.#endpoint(id);
      return work(endpoint, sandboxOf(this.#state, endpoint));
    });
  }

  /** Nobody makes or deletes a network meanwhile, nor joins the one of that name; undefined if that one has changed before. */
  #alone<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
    const id = networkNamed(this.#parts, name)?.id;
    const exclusive = ['networks', ...(id === undefined ? [] : [`network:${id}`])];
    return this.#locks.run({ exclusive }, async () =>
      networkNamed(this.#parts, name)?.id === id ? work() : undefined,
    );
  }
}
