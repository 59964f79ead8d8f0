// A network: what the user asked for, with everything only the host knew filled in when it was created.
import type { Cidr, IpAddress } from '../base/cidr.ts';
import type { NetworkId } from './ids.ts';

export type DriverName = 'bridge' | 'host' | 'none' | 'macvlan' | 'ipvlan' | 'overlay' | 'foreign';

/** One subnet of a network and what of it may be given out. */
export interface Pool {
  readonly subnet: Cidr;
  /** Addresses are chosen from here; the whole subnet when absent. */
  readonly range?: Cidr;
  /** The address sandboxes route through; absent when the network has none for this subnet. */
  readonly gateway?: IpAddress;
  /** Addresses kept out of use by name (`--aux-address`). */
  readonly reserved: Readonly<Record<string, IpAddress>>;
}

export interface Network {
  readonly id: NetworkId;
  readonly name: string;
  readonly driver: DriverName;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  readonly internal: boolean;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** Driver options under Fairlead's short names, resolved: `mtu`, `bridge` and `parent` are always there where the driver uses them. */
  readonly options: Readonly<Record<string, string>>;
  /** The driver options as they were written, keys and values; absent of networks made before this was recorded. */
  readonly givenOptions?: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly pools: readonly Pool[];
  };
  /**
   * The options under short names as they were asked for, before the host filled in the rest: recorded for networks made on demand, to be
   * compared with what the next one who names the network asks for.
   */
  readonly requested?: Readonly<Record<string, string>>;
  /** It is one network on every host of the cluster, and recorded there: what is recorded here is a copy. */
  readonly shared?: true;
  /** `bridge`, `host` and `none` exist from the start and cannot be deleted. */
  readonly builtin: boolean;
  /** Set while it is being made or unmade: what is still pending when the daemon starts is removed. */
  readonly pending?: true;
}
