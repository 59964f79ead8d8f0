// What a host of a cluster must know again after its daemon was ended: by what it is registered, and which addresses are its own
// to give. A contract; whoever puts the parts together keeps it with the other records.
import type { Cidr } from '../base/cidr.ts';
import type { NetworkId } from '../model/ids.ts';
import type { LeaseId, Revision } from './shared-store.ts';

export interface Remembered {
  /** The one this host was last registered in. */
  readonly cluster?: RememberedCluster;
  /** By which the host keeps its blocks. Remembered before anything in the store hangs on it. */
  readonly claim?: RememberedClaim;
  /** By which the others know that it lives. */
  readonly liveness?: LeaseId;
  /** Below which the store may have something of this host; absent when that is not known. */
  readonly networks?: readonly NetworkId[];
  readonly blocks: readonly HeldBlock[];
}

/** What another store has lost, or never had, is not gone from the cluster for that. */
export interface RememberedCluster {
  readonly id: string;
  readonly leaseSeconds: number;
  readonly graceSeconds: number;
  /** The store had come so far. One that is behind it was restored from a copy. */
  readonly revision: Revision;
}

export interface RememberedClaim {
  readonly lease: LeaseId;
  readonly ttlSeconds: number;
  /** When it was last renewed, by a clock which counts from the start of the machine that had this id (`boot_id`). */
  readonly renewedAtMs: number;
  readonly bootId: string;
}

/** A part of a subnet that this host alone gives addresses of. */
export interface HeldBlock {
  readonly networkId: NetworkId;
  readonly subnet: Cidr;
  readonly cidr: Cidr;
}

export interface ClusterMemory {
  /** What was last written; no blocks when nothing was. */
  read(): Remembered;
  /** In place of what is there. When it resolves it survives the process. Errors: `unavailable`. */
  write(remembered: Remembered): Promise<void>;
}
