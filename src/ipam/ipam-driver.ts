// The contract of address management: pools and the addresses leased from them, in memory; the core records what it is given.
import type { Cidr, InterfaceAddress, IpAddress, IpFamily } from '../base/cidr.ts';
import type { Pool } from '../model/network.ts';

export interface PoolRequest {
  readonly family: IpFamily;
  /** Chosen by the driver when absent. */
  readonly subnet?: Cidr;
  readonly range?: Cidr;
  /** Chosen (the first usable address of the subnet) when absent and `wantsGateway`. */
  readonly gateway?: IpAddress;
  /**
   * A subnet that is chosen is one of the last that are free: for networks of several hosts, each of which may have networks of its
   * own on the first.
   */
  readonly fromEnd?: boolean;
  readonly wantsGateway: boolean;
  readonly reserved: Readonly<Record<string, IpAddress>>;
  /** For error messages. */
  readonly networkName: string;
}

export interface PoolStatus {
  /** Addresses of the range in use, gateway and reserved ones included. */
  readonly leased: number;
  /** Addresses of the range that can be used at all, as a bigint because a /64 has 2^64. */
  readonly capacity: bigint;
}

/** Inclusive, both of one family. */
export interface LeaseRange {
  readonly first: IpAddress;
  readonly last: IpAddress;
}

export interface IpamDriver {
  readonly name: string;
  /** Checks `--ipam-opt`. Errors: `invalid_parameter`, listing the known keys. */
  parseOptions(raw: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  /**
   * Reserves a subnet; undefined from a driver that gives no addresses. Errors: `invalid_parameter`; `conflict` naming
   * the pool and network it overlaps; `exhausted`.
   */
  requestPool(request: PoolRequest): Promise<Pool | undefined>;
  releasePool(pool: Pool): void;
  /**
   * Leases the address asked for (anywhere in the subnet), or the next after the last one chosen of the range asked for or
   * else of the pool's, released ones last. Errors: `invalid_parameter` (outside the subnet, or its network, broadcast or
   * gateway address), `conflict` (leased or reserved), `exhausted`, `not_found` (pool). Where other hosts have to be asked it
   * takes a while: `unavailable` when they cannot be.
   */
  requestAddress(pool: Pool, wanted?: IpAddress | LeaseRange): InterfaceAddress | Promise<InterfaceAddress>;
  /** Whether the address is leased, as far as the driver can tell: where somebody else leases, it is. */
  holds(pool: Pool, address: IpAddress): boolean;
  /** Absent is fine. */
  releaseAddress(pool: Pool, address: IpAddress): void;
  /** Puts recorded pools and leases back at start, without choosing or checking against the host. */
  restore(networkName: string, pool: Pool, leased: readonly IpAddress[]): void;
  /** Of the range given, or else of the pool's. */
  status(pool: Pool, range?: LeaseRange): PoolStatus;
}
