// What the doors ask of the core: parsed requests in, records and views out. The only file of the core a door needs besides events.
import type { Cidr, InterfaceAddress, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { LeaseRange } from '../ipam/ipam-driver.ts';
import type { AllowanceRequest, PartyName } from '../model/allowance-syntax.ts';
import type { Route } from '../model/attachment.ts';
import type { ClusterView } from '../model/cluster-view.ts';
import type { CniAttachment } from '../model/cni-attachment.ts';
import type { EndpointId } from '../model/ids.ts';
import type { InterfaceTuning, Shaping } from '../model/interface-settings.ts';
import type { NameLookup } from '../model/name-lookup.ts';
import type { NameStatisticsView } from '../model/name-statistics.ts';
import type { DriverName, Network } from '../model/network.ts';
import type { Peer } from '../model/peer.ts';
import type { ExposedPort, PortRequest, Protocol } from '../model/port.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type {
  AllowanceView,
  CheckResult,
  EndpointView,
  NetworkView,
  PortView,
  SandboxView,
} from '../model/view.ts';
import type { VisibleName } from '../model/visible-name.ts';
import type { WhyRequest, WhyView } from '../model/why.ts';
import type { EventBus } from './events.ts';

export type { AllowanceRequest } from '../model/allowance-syntax.ts';
export type {
  AllowanceView,
  CheckResult,
  EndpointView,
  NetworkView,
  PortView,
  SandboxView,
} from '../model/view.ts';

export interface PoolConfig {
  readonly subnet?: Cidr;
  readonly range?: Cidr;
  readonly gateway?: IpAddress;
  /** The host gets no address in the subnet, nor do sandboxes a route by it. */
  readonly withoutGateway?: boolean;
  readonly reserved: Readonly<Record<string, IpAddress>>;
}

export interface CreateNetworkRequest {
  readonly name: string;
  /** Default `bridge`. */
  readonly driver?: string;
  readonly internal?: boolean;
  /** Default true. */
  readonly ipv4?: boolean;
  /** Default: true when one of `pools` is IPv6. */
  readonly ipv6?: boolean;
  /** A family without one gets a pool chosen by IPAM. */
  readonly pools?: readonly PoolConfig[];
  readonly ipamDriver?: string;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One address: this very one, or the first free of these ranges. */
export type AddressChoice = IpAddress | readonly LeaseRange[];

/** How an endpoint should be, apart from which network and sandbox it joins. */
export interface EndpointConfig {
  /** Made up when absent. */
  readonly id?: EndpointId;
  readonly addresses?: readonly IpAddress[];
  /** One address for each, from the pool it is in; without, one of every pool, which `addresses` may name. */
  readonly leases?: readonly AddressChoice[];
  /** Addresses somebody else chose, which lie in no pool of the network. */
  readonly given?: readonly InterfaceAddress[];
  /** In place of the network's gateways: a family left out gets no default route. */
  readonly gateways?: { readonly ipv4?: IpAddress; readonly ipv6?: IpAddress };
  readonly routes?: readonly Route[];
  /** A directory `IFNAME` in the path of a sysctl stands for the name the interface gets. */
  readonly tuning?: InterfaceTuning;
  readonly shaping?: Shaping;
  /** The interface is left on the host, for a container engine to take. */
  readonly engine?: 'offered';
  /** Makes it known to a CNI runtime; such a sandbox may have several endpoints on one network. */
  readonly cni?: CniAttachment;
  readonly mac?: MacAddress;
  readonly ifname?: string;
  readonly aliases?: readonly string[];
  /** Target references as given by the user. */
  readonly links?: readonly { readonly target: string; readonly alias: string }[];
  readonly gatewayPriority?: number;
  readonly ports?: readonly PortRequest[];
  /** Whoever asks holds the ports on the host itself. */
  readonly portsHeldElsewhere?: true;
  readonly exposed?: readonly ExposedPort[];
  /** Publish every exposed port on an ephemeral host port. */
  readonly publishAll?: boolean;
  readonly options?: Readonly<Record<string, string>>;
}

export interface ConnectRequest extends EndpointConfig {
  readonly network: string;
  /** A sandbox by name, id or prefix, or `pid:N` or `netns:PATH`, adopted at first. */
  readonly target: string;
  /** What the sandbox is called if it is adopted now: the name, or one like it that is free. */
  readonly sandboxName?: string;
}

export interface SandboxConfig {
  /** Made up when absent. */
  readonly name?: string;
  /** The sandbox's name when absent. */
  readonly hostname?: string;
  readonly dns?: Partial<Sandbox['dns']>;
  readonly extraHosts?: Sandbox['extraHosts'];
  readonly labels?: Readonly<Record<string, string>>;
}

export interface RunRequest extends SandboxConfig {
  /** Networks to join, in order; `host`, `none` or `sandbox:OTHER` stand alone. Default: `bridge`. */
  readonly networks: readonly ({ readonly network: string } & EndpointConfig)[];
  readonly process: ProcessConfig;
  readonly autoRemove: boolean;
  readonly detached: boolean;
  readonly restart: string;
  readonly terminal: boolean;
}

export interface ProcessConfig {
  /** The caller, who execs the command in place or registers a supervisor. */
  readonly pid: number;
  readonly command: readonly string[];
  readonly directory: string;
  readonly environment: readonly string[];
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
}

export interface ExecRequest {
  readonly target: string;
  readonly process: ProcessConfig;
}

export interface NameRequest {
  /** The sandbox that asks, as in `ConnectRequest.target`. */
  readonly from: string;
  readonly name: string;
  /** `A` when absent. */
  readonly type?: string;
}

/** What the launcher has to do, see docs/launch-plan.md. */
export interface LaunchPlan {
  readonly netns?: string;
  readonly hostname?: string;
  readonly sysfs: boolean;
  readonly binds: readonly { readonly source: string; readonly target: string }[];
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly directory: string;
  readonly environment: readonly string[];
  readonly command: readonly string[];
  readonly detached?: {
    readonly id: string;
    readonly logPath: string;
    readonly statePath: string;
    readonly restart: string;
    readonly terminal: boolean;
  };
}

/** Everything the daemon can do. Each call takes its own locks; errors are NetErrors. */
export interface Controller {
  readonly events: EventBus;
  createNetwork(request: CreateNetworkRequest): Promise<Network>;
  /** With `force`, disconnects whoever is on it first. */
  deleteNetwork(ref: string, options: { readonly force: boolean }): Promise<Network>;
  /** Deletes every network nobody is on, apart from the built-in ones; returns them. */
  pruneNetworks(keep: (network: Network) => boolean): Promise<readonly Network[]>;
  /** Of networks. */
  drivers(): readonly DriverName[];
  networks(): readonly NetworkView[];
  network(ref: string): NetworkView;
  connect(request: ConnectRequest): Promise<EndpointView>;
  /** With `force`, an absent attachment is fine. */
  disconnect(network: string, target: string, options: { readonly force: boolean }): Promise<void>;
  /** Publishes further ports of a connected sandbox (on its gateway endpoint, or the network named); returns all it has there. */
  publish(target: string, ports: readonly PortRequest[], network?: string): Promise<EndpointView>;
  /** Takes published ports back, by host port and protocol; returns the endpoints that had them. */
  unpublish(
    target: string,
    ports: readonly { readonly protocol: Protocol; readonly hostPort: number }[],
  ): Promise<readonly EndpointView[]>;
  endpoints(): readonly EndpointView[];
  ports(target?: string): readonly PortView[];
  /** Lets connections through between networks that are kept apart. Errors: `not_found`, `invalid_parameter`, `already_exists`. */
  allow(request: AllowanceRequest): Promise<AllowanceView>;
  deleteAllowance(ref: string): Promise<void>;
  allowances(): readonly AllowanceView[];
  allowance(ref: string): AllowanceView;
  createSandbox(config: SandboxConfig): Promise<SandboxView>;
  deleteSandbox(ref: string, options: { readonly force: boolean }): Promise<void>;
  sandboxes(): readonly SandboxView[];
  sandbox(ref: string): SandboxView;
  run(request: RunRequest): Promise<LaunchPlan>;
  exec(request: ExecRequest): Promise<LaunchPlan>;
  /** The supervisor of a detached sandbox makes itself known. */
  registerSupervisor(ref: string, pid: number): Promise<void>;
  /** Errors: `conflict` when no process runs in it, `invalid_parameter` for an unknown signal. */
  kill(ref: string, signal: string): Promise<void>;
  /** TERM, then KILL after the grace period; returns when the process has ended. */
  stop(ref: string, graceMs: number): Promise<void>;
  check(options: { readonly fix: boolean }): Promise<CheckResult>;
  /** This host's part in the cluster, and the others in it. */
  cluster(): ClusterView;
  /** Endpoints of other hosts on a network; none on those that end at this one. Errors: `not_found`, `unavailable`. */
  peers(ref: string): Promise<readonly Peer[]>;
  /** What a sandbox is told of a name now. Errors: `not_found`; `conflict` when it asks for no names; `invalid_parameter`. */
  lookUpName(request: NameRequest): Promise<NameLookup>;
  /** The names a sandbox sees; those of all networks without one. Errors: `not_found`, `conflict`. */
  names(from?: string): Promise<readonly VisibleName[]>;
  /** How much was asked, by these sandboxes and of these networks, or all. Errors: `not_found`, `invalid_parameter`. */
  nameStatistics(targets: readonly PartyName[]): NameStatisticsView;
  /** Follows a packet by what is in the kernel now. Errors: `not_found`, `invalid_parameter`. */
  why(request: WhyRequest): Promise<WhyView>;
}
