// A daemon in memory: it keeps networks, sandboxes and endpoints as the real one does and touches no kernel.
import { addressOf, type Cidr, type InterfaceAddress, type IpAddress } from '../../src/base/cidr.ts';
import { NetError } from '../../src/base/errors.ts';
import type { MacAddress } from '../../src/base/mac.ts';
import { randomId } from '../../src/base/random-id.ts';
import { allowanceEvent, EventBus, networkEvent, sandboxEvent } from '../../src/core/events.ts';
import type {
  AllowanceRequest,
  ConnectRequest,
  Controller,
  CreateNetworkRequest,
  EndpointConfig,
  ExecRequest,
  LaunchPlan,
  NameRequest,
  RunRequest,
  SandboxConfig,
} from '../../src/core/requests.ts';
import type { PartyName } from '../../src/model/allowance-syntax.ts';
import type { ClusterView } from '../../src/model/cluster-view.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { AllowanceId, EndpointId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { NameLookup } from '../../src/model/name-lookup.ts';
import type { NameStatisticsView } from '../../src/model/name-statistics.ts';
import type { DriverName, Network } from '../../src/model/network.ts';
import type { Peer } from '../../src/model/peer.ts';
import type { PortRequest, Protocol, PublishedPort } from '../../src/model/port.ts';
import type { Sandbox } from '../../src/model/sandbox.ts';
import type {
  AllowanceView,
  CheckResult,
  EndpointView,
  NetworkView,
  PartyView,
  PortView,
  SandboxView,
} from '../../src/model/view.ts';
import type { VisibleName } from '../../src/model/visible-name.ts';
import type { WhyRequest, WhyView } from '../../src/model/why.ts';
import { noNameStatistics, sampleLookup, sampleNames } from './name-samples.ts';

interface Named {
  readonly id: string;
  readonly name: string;
}

const drivers: readonly string[] = ['bridge', 'host', 'none', 'macvlan'];

export class FakeController implements Controller {
  readonly events = new EventBus();
  /** What `run` and `exec` were asked for last. */
  readonly launched: (RunRequest | ExecRequest)[] = [];
  /** What `check` finds until it is told to fix it; `stubborn` ones stay. */
  readonly differences: { object: string; problem: string; stubborn?: true }[] = [];
  readonly notes: { object: string; problem: string }[] = [];
  /** What `cluster` answers. */
  clusterView: ClusterView = { state: 'alone', endpoints: [], members: [], unpublished: 0, unusable: [] };
  /** What `lookUpName`, `names` and `nameStatistics` answer, and what they were asked, newest last. */
  lookup: NameLookup = sampleLookup;
  visibleNames: readonly VisibleName[] = sampleNames;
  statistics: NameStatisticsView = noNameStatistics;
  readonly askedNames: (NameRequest | readonly PartyName[] | string | undefined)[] = [];
  readonly #peers = new Map<NetworkId, readonly Peer[] | NetError>();
  readonly #networks = new Map<NetworkId, Network>();
  readonly #sandboxes = new Map<SandboxId, Sandbox>();
  readonly #endpoints = new Map<EndpointId, Endpoint>();
  readonly #allowances = new Map<AllowanceId, AllowanceView>();
  /** Where detached processes write; set by tests that read logs. */
  logPath = '/run/fairlead/log';
  #subnets = 0;
  #ephemeralPort = 32768;

  constructor() {
    for (const name of ['bridge', 'host', 'none']) this.#addNetwork({ name, driver: name }, true);
  }

  async createNetwork(request: CreateNetworkRequest): Promise<Network> {
    if (request.driver !== undefined && !drivers.includes(request.driver)) {
      const known = drivers.join(', ');
      throw new NetError('invalid_parameter', `unknown driver ${request.driver}; known are ${known}`);
    }
    return this.#addNetwork(request, false);
  }

  async deleteNetwork(ref: string, options: { readonly force: boolean }): Promise<Network> {
    const network = this.#find('network', this.#networks, ref);
    if (network.builtin) throw new NetError('conflict', `network ${network.name} is built in`);
    const holders = this.#on(network);
    if (holders.length > 0 && !options.force) {
      const names = holders.map((endpoint) => this.#view(endpoint).sandboxName).join(', ');
      throw new NetError('conflict', `network ${network.name} is in use by ${names}`);
    }
    for (const endpoint of holders) this.#endpoints.delete(endpoint.id);
    this.#networks.delete(network.id);
    this.events.emit(networkEvent('delete', network));
    return network;
  }

  async pruneNetworks(keep: (network: Network) => boolean): Promise<readonly Network[]> {
    const unused = [...this.#networks.values()].filter(
      (network) => !network.builtin && this.#on(network).length === 0 && !keep(network),
    );
    for (const network of unused) await this.deleteNetwork(network.id, { force: false });
    return unused;
  }

  drivers(): readonly DriverName[] {
    return ['bridge', 'host', 'none', 'macvlan'];
  }

  networks(): readonly NetworkView[] {
    return [...this.#networks.values()].map((network) => this.network(network.id));
  }

  network(ref: string): NetworkView {
    const network = this.#find('network', this.#networks, ref);
    return { ...network, endpoints: this.#on(network).map((endpoint) => this.#view(endpoint)) };
  }

  /** Makes a network one of several hosts, with these endpoints on others, or with a reason why they cannot be read. */
  share(ref: string, peers: readonly Peer[] | NetError): void {
    const network = this.#find('network', this.#networks, ref);
    this.#networks.set(network.id, { ...network, driver: 'overlay', shared: true });
    this.#peers.set(network.id, peers);
  }

  cluster(): ClusterView {
    return this.clusterView;
  }

  async lookUpName(request: NameRequest): Promise<NameLookup> {
    this.askedNames.push(request);
    this.#find('sandbox', this.#sandboxes, request.from);
    return this.lookup;
  }

  async names(from?: string): Promise<readonly VisibleName[]> {
    this.askedNames.push(from);
    if (from !== undefined) this.#find('sandbox', this.#sandboxes, from);
    return this.visibleNames;
  }

  nameStatistics(targets: readonly PartyName[]): NameStatisticsView {
    this.askedNames.push(targets);
    for (const target of targets) this.#party(target);
    return this.statistics;
  }

  async peers(ref: string): Promise<readonly Peer[]> {
    const peers = this.#peers.get(this.network(ref).id) ?? [];
    if (peers instanceof NetError) throw peers;
    return peers;
  }

  async connect(request: ConnectRequest): Promise<EndpointView> {
    const network = this.#find('network', this.#networks, request.network);
    const adopted = /^(pid|netns):(.+)$/.exec(request.target);
    const sandbox =
      adopted === null
        ? this.#find('sandbox', this.#sandboxes, request.target)
        : this.#addSandbox({ name: (adopted[2] ?? '').replaceAll('/', '-').slice(1) || 'adopted' });
    return this.#connect(network, sandbox, request);
  }

  async disconnect(networkRef: string, target: string, options: { readonly force: boolean }): Promise<void> {
    const network = this.#find('network', this.#networks, networkRef);
    const sandbox = this.#find('sandbox', this.#sandboxes, target);
    const endpoint = this.#on(network).find((one) => one.sandboxId === sandbox.id);
    if (endpoint === undefined) {
      if (options.force) return;
      throw new NetError('not_found', `sandbox ${sandbox.name} is not on network ${network.name}`);
    }
    this.#endpoints.delete(endpoint.id);
    this.events.emit(networkEvent('disconnect', network, { sandbox: sandbox.id, sandboxName: sandbox.name }));
  }

  async publish(target: string, ports: readonly PortRequest[], network?: string): Promise<EndpointView> {
    const endpoint = this.#endpointOf(target, network);
    return this.#change({ ...endpoint, ports: [...endpoint.ports, ...this.#publish(ports)] });
  }

  async unpublish(
    target: string,
    ports: readonly { readonly protocol: Protocol; readonly hostPort: number }[],
  ): Promise<readonly EndpointView[]> {
    const endpoint = this.#endpointOf(target);
    const same = (port: PublishedPort) => (other: { protocol: Protocol; hostPort: number }) =>
      port.protocol === other.protocol && port.hostPort === other.hostPort;
    return [this.#change({ ...endpoint, ports: endpoint.ports.filter((port) => !ports.some(same(port))) })];
  }

  endpoints(): readonly EndpointView[] {
    return [...this.#endpoints.values()].map((endpoint) => this.#view(endpoint));
  }

  ports(target?: string): readonly PortView[] {
    const wanted = target === undefined ? undefined : this.sandbox(target).id;
    return this.endpoints()
      .filter((endpoint) => wanted === undefined || endpoint.sandboxId === wanted)
      .flatMap(({ id, networkName, sandboxName, sandboxId, ports, addresses }) =>
        ports.map((port) => ({
          ...port,
          networkName,
          sandboxName,
          sandboxId,
          endpointId: id,
          address: addressOf(addresses[0] ?? ('0.0.0.0/0' as InterfaceAddress)),
        })),
      );
  }

  async allow({ from, to, ports }: AllowanceRequest): Promise<AllowanceView> {
    const view: AllowanceView = {
      id: randomId() as AllowanceId,
      createdAt: new Date().toISOString(),
      from: this.#party(from),
      to: this.#party(to),
      ...(ports !== undefined && { ports }),
    };
    this.#allowances.set(view.id, view);
    this.events.emit(allowanceEvent('create', view));
    return view;
  }

  async deleteAllowance(ref: string): Promise<void> {
    const view = this.allowance(ref);
    this.#allowances.delete(view.id);
    this.events.emit(allowanceEvent('delete', view));
  }

  allowances(): readonly AllowanceView[] {
    return [...this.#allowances.values()];
  }

  allowance(ref: string): AllowanceView {
    const found = this.allowances().find(({ id }) => ref !== '' && id.startsWith(ref));
    if (found === undefined) throw new NetError('not_found', `no policy ${ref}`);
    return found;
  }

  #party({ kind, ref }: AllowanceRequest['from']): PartyView {
    const sandbox = [...this.#sandboxes.values()].find(({ name }) => name === ref);
    if (kind !== 'network' && sandbox !== undefined) {
      const addresses = this.sandbox(sandbox.id).endpoints.flatMap((one) => one.addresses.map(addressOf));
      const alone = addresses.map((address) => `${address}/32` as Cidr);
      return { kind: 'sandbox', id: sandbox.id, name: sandbox.name, addresses: alone };
    }
    const { id, name, ipam } = this.#find('network', this.#networks, ref);
    return { kind: 'network', id, name, addresses: ipam.pools.map(({ subnet }) => subnet) };
  }

  async createSandbox(config: SandboxConfig): Promise<SandboxView> {
    return this.sandbox(this.#addSandbox(config).id);
  }

  async deleteSandbox(ref: string, options: { readonly force: boolean }): Promise<void> {
    const sandbox = this.sandbox(ref);
    if (sandbox.status === 'running' && !options.force) {
      throw new NetError('conflict', `sandbox ${sandbox.name} runs a process`);
    }
    for (const endpoint of sandbox.endpoints) this.#endpoints.delete(endpoint.id);
    this.#sandboxes.delete(sandbox.id);
    this.events.emit(sandboxEvent('delete', sandbox));
  }

  sandboxes(): readonly SandboxView[] {
    return [...this.#sandboxes.values()].map((sandbox) => this.sandbox(sandbox.id));
  }

  sandbox(ref: string): SandboxView {
    const sandbox = this.#find('sandbox', this.#sandboxes, ref);
    const endpoints = this.endpoints().filter((endpoint) => endpoint.sandboxId === sandbox.id);
    if (sandbox.process === undefined) return { ...sandbox, status: 'created', endpoints };
    const { exitStatus } = sandbox.process;
    if (exitStatus === undefined) return { ...sandbox, status: 'running', endpoints };
    return { ...sandbox, status: 'exited', exitStatus, endpoints };
  }

  async run(request: RunRequest): Promise<LaunchPlan> {
    this.launched.push(request);
    const { pid, command, directory, environment, user } = request.process;
    const { detached, restart, terminal } = request;
    const sandbox = this.#addSandbox(request, {
      process: { pid, startTime: 1, command, detached, restart, ...(detached && { logPath: this.logPath }) },
      autoRemove: request.autoRemove,
    });
    for (const { network, ...config } of request.networks) {
      this.#connect(this.#find('network', this.#networks, network), sandbox, config);
    }
    return {
      netns: `/run/netns/${sandbox.name}`,
      hostname: sandbox.hostname,
      sysfs: true,
      binds: [{ source: '/run/fairlead/hosts', target: '/etc/hosts' }],
      ...(user !== undefined && { user }),
      directory,
      environment,
      command,
      ...(detached && {
        detached: {
          id: sandbox.id,
          logPath: this.logPath,
          statePath: '/run/fairlead/state',
          restart,
          terminal,
        },
      }),
    };
  }

  async exec(request: ExecRequest): Promise<LaunchPlan> {
    this.launched.push(request);
    const sandbox = this.sandbox(request.target);
    const { directory, environment, command } = request.process;
    return { netns: `/run/netns/${sandbox.name}`, sysfs: false, binds: [], directory, environment, command };
  }

  async registerSupervisor(ref: string, pid: number): Promise<void> {
    const sandbox = this.#running(ref);
    this.#sandboxes.set(sandbox.id, { ...sandbox, process: { ...sandbox.process, pid } });
  }

  async kill(ref: string, signal: string): Promise<void> {
    const sandbox = this.#running(ref);
    const number = { KILL: 9, TERM: 15 }[signal];
    if (number === undefined) throw new NetError('invalid_parameter', `unknown signal ${signal}`);
    this.#sandboxes.set(sandbox.id, {
      ...sandbox,
      process: { ...sandbox.process, exitStatus: 128 + number, endedAt: new Date().toISOString() },
    });
    this.events.emit(sandboxEvent('exit', sandbox));
  }

  async stop(ref: string, _graceMs: number): Promise<void> {
    await this.kill(ref, 'TERM');
  }

  /** Everything gets through, but to a sandbox called `closed`. */
  async why({ from, to, probe }: WhyRequest): Promise<WhyView> {
    const passes = !to.startsWith('closed');
    const step = { passes, text: passes ? 'it arrives' : 'a rule drops it' };
    const advice = passes ? {} : { reason: 'it is closed', change: 'net open' };
    const tried = probe ? { probe: { answered: true, agrees: passes, text: 'it is answered' } } : {};
    const way = { address: '10.0.0.2' as IpAddress, passes, steps: [step], ...advice, ...tried };
    return { from, to, protocol: 'icmp', passes, ways: [way] };
  }

  async check(options: { readonly fix: boolean }): Promise<CheckResult> {
    const differences = this.differences.map(({ stubborn, ...difference }) => ({
      ...difference,
      repaired: options.fix && stubborn === undefined,
    }));
    const left = this.differences.filter(({ stubborn }) => !options.fix || stubborn === true);
    this.differences.splice(0, this.differences.length, ...left);
    return { differences, notes: this.notes };
  }

  #addNetwork(request: CreateNetworkRequest, builtin: boolean): Network {
    const { name } = request;
    this.#checkFree('network', this.#networks, name);
    const driver = (request.driver ?? 'bridge') as DriverName;
    const chosen = { subnet: `10.209.${this.#subnets++}.0/24` as Cidr, reserved: {} };
    const pools = (request.pools ?? []).map((pool) => ({ ...chosen, ...pool }));
    const network: Network = {
      id: randomId() as NetworkId,
      name,
      driver,
      createdAt: new Date().toISOString(),
      internal: request.internal ?? false,
      ipv4: request.ipv4 ?? true,
      ipv6: request.ipv6 ?? false,
      options: { ...request.options, bridge: `fl-${name}` },
      givenOptions: request.options ?? {},
      labels: request.labels ?? {},
      ipam: {
        driver: 'default',
        options: request.ipamOptions ?? {},
        pools: driver === 'bridge' && pools.length === 0 ? [chosen] : pools,
      },
      builtin,
    };
    this.#networks.set(network.id, network);
    if (!builtin) this.events.emit(networkEvent('create', network));
    return network;
  }

  #addSandbox(
    config: SandboxConfig,
    rest: Pick<Sandbox, 'process' | 'autoRemove'> = { autoRemove: false },
  ): Sandbox {
    const id = randomId() as SandboxId;
    const name = config.name ?? `sandbox-${this.#sandboxes.size + 1}`;
    this.#checkFree('sandbox', this.#sandboxes, name);
    const sandbox: Sandbox = {
      id,
      name,
      createdAt: new Date().toISOString(),
      bootId: 'boot',
      namespace: { kind: 'pinned', path: `/run/netns/${name}`, device: 4, inode: this.#sandboxes.size },
      hostname: config.hostname ?? name,
      dns: { servers: [], search: [], options: [], ...config.dns },
      extraHosts: config.extraHosts ?? [],
      labels: config.labels ?? {},
      ...rest,
    };
    this.#sandboxes.set(id, sandbox);
    this.events.emit(sandboxEvent('create', sandbox));
    return sandbox;
  }

  #connect(network: Network, sandbox: Sandbox, config: EndpointConfig): EndpointView {
    if (this.#on(network).some((endpoint) => endpoint.sandboxId === sandbox.id)) {
      throw new NetError('conflict', `sandbox ${sandbox.name} is on network ${network.name} already`);
    }
    const number = this.#on(network).length + 2;
    const prefix = network.ipam.pools[0]?.subnet.replace(/\.0\/24$/, '') ?? '10.0.0';
    const address = config.addresses?.[0] ?? (`${prefix}.${number}` as IpAddress);
    const mine = this.endpoints().filter((endpoint) => endpoint.sandboxId === sandbox.id);
    const endpoint: Endpoint = {
      id: randomId() as EndpointId,
      networkId: network.id,
      sandboxId: sandbox.id,
      createdAt: new Date().toISOString(),
      ifname: config.ifname ?? `eth${mine.length}`,
      mac: config.mac ?? ('02:00:00:00:00:01' as MacAddress),
      addresses: [`${address}/24` as InterfaceAddress],
      aliases: config.aliases ?? [],
      links: (config.links ?? []).map(({ target, alias }) => ({ target: this.sandbox(target).id, alias })),
      gatewayPriority: config.gatewayPriority ?? 0,
      ports: this.#publish(config.ports ?? []),
      exposed: config.exposed ?? [],
      options: config.options ?? {},
      ...(config.tuning !== undefined && { tuning: config.tuning }),
    };
    this.#endpoints.set(endpoint.id, endpoint);
    this.events.emit(networkEvent('connect', network, { sandbox: sandbox.id, sandboxName: sandbox.name }));
    return this.#view(endpoint);
  }

  #publish(requests: readonly PortRequest[]): readonly PublishedPort[] {
    const taken = new Map(
      this.endpoints().flatMap((endpoint) =>
        endpoint.ports.map((port) => [`${port.hostPort}/${port.protocol}`, endpoint.sandboxName]),
      ),
    );
    return requests.map(({ protocol, port, hostAddress, hostPort, from }) => {
      const chosen = hostPort?.first ?? this.#ephemeralPort++;
      const owner = taken.get(`${chosen}/${protocol}`);
      if (owner !== undefined) {
        throw new NetError('conflict', `port ${chosen}/${protocol} is published by sandbox ${owner}`);
      }
      const place = { hostAddress: hostAddress ?? ('0.0.0.0' as IpAddress), hostPort: chosen };
      return { protocol, port, ...place, ...(from !== undefined && { from }) };
    });
  }

  #endpointOf(target: string, network?: string): Endpoint {
    const sandbox = this.sandbox(target);
    const wanted = network === undefined ? undefined : this.network(network).id;
    const endpoint = [...this.#endpoints.values()].find(
      (one) => one.sandboxId === sandbox.id && (wanted === undefined || one.networkId === wanted),
    );
    if (endpoint === undefined) throw new NetError('conflict', `sandbox ${sandbox.name} is on no network`);
    return endpoint;
  }

  #running(ref: string) {
    const { id } = this.sandbox(ref);
    const sandbox = this.#find('sandbox', this.#sandboxes, id);
    const { process } = sandbox;
    if (process === undefined || process.exitStatus !== undefined) {
      throw new NetError('conflict', `no process runs in sandbox ${sandbox.name}`);
    }
    return { ...sandbox, process };
  }

  #change(endpoint: Endpoint): EndpointView {
    this.#endpoints.set(endpoint.id, endpoint);
    return this.#view(endpoint);
  }

  #on(network: Network): readonly Endpoint[] {
    return [...this.#endpoints.values()].filter((endpoint) => endpoint.networkId === network.id);
  }

  #view(endpoint: Endpoint): EndpointView {
    const networkName = this.#networks.get(endpoint.networkId)?.name ?? '';
    const sandboxName = this.#sandboxes.get(endpoint.sandboxId)?.name ?? '';
    return { ...endpoint, networkName, sandboxName };
  }

  #find<T extends Named>(kind: string, records: ReadonlyMap<string, T>, ref: string): T {
    const all = [...records.values()];
    const exact = all.find((one) => one.id === ref) ?? all.find((one) => one.name === ref);
    const [prefixed, ...others] = all.filter((one) => ref !== '' && one.id.startsWith(ref));
    if (exact === undefined && others.length > 0) {
      throw new NetError('invalid_parameter', `${kind} ${ref} is ambiguous`);
    }
    const found = exact ?? prefixed;
    if (found === undefined) throw new NetError('not_found', `no ${kind} ${ref}`);
    return found;
  }

  #checkFree(kind: string, records: ReadonlyMap<string, Named>, name: string): void {
    if ([...records.values()].some((one) => one.name === name)) {
      throw new NetError('already_exists', `${kind} ${name} exists already`);
    }
  }
}
