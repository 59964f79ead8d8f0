// What the door of a container engine asks of the core, in the engine's terms: it takes pools, addresses, networks and
// endpoints one by one, and gives each back. Everything may be repeated, and giving back what is not there is fine.
import type { Cidr, InterfaceAddress, IpAddress, IpFamily } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { Attachment, Route } from '../model/attachment.ts';
import type { EngineEndpoint, EngineLease, EngineNetwork, EnginePool } from '../model/engine.ts';
import type { Network } from '../model/network.ts';
import type { ExposedPort, PortRequest } from '../model/port.ts';
import type { EndpointView } from '../model/view.ts';

export type { EngineEndpoint, EngineLease, EngineNetwork, EnginePool } from '../model/engine.ts';

export interface EnginePoolRequest {
  readonly family: IpFamily;
  /** Chosen when absent. */
  readonly subnet?: Cidr;
  readonly range?: Cidr;
  /** Those of `--ipam-opt`: `network` names a network that is there, whose pool on that subnet is meant. */
  readonly options: Readonly<Record<string, string>>;
}

export interface EngineAddressRequest {
  /** The engine's id of the pool. */
  readonly poolId: string;
  /** The next free one when absent. */
  readonly address?: IpAddress;
  /** It is for the gateway of a network to be. */
  readonly gateway: boolean;
  /** What the container is called that it is for. */
  readonly containerName?: string;
}

export interface EngineNetworkRequest {
  readonly id: string;
  /** Default `bridge`. */
  readonly driver?: string;
  /**
   * A network that is there, by name or id, whose endpoints the engine's are to be; then nothing is made. One over several hosts
   * that is not there is made by that name.
   */
  readonly network?: string;
  readonly internal: boolean;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly pools: readonly {
    readonly subnet: Cidr;
    readonly gateway?: IpAddress;
    readonly reserved: Readonly<Record<string, IpAddress>>;
    /** It is one of ours; if not, the engine gives the addresses itself. */
    readonly leasedHere: boolean;
  }[];
}

export interface EngineEndpointRequest {
  readonly id: string;
  /** The engine's id of the network. */
  readonly networkId: string;
  readonly addresses: readonly InterfaceAddress[];
  /** Made up when absent. */
  readonly mac?: MacAddress;
  readonly exposed: readonly ExposedPort[];
  /** Those of `--driver-opt`. */
  readonly options: Readonly<Record<string, string>>;
}

/** An interface on the host for the engine to take. */
export interface InterfaceOffer {
  readonly ifname: string;
  /** What its name in the container begins with. */
  readonly prefix: string;
  readonly gateways: Attachment['gateways'];
  readonly routes: readonly Route[];
}

/** A container as its engine tells of it. */
export interface EngineContainer {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  /** Its endpoints on networks of ours. */
  readonly endpoints: readonly { readonly id: string; readonly aliases: readonly string[] }[];
}

/** Everything an engine holds. */
export interface EngineHoldings {
  readonly pools: readonly EnginePool[];
  readonly leases: readonly EngineLease[];
  readonly networks: readonly EngineNetwork[];
  readonly endpoints: readonly EngineEndpoint[];
}

/** Each call takes its own locks, those for one id wait for each other; errors are NetErrors. */
export interface EngineController {
  /**
   * Holds a subnet. The same named subnet again, while no network is on it, is the same pool; without one it is always
   * another. Errors: `conflict` (overlap), `exhausted`, `invalid_parameter`, `not_found` (network of the options).
   */
  requestPool(request: EnginePoolRequest): Promise<EnginePool>;
  releasePool(id: string): Promise<void>;
  /** Errors: `not_found` (pool), `conflict` (taken), `exhausted`, `invalid_parameter` (outside the pool). */
  requestAddress(request: EngineAddressRequest): Promise<InterfaceAddress>;
  releaseAddress(poolId: string, address: IpAddress): Promise<void>;

  /** Which families of a network like this need no address for a gateway. Errors: `invalid_parameter` (options). */
  withoutGateway(request: Pick<EngineNetworkRequest, 'driver' | 'options' | 'internal'>): {
    readonly ipv4: boolean;
    readonly ipv6: boolean;
  };
  /** Errors: as `Controller.createNetwork`; `not_found` (network to join), `conflict` (its subnets are others). */
  createNetwork(request: EngineNetworkRequest): Promise<Network>;
  /** Errors: `conflict` when others are on it: then it stays, and is no more the engine's. */
  deleteNetwork(id: string): Promise<void>;

  /** Errors: `not_found` (network), `conflict` (address in use), `invalid_parameter`. */
  createEndpoint(request: EngineEndpointRequest): Promise<EngineEndpoint>;
  deleteEndpoint(id: string): Promise<void>;
  /**
   * Makes the interface for a container, whose namespace is or will be at that path. The network works when the engine has
   * taken it. Errors: `not_found` (endpoint), `conflict` (another container has it), those of `connect`.
   */
  join(id: string, sandboxKey: string): Promise<InterfaceOffer>;
  leave(id: string): Promise<void>;
  /** Publishes exactly these ports. Errors: `not_found` (endpoint), those of `Controller.publish`. */
  publish(id: string, ports: readonly PortRequest[]): Promise<void>;
  unpublish(id: string): Promise<void>;
  /** Undefined when no container has it. */
  endpoint(id: string): EndpointView | undefined;

  /** What the engine calls a network; others may have that name already, then it keeps the one it has. */
  nameNetwork(id: string, name: string): Promise<void>;
  /** Gives the container's sandbox its name, and its endpoints their names on their networks. */
  nameContainer(container: EngineContainer): Promise<void>;
  holdings(): EngineHoldings;
}
