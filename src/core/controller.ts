// The only door into the core: takes locks, finds what is named, calls the one file that does the work.
import { NetError } from '../base/errors.ts';
import { KeyedMutex, type Keys } from '../base/keyed-mutex.ts';
import { randomId } from '../base/random-id.ts';
import { Turns } from '../base/turns.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { NetworkId, SandboxId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { PortRequest, Protocol } from '../model/port.ts';
import type { Sandbox, SandboxProcess } from '../model/sandbox.ts';
import { check } from './check.ts';
import { connect } from './connect.ts';
import { createNetwork } from './create-network.ts';
import { addSandbox, createSandbox, settleSandbox } from './create-sandbox.ts';
import { deleteNetwork } from './delete-network.ts';
import { deleteSandbox } from './delete-sandbox.ts';
import { disconnect } from './disconnect.ts';
import type { EventBus } from './events.ts';
import { type Adoption, findTarget } from './find-target.ts';
import { Healer } from './healer.ts';
import { viewEndpoint, viewNetwork, viewPorts, viewSandbox } from './inspect.ts';
import { endpointsOfNetwork, endpointsOfSandbox, findNetwork, findSandbox } from './lookup.ts';
import type { Parts } from './parts.ts';
import { livingProcess, Processes, type ProcessIdentity } from './processes.ts';
import { publishPorts, unpublishPorts } from './publish-ports.ts';
import { recover } from './recover.ts';
import type {
  CheckResult,
  ConnectRequest,
  Controller,
  CreateNetworkRequest,
  EndpointView,
  ExecRequest,
  LaunchPlan,
  RunRequest,
  SandboxConfig,
  SandboxView,
} from './requests.ts';
import { exec, run, sharedWith } from './run.ts';

/** Sorts before every other key, so that whoever wants everything alone waits for nobody who waits for it. */
const everything = '*';

export class CoreController implements Controller {
  readonly events: EventBus;
  readonly #parts: Parts;
  readonly #locks = new KeyedMutex();
  readonly #turns = new Turns();
  readonly #processes: Processes;
  readonly #healer: Healer;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.events = parts.events;
    this.#processes = new Processes(parts, (id, process) => this.#processEnded(id, process));
    this.#healer = new Healer(parts, (work) => this.#locks.run({ exclusive: [everything] }, work));
  }

  /** Brings records and kernel together, then follows processes and the kernel. */
  async start(): Promise<void> {
    await recover(this.#parts);
    for (const sandbox of this.#parts.store.state.sandboxes.values()) this.#processes.watch(sandbox);
    this.#healer.start();
  }

  /** Stops following; what is in the kernel stays. */
  async close(): Promise<void> {
    this.#processes.close();
    await this.#healer.close();
    await this.#locks.run({ exclusive: [everything] }, async () => {});
  }

  createNetwork(request: CreateNetworkRequest): Promise<Network> {
    const id = randomId() as NetworkId;
    return this.#locked({ exclusive: ['networks', `network:${id}`] }, () =>
      createNetwork(this.#parts, request, { id, builtin: false }),
    );
  }

  async deleteNetwork(ref: string, options: { readonly force: boolean }): Promise<Network> {
    const network = findNetwork(this.#state, ref);
    if (options.force && !network.builtin) {
      for (const { sandboxId } of endpointsOfNetwork(this.#state, network.id)) {
        if (!this.#state.sandboxes.has(sandboxId)) continue;
        await this.disconnect(network.id, sandboxId, { force: true });
      }
    }
    await this.#locked({ exclusive: ['networks', `network:${network.id}`] }, () =>
      deleteNetwork(this.#parts, findNetwork(this.#state, network.id)),
    );
    return network;
  }

  async pruneNetworks(keep: (network: Network) => boolean): Promise<readonly Network[]> {
    const deleted: Network[] = [];
    for (const network of [...this.#state.networks.values()]) {
      if (network.builtin || keep(network)) continue;
      if (endpointsOfNetwork(this.#state, network.id).length > 0) continue;
      try {
        deleted.push(await this.deleteNetwork(network.id, { force: false }));
      } catch (error) {
        // Somebody joined or deleted it in this moment.
        if (!(error instanceof NetError && ['conflict', 'not_found'].includes(error.code))) throw error;
      }
    }
    return deleted;
  }

  networks() {
    return [...this.#state.networks.values()].map((network) => viewNetwork(this.#state, network));
  }

  network(ref: string) {
    return viewNetwork(this.#state, findNetwork(this.#state, ref));
  }

  async connect(request: ConnectRequest): Promise<EndpointView> {
    const { network: ref, target, ...config } = request;
    const network = findNetwork(this.#state, ref);
    const found = await findTarget(this.#parts, target);
    const endpoint =
      'adopt' in found
        ? await this.#adoptAndConnect(network, target, config)
        : await this.#connectKnown(network, found, config);
    return viewEndpoint(this.#state, endpoint);
  }

  async disconnect(network: string, target: string, options: { readonly force: boolean }): Promise<void> {
    const { id, name } = findNetwork(this.#state, network);
    const found = await findTarget(this.#parts, target);
    if ('adopt' in found) throw new NetError('not_found', `${target} is not connected to network ${name}`);
    await this.#locked({ exclusive: [`sandbox:${found.id}`], shared: [`network:${id}`] }, async () => {
      const sandbox = this.#state.sandboxes.get(found.id);
      const endpoint = endpointsOfSandbox(this.#state, found.id).find((one) => one.networkId === id);
      if (sandbox === undefined || endpoint === undefined) {
        if (options.force) return;
        throw new NetError('not_found', `sandbox ${found.name} is not connected to network ${name}`);
      }
      await disconnect(this.#parts, sandbox, endpoint);
      const left = endpointsOfSandbox(this.#state, sandbox.id).length;
      if (sandbox.namespace.kind === 'adopted' && left === 0) await this.#delete(sandbox);
    });
  }

  async publish(target: string, ports: readonly PortRequest[], network?: string): Promise<EndpointView> {
    return this.#onSandbox(target, async (sandbox) =>
      viewEndpoint(this.#state, await publishPorts(this.#parts, sandbox, ports, network)),
    );
  }

  async unpublish(
    target: string,
    ports: readonly { readonly protocol: Protocol; readonly hostPort: number }[],
  ): Promise<readonly EndpointView[]> {
    return this.#onSandbox(target, async (sandbox) => {
      const changed = await unpublishPorts(this.#parts, sandbox, ports);
      return changed.map((endpoint) => viewEndpoint(this.#state, endpoint));
    });
  }

  endpoints(): readonly EndpointView[] {
    return [...this.#state.endpoints.values()].map((endpoint) => viewEndpoint(this.#state, endpoint));
  }

  ports(target?: string) {
    const id = target === undefined ? undefined : findSandbox(this.#state, target).id;
    return [...this.#state.endpoints.values()]
      .filter((endpoint) => id === undefined || endpoint.sandboxId === id)
      .flatMap((endpoint) => viewPorts(this.#state, endpoint));
  }

  async createSandbox(config: SandboxConfig): Promise<SandboxView> {
    const sandbox = await this.#locked({ exclusive: nameKeys(config) }, () =>
      createSandbox(this.#parts, config),
    );
    return viewSandbox(this.#state, sandbox);
  }

  async deleteSandbox(ref: string, options: { readonly force: boolean }): Promise<void> {
    const { id } = findSandbox(this.#state, ref);
    if (options.force && isRunning(findSandbox(this.#state, id))) await this.#kill(id);
    if (!this.#state.sandboxes.has(id)) return;
    await this.#onSandbox(id, async (sandbox) => {
      if (this.#processes.isAlive(sandbox)) {
        throw new NetError(
          'conflict',
          `sandbox ${sandbox.name} is running (pid ${sandbox.process?.pid}): stop it first`,
        );
      }
      const sharers = [...this.#state.sandboxes.values()].filter(
        ({ namespace }) => namespace.kind === 'shared' && namespace.with === id,
      );
      if (sharers.length > 0) {
        const names = sharers.map(({ name }) => name).join(', ');
        throw new NetError('conflict', `sandbox ${sandbox.name} is shared by ${names}: delete them first`);
      }
      await this.#delete(sandbox);
    });
  }

  sandboxes(): readonly SandboxView[] {
    return [...this.#state.sandboxes.values()].map((sandbox) => viewSandbox(this.#state, sandbox));
  }

  sandbox(ref: string): SandboxView {
    return viewSandbox(this.#state, findSandbox(this.#state, ref));
  }

  async run(request: RunRequest): Promise<LaunchPlan> {
    const other = sharedWith(request);
    const networks =
      other === undefined
        ? request.networks.map(({ network }) => `network:${findNetwork(this.#state, network).id}`)
        : [];
    const shared = other === undefined ? networks : [`sandbox:${findSandbox(this.#state, other).id}`];
    const id = randomId() as SandboxId;
    const exclusive = [...nameKeys(request), `sandbox:${id}`];
    const { sandbox, plan } = await this.#locked({ exclusive, shared }, () => run(this.#parts, request, id));
    this.#processes.watch(sandbox);
    return plan;
  }

  async exec(request: ExecRequest): Promise<LaunchPlan> {
    return exec(this.#parts, request.target, request.process);
  }

  registerSupervisor(ref: string, pid: number): Promise<void> {
    return this.#onSandbox(ref, async (sandbox) => {
      const startTime = this.#parts.processes.startTime(pid);
      if (sandbox.process?.detached !== true || sandbox.process.exitStatus !== undefined) {
        throw new NetError('conflict', `sandbox ${sandbox.name} waits for no supervisor`);
      }
      if (startTime === undefined) throw new NetError('invalid_parameter', `process ${pid} does not exist`);
      const supervised: Sandbox = { ...sandbox, process: { ...sandbox.process, pid, startTime } };
      await this.#parts.store.commit([{ put: 'sandbox', value: supervised }]);
      this.#processes.watch(supervised);
    });
  }

  async kill(ref: string, signal: string): Promise<void> {
    this.#signal(findSandbox(this.#state, ref), signal);
  }

  async stop(ref: string, graceMs: number): Promise<void> {
    const sandbox = findSandbox(this.#state, ref);
    this.#signal(sandbox, 'TERM');
    if (!(await this.#processes.waitForEnd(sandbox.id, graceMs))) await this.#kill(sandbox.id);
  }

  check(options: { readonly fix: boolean }): Promise<CheckResult> {
    return this.#locks.run({ exclusive: [everything] }, () => check(this.#parts, options));
  }

  get #state() {
    return this.#parts.store.state;
  }

  /** A hundred requests at once are begun one by one: each takes some time before it first waits for the kernel. */
  async #locked<T>(keys: Keys, work: () => Promise<T>): Promise<T> {
    await this.#turns.next();
    return this.#locks.run({ ...keys, shared: [everything, ...(keys.shared ?? [])] }, work);
  }

  async #onSandbox<T>(ref: string, work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
    const { id } = findSandbox(this.#state, ref);
    return this.#locked({ exclusive: [`sandbox:${id}`] }, () => work(findSandbox(this.#state, id)));
  }

  #connectKnown(
    network: Network,
    sandbox: Sandbox,
    config: Omit<ConnectRequest, 'network' | 'target'>,
  ): Promise<Endpoint> {
    return this.#locked({ exclusive: [`sandbox:${sandbox.id}`], shared: [`network:${network.id}`] }, () =>
      connect(
        this.#parts,
        { network: findNetwork(this.#state, network.id), sandbox: findSandbox(this.#state, sandbox.id) },
        config,
      ),
    );
  }

  /** One adoption at a time, so that two targets that name one namespace become one sandbox. */
  async #adoptAndConnect(
    network: Network,
    target: string,
    config: Omit<ConnectRequest, 'network' | 'target'>,
  ): Promise<Endpoint> {
    const adopted = await this.#locked({ exclusive: ['adopt'] }, async () => {
      const found = await findTarget(this.#parts, target);
      return 'adopt' in found ? this.#adopt(found.adopt) : found;
    });
    try {
      return await this.#connectKnown(network, adopted, config);
    } catch (error) {
      await this.#onSandbox(adopted.id, async (sandbox) => {
        if (endpointsOfSandbox(this.#state, sandbox.id).length === 0) await this.#delete(sandbox);
      });
      throw error;
    }
  }

  async #adopt({ name, namespace }: Adoption): Promise<Sandbox> {
    const sandbox = await addSandbox(this.#parts, { name }, { namespace, autoRemove: true });
    await settleSandbox(this.#parts, sandbox);
    this.#processes.watch(sandbox);
    return sandbox;
  }

  async #delete(sandbox: Sandbox): Promise<void> {
    this.#processes.forget(sandbox.id);
    await deleteSandbox(this.#parts, sandbox);
  }

  #signal(sandbox: Sandbox, signal: string): void {
    if (this.#processes.signal(sandbox, signal)) return;
    throw new NetError('conflict', `sandbox ${sandbox.name} has no running process`);
  }

  /** Returns when the process has ended and been dealt with; it may have ended by itself. */
  async #kill(id: SandboxId): Promise<void> {
    this.#processes.signal(findSandbox(this.#state, id), 'KILL');
    const killTimeoutMs = 10_000;
    if (!(await this.#processes.waitForEnd(id, killTimeoutMs))) {
      throw new NetError('unavailable', `the process of sandbox ${id.slice(0, 12)} does not end`);
    }
  }

  async #processEnded(id: SandboxId, ended: ProcessIdentity): Promise<void> {
    try {
      await this.#locked({ exclusive: [`sandbox:${id}`] }, async () => {
        const sandbox = this.#state.sandboxes.get(id);
        const living = sandbox && livingProcess(sandbox);
        if (living?.pid !== ended.pid || living.startTime !== ended.startTime) return;
        if (sandbox?.process === undefined || sandbox.autoRemove) return sandbox && this.#delete(sandbox);
        await this.#recordExit(sandbox, sandbox.process);
      });
    } catch (error) {
      this.#parts.log.error({ sandbox: id, reason: String(error) }, 'could not clean up after a process');
    }
  }

  async #recordExit(sandbox: Sandbox, process: SandboxProcess): Promise<void> {
    const exitStatus = this.#processes.exitStatus(sandbox);
    await this.#parts.store.commit([
      { put: 'sandbox', value: { ...sandbox, process: { ...process, exitStatus } } },
    ]);
    const attributes = { name: sandbox.name, status: String(exitStatus) };
    this.events.emit({ type: 'sandbox', action: 'exit', id: sandbox.id, attributes });
  }
}

function isRunning(sandbox: Sandbox): boolean {
  return sandbox.process !== undefined && sandbox.process.exitStatus === undefined;
}

/** Keeps two requests from making a sandbox of one name. */
function nameKeys(config: SandboxConfig): readonly string[] {
  return config.name === undefined ? [] : [`name:${config.name}`];
}
