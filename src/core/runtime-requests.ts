// What the doors of container runtimes ask of the core, besides what every door does.
import type { Cidr, InterfaceAddress, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { LeaseRange, PoolStatus } from '../ipam/ipam-driver.ts';
import type { CniAttachment } from '../model/cni-attachment.ts';
import type { Difference } from '../model/difference.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { FoundInterface, HostInterface } from '../sandbox/sandbox.ts';
import type {
  ConnectRequest,
  CreateNetworkRequest,
  EndpointConfig,
  EndpointView,
  PoolConfig,
} from './requests.ts';

export type { LeaseRange, PoolStatus } from '../ipam/ipam-driver.ts';
export type { FoundInterface, HostInterface } from '../sandbox/sandbox.ts';

/** A network by what it should be: made where it is not there yet, extended by a subnet where it lacks one. */
export interface EnsureNetworkRequest extends CreateNetworkRequest {
  readonly pools: readonly (PoolConfig & { readonly subnet: Cidr })[];
}

/** What can be added to an endpoint that is there. */
export interface EndpointAdditions
  extends Pick<EndpointConfig, 'ports' | 'portsHeldElsewhere' | 'aliases' | 'tuning' | 'shaping'> {
  readonly mac?: MacAddress;
}

/** An endpoint with what was made for it beyond its record. */
export interface Attached {
  readonly endpoint: EndpointView;
  /** The interfaces on the host that belong to it: bridge, host end, ifb. */
  readonly hostInterfaces: readonly HostInterface[];
  /** Where the sandbox can ask for names. */
  readonly nameServers: readonly IpAddress[];
}

/** What tells one attachment of a CNI runtime from another. */
export interface AttachmentKey extends Pick<CniAttachment, 'network' | 'containerId'> {
  readonly ifname: string;
}

/** Each call takes its own locks; errors are NetErrors. */
export interface RuntimeController {
  /** Errors: `not_found`. */
  network(ref: string): Network;
  endpoints(): readonly EndpointView[];
  /** The endpoint a CNI runtime knows by these. */
  findEndpoint(key: AttachmentKey): EndpointView | undefined;
  /** All a CNI runtime knows by that container. */
  endpointsOfContainer(containerId: string): readonly EndpointView[];
  /**
   * The network of that name, made or extended if need be. Errors: `conflict` naming what differs from it where endpoints
   * on it hinder a change; as `createNetwork`.
   */
  ensureNetwork(request: EnsureNetworkRequest): Promise<Network>;
  /**
   * What is wrong with the network of that name; where there is none, whether one could be made by this request. Changes
   * nothing. Errors: those `ensureNetwork` would refuse it with; `not_found` without a request.
   */
  probeNetwork(name: string, request?: EnsureNetworkRequest): Promise<readonly Difference[]>;
  /** Deletes a network made by `ensureNetwork` if nobody is on it. Absent is fine. */
  dropNetwork(name: string): Promise<void>;
  /** As `connect`, telling more of what was made. */
  attach(request: ConnectRequest): Promise<Attached>;
  /** Adds ports, names, settings and rate limits to an endpoint. Errors: as `publish`, `not_found`. */
  amendEndpoint(id: EndpointId, additions: EndpointAdditions): Promise<Attached>;
  /** Removes one endpoint, whatever became of its namespace. Absent is fine. */
  removeEndpoint(id: EndpointId): Promise<void>;
  /** What is missing or wrong in kernel and rules for one endpoint and its network. Errors: `not_found`. */
  checkEndpoint(id: EndpointId): Promise<readonly Difference[]>;
  /** Whether the endpoint's namespace is gone, so that nothing can use it. Errors: `not_found`. */
  isOrphaned(id: EndpointId): Promise<boolean>;
  /** An interface of a namespace, whoever made it. Errors: `not_found`. */
  lookAt(netnsPath: string, ifname: string): Promise<FoundInterface>;
  /** Brings loopback up or down; returns its addresses. Errors: `not_found`, `invalid_parameter`. */
  loopback(netnsPath: string, up: boolean): Promise<readonly InterfaceAddress[]>;
  /** How much of a network's pools is in use, or of a range in one of them. Errors: `not_found`, `invalid_parameter`. */
  poolStatus(network: string, range?: LeaseRange): readonly PoolStatus[];
}
