// The only door into the core: takes locks, finds what is named, calls the one file that does the work.
import { NetError } from '../base/errors.ts';
import { randomId } from '../base/random-id.ts';
import type { PartyName } from '../model/allowance-syntax.ts';
import type { ClusterView } from '../model/cluster-view.ts';
import type { NetworkId, SandboxId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Peer } from '../model/peer.ts';
import type { PortRequest, Protocol } from '../model/port.ts';
import type { Sandbox, SandboxProcess } from '../model/sandbox.ts';
import type { WhyRequest, WhyView } from '../model/why.ts';
import { Allowances } from './allowances.ts';
import { check } from './check.ts';
import { ClusterFollower } from './cluster-follower.ts';
import { createNetwork } from './create-network.ts';
import { createSandbox } from './create-sandbox.ts';
import { checkOthers, deleteNetwork } from './delete-network.ts';
import { engineNetworksOf } from './engine-records.ts';
import { Engines } from './engines.ts';
import { type EventBus, sandboxEvent } from './events.ts';
import { Handovers } from './handovers.ts';
import { Healer } from './healer.ts';
import { endLingering } from './host-needs.ts';
import { viewEndpoint, viewNetwork, viewPorts, viewSandbox } from './inspect.ts';
import { Locks } from './locks.ts';
import { endpointsOfNetwork, findNetwork, findSandbox } from './lookup.ts';
import { Memberships } from './memberships.ts';
import { lookUpName, nameStatistics, seenNames } from './name-queries.ts';
import type { Parts } from './parts.ts';
import { livingProcess, Processes, type ProcessIdentity } from './processes.ts';
import { publishPorts, unpublishPorts } from './publish-ports.ts';
import { recover, startSharedResolvers } from './recover.ts';
import type {
  AllowanceRequest,
  AllowanceView,
  CheckResult,
  ConnectRequest,
  Controller,
  CreateNetworkRequest,
  EndpointView,
  ExecRequest,
  LaunchPlan,
  NameRequest,
  RunRequest,
  SandboxConfig,
  SandboxView,
} from './requests.ts';
import { exec, run, sharedWith } from './run.ts';
import { Runtimes } from './runtimes.ts';
import { probeTunnels } from './tunnel-probe.ts';
import { why } from './why.ts';

export class CoreController implements Controller {
  readonly events: EventBus;
  /** What the doors of container runtimes ask. */
  readonly runtimes: Runtimes;
  /** What the doors of container engines ask. */
  readonly engines: Engines;
  readonly #parts: Parts;
  readonly #locks = new Locks();
  readonly #memberships: Memberships;
  readonly #allowances: Allowances;
  readonly #processes: Processes;
  readonly #healer: Healer;
  readonly #handovers: Handovers;
  readonly #follower: ClusterFollower;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.events = parts.events;
    this.#processes = new Processes(parts, (id, process) => this.#processEnded(id, process));
    this.#healer = new Healer(parts, (work) => this.#locks.alone(work));
    this.#memberships = new Memberships(parts, this.#locks, this.#processes);
    this.#allowances = new Allowances(parts, this.#locks);
    this.runtimes = new Runtimes(parts, this.#locks, this.#memberships);
    this.engines = new Engines(parts, this.#locks, this.#memberships);
    this.#handovers = new Handovers(parts, this.#locks);
    this.#follower = new ClusterFollower(parts, this.#locks, this.#memberships);
  }

  /** Brings records and kernel together, then follows processes and the kernel. */
  async start(): Promise<void> {
    await recover(this.#parts);
    for (const sandbox of this.#parts.store.state.sandboxes.values()) this.#processes.watch(sandbox);
    this.#healer.start();
    this.#handovers.start();
    await this.#follower.start();
    await this.#locks.alone(() => startSharedResolvers(this.#parts));
  }

  /** Stops following; what networks in use have in the kernel stays. */
  async close(): Promise<void> {
    this.#processes.close();
    this.#handovers.close();
    await this.#healer.close();
    this.#follower.close();
    await this.#parts.cluster.close();
    await this.#locks.alone(() => endLingering(this.#parts));
  }

  /** Two hosts may choose one subnet at the same moment: whoever comes second learns of it, and chooses again. */
  async createNetwork(request: CreateNetworkRequest): Promise<Network> {
    const isChosen = request.pools?.every(({ subnet }) => subnet === undefined) ?? true;
    const isShared = this.#parts.drivers.get(request.driver ?? '')?.scope === 'global';
    for (let attemptsLeft = isChosen && isShared ? 8 : 1; ; attemptsLeft--) {
      try {
        return await this.#createNetwork(request);
      } catch (error) {
        if (!(error instanceof NetError) || error.code !== 'conflict' || attemptsLeft <= 1) throw error;
      }
    }
  }

  #createNetwork(request: CreateNetworkRequest): Promise<Network> {
    const id = randomId() as NetworkId;
    return this.#locks.run({ exclusive: ['networks', `network:${id}`] }, () =>
      createNetwork(this.#parts, request, { id, builtin: false }),
    );
  }

  async deleteNetwork(ref: string, options: { readonly force: boolean }): Promise<Network> {
    const network = findNetwork(this.#state, ref);
    if (options.force && !network.builtin) {
      await checkOthers(this.#parts, network);
      for (const { sandboxId } of endpointsOfNetwork(this.#state, network.id)) {
        if (!this.#state.sandboxes.has(sandboxId)) continue;
        await this.disconnect(network.id, sandboxId, { force: true });
      }
    }
    await this.#locks.run({ exclusive: ['networks', `network:${network.id}`] }, () =>
      deleteNetwork(this.#parts, findNetwork(this.#state, network.id)),
    );
    return network;
  }

  async pruneNetworks(keep: (network: Network) => boolean): Promise<readonly Network[]> {
    const deleted: Network[] = [];
    for (const network of [...this.#state.networks.values()]) {
      if (network.builtin || keep(network) || engineNetworksOf(this.#state, network).length > 0) continue;
      if (endpointsOfNetwork(this.#state, network.id).length > 0) continue;
      try {
        deleted.push(await this.deleteNetwork(network.id, { force: false }));
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        if (error.code === 'unavailable') {
          this.#parts.log.warn({ network: network.name, reason: error.message }, 'network is not pruned');
        } else if (!['conflict', 'not_found'].includes(error.code)) {
          throw error;
        }
        // Otherwise somebody joined or deleted it in this moment, or others are on it.
      }
    }
    return deleted;
  }

  drivers() {
    return [...this.#parts.drivers.values()].map(({ name }) => name);
  }

  networks() {
    return [...this.#state.networks.values()].map((network) => viewNetwork(this.#state, network));
  }

  network(ref: string) {
    return viewNetwork(this.#state, findNetwork(this.#state, ref));
  }

  async connect(request: ConnectRequest): Promise<EndpointView> {
    return viewEndpoint(this.#state, (await this.#memberships.connect(request)).endpoint);
  }

  disconnect(network: string, target: string, options: { readonly force: boolean }): Promise<void> {
    return this.#memberships.disconnect(network, target, options);
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

  allow(request: AllowanceRequest): Promise<AllowanceView> {
    return this.#allowances.add(request);
  }

  deleteAllowance(ref: string): Promise<void> {
    return this.#allowances.delete(ref);
  }

  allowances(): readonly AllowanceView[] {
    return this.#allowances.list();
  }

  allowance(ref: string): AllowanceView {
    return this.#allowances.find(ref);
  }

  async createSandbox(config: SandboxConfig): Promise<SandboxView> {
    const sandbox = await this.#locks.run({ exclusive: nameKeys(config) }, () =>
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
      await this.#memberships.deleteSandbox(sandbox);
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
    const { sandbox, plan } = await this.#locks.run({ exclusive, shared }, () =>
      run(this.#parts, request, id),
    );
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

  async check(options: { readonly fix: boolean }): Promise<CheckResult> {
    const { differences, notes } = await this.#locks.alone(() => check(this.#parts, options));
    return { differences, notes: [...notes, ...(await probeTunnels(this.#parts, options))] };
  }

  cluster(): ClusterView {
    return this.#parts.cluster.view();
  }

  async peers(ref: string): Promise<readonly Peer[]> {
    const network = findNetwork(this.#state, ref);
    return network.shared === true ? this.#parts.cluster.readPeers(network) : [];
  }

  lookUpName(request: NameRequest) {
    return lookUpName(this.#parts, request);
  }

  names(from?: string) {
    return seenNames(this.#parts, from);
  }

  nameStatistics(targets: readonly PartyName[]) {
    return nameStatistics(this.#parts, targets);
  }

  why(request: WhyRequest): Promise<WhyView> {
    return why(this.#parts, request);
  }

  get #state() {
    return this.#parts.store.state;
  }

  async #onSandbox<T>(ref: string, work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
    const { id } = findSandbox(this.#state, ref);
    return this.#locks.run({ exclusive: [`sandbox:${id}`] }, () => work(findSandbox(this.#state, id)));
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
      await this.#locks.run({ exclusive: [`sandbox:${id}`] }, async () => {
        const sandbox = this.#state.sandboxes.get(id);
        const living = sandbox && livingProcess(sandbox);
        if (living?.pid !== ended.pid || living.startTime !== ended.startTime) return;
        if (sandbox?.process === undefined || sandbox.autoRemove)
          return sandbox && this.#memberships.deleteSandbox(sandbox);
        await this.#recordExit(sandbox, sandbox.process);
      });
    } catch (error) {
      this.#parts.log.error({ sandbox: id, reason: String(error) }, 'could not clean up after a process');
    }
  }

  async #recordExit(sandbox: Sandbox, process: SandboxProcess): Promise<void> {
    const exitStatus = this.#processes.exitStatus(sandbox);
    const endedAt = new Date().toISOString();
    await this.#parts.store.commit([
      { put: 'sandbox', value: { ...sandbox, process: { ...process, exitStatus, endedAt } } },
    ]);
    this.events.emit(sandboxEvent('exit', sandbox, { status: String(exitStatus) }));
  }
}

function isRunning(sandbox: Sandbox): boolean {
  return sandbox.process !== undefined && sandbox.process.exitStatus === undefined;
}

/** Keeps two requests from making a sandbox of one name. */
function nameKeys(config: SandboxConfig): readonly string[] {
  return config.name === undefined ? [] : [`name:${config.name}`];
}
