// Who is on which network: joining, leaving, and the sandboxes that last only as long as that.
import { NetError } from '../base/errors.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import { isForeign, type Sandbox } from '../model/sandbox.ts';
import { type Connected, connect } from './connect.ts';
import { adoptSandbox } from './create-sandbox.ts';
import { deleteSandbox } from './delete-sandbox.ts';
import { disconnect } from './disconnect.ts';
import { adoptContainer, findContainer } from './engine-containers.ts';
import { type Adoption, findTarget, orAdoption } from './find-target.ts';
import type { Locks } from './locks.ts';
import { endpointsOfSandbox, findNetwork, findSandbox } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { Processes } from './processes.ts';
import type { ConnectRequest, EndpointConfig } from './requests.ts';

export class Memberships {
  readonly #parts: Parts;
  readonly #locks: Locks;
  readonly #processes: Processes;

  constructor(parts: Parts, locks: Locks, processes: Processes) {
    this.#parts = parts;
    this.#locks = locks;
    this.#processes = processes;
  }

  async connect(request: ConnectRequest): Promise<Connected> {
    const { network: ref, target, sandboxName, ...config } = request;
    for (;;) {
      const network = findNetwork(this.#state, ref);
      const found = await findTarget(this.#parts, target, sandboxName);
      const connected = await ('adopt' in found
        ? this.#adoptAndConnect(network, () => this.#adopt(found.adopt), config)
        : this.#connectKnown(network, found, config));
      // A namespace of somebody else's may have left its last network just now: then it is adopted anew.
      if (connected !== undefined) return connected;
    }
  }

  /** As `connect`, for the container whose namespace is at that path, or will be; `name` is what it is called at first. */
  async join(
    network: Network,
    container: { readonly sandboxKey: string; readonly name: string },
    config: EndpointConfig,
  ): Promise<Connected> {
    for (;;) {
      const known = await findContainer(this.#parts, container.sandboxKey);
      const connected = await (known === undefined
        ? this.#adoptAndConnect(network, () => adoptContainer(this.#parts, container), config)
        : this.#connectKnown(network, known, config));
      if (connected !== undefined) return connected;
    }
  }

  async disconnect(ref: string, target: string, options: { readonly force: boolean }): Promise<void> {
    const network = findNetwork(this.#state, ref);
    const found = await findTarget(this.#parts, target);
    if ('adopt' in found) {
      throw new NetError('not_found', `${target} is not connected to network ${network.name}`);
    }
    await this.#locks.run(
      { exclusive: [`sandbox:${found.id}`], shared: [`network:${network.id}`] },
      async () => {
        const endpoint = endpointsOfSandbox(this.#state, found.id).find(
          ({ networkId }) => networkId === network.id,
        );
        if (endpoint !== undefined) return this.#leave(endpoint);
        if (options.force) return;
        throw new NetError('not_found', `sandbox ${found.name} is not connected to network ${network.name}`);
      },
    );
  }

  /** Absent is fine. */
  async remove(id: EndpointId): Promise<void> {
    const known = this.#state.endpoints.get(id);
    if (known === undefined) return;
    const keys = { exclusive: [`sandbox:${known.sandboxId}`], shared: [`network:${known.networkId}`] };
    await this.#locks.run(keys, async () => {
      const endpoint = this.#state.endpoints.get(id);
      if (endpoint !== undefined) await this.#leave(endpoint);
    });
  }

  /** The caller holds the sandbox's lock. */
  async deleteSandbox(sandbox: Sandbox): Promise<void> {
    this.#processes.forget(sandbox.id);
    await deleteSandbox(this.#parts, sandbox);
  }

  get #state() {
    return this.#parts.store.state;
  }

  /** A namespace of somebody else's is a sandbox for as long as it is on a network. */
  async #leave(endpoint: Endpoint): Promise<void> {
    const sandbox = findSandbox(this.#state, endpoint.sandboxId);
    const others = endpointsOfSandbox(this.#state, sandbox.id).length - 1;
    try {
      await disconnect(this.#parts, sandbox, endpoint);
    } finally {
      if (isForeign(sandbox.namespace) && others === 0) await this.deleteSandbox(sandbox);
    }
  }

  /** Undefined when the sandbox is gone. */
  #connectKnown(
    { id: networkId }: Network,
    { id }: Sandbox,
    config: EndpointConfig,
  ): Promise<Connected | undefined> {
    const keys = { exclusive: [`sandbox:${id}`], shared: [`network:${networkId}`] };
    return this.#locks.run(keys, async () => {
      const sandbox = this.#state.sandboxes.get(id);
      if (sandbox === undefined) return undefined;
      return connect(this.#parts, { network: findNetwork(this.#state, networkId), sandbox }, config);
    });
  }

  /** One adoption at a time, so that two targets that name one namespace become one sandbox. */
  async #adoptAndConnect(
    network: Network,
    adopt: () => Promise<Sandbox>,
    config: EndpointConfig,
  ): Promise<Connected | undefined> {
    const adopted = await this.#locks.run({ exclusive: ['adopt'] }, adopt);
    try {
      return await this.#connectKnown(network, adopted, config);
    } catch (error) {
      await this.#locks.run({ exclusive: [`sandbox:${adopted.id}`] }, async () => {
        const sandbox = this.#state.sandboxes.get(adopted.id);
        if (sandbox === undefined || endpointsOfSandbox(this.#state, sandbox.id).length > 0) return;
        await this.deleteSandbox(sandbox);
      });
      throw error;
    }
  }

  async #adopt(adoption: Adoption): Promise<Sandbox> {
    const found = await orAdoption(this.#parts, adoption);
    if (!('adopt' in found)) return found;
    const sandbox = await adoptSandbox(this.#parts, found.adopt);
    this.#processes.watch(sandbox);
    return sandbox;
  }
}
