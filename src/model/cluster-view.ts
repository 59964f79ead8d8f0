// The cluster as the doors show it.
import type { IpAddress } from '../base/cidr.ts';
import type { HostId } from './ids.ts';

export interface ClusterMemberView {
  readonly id: HostId;
  readonly name: string;
  readonly address: IpAddress;
  /** Holds its lease; of one that does not, the addresses are kept for a while. */
  readonly alive: boolean;
  /** This host. */
  readonly self: boolean;
}

/**
 * `alone`: no store is shared with others. `joined`: this host is registered and follows. `away`: the store cannot be reached; what
 * runs goes on. `fenced`: it could not be for so long that others may have been given this host's addresses: its tunnels are
 * closed until it is registered again. `refused`: the cluster cannot take this host, `lastError` says why.
 */
export type ClusterState = 'alone' | 'joined' | 'away' | 'fenced' | 'refused';

export interface ClusterView {
  readonly state: ClusterState;
  readonly hostId?: HostId;
  readonly hostName?: string;
  readonly address?: IpAddress;
  /** The stores' addresses without user and password, the one in use first. */
  readonly endpoints: readonly string[];
  readonly prefix?: string;
  readonly members: readonly ClusterMemberView[];
  /** How long this host is believed to be alive without a word from it, and how long ago it last gave one. */
  readonly lease?: { readonly id: string; readonly ttlSeconds: number; readonly renewedSecondsAgo: number };
  /** How long its addresses are kept after that. */
  readonly graceSeconds?: number;
  /** The store's newest that this host has heard of, and for how long it has not been told of changes as they happen: 0 while it is. */
  readonly revision?: { readonly newest: number; readonly behindSeconds: number };
  /** Endpoints here that the store does not know as they are, yet. */
  readonly unpublished: number;
  /** Networks of the cluster that cannot be used on this host, with the reason. */
  readonly unusable: readonly { readonly network: string; readonly reason: string }[];
  readonly lastError?: { readonly at: string; readonly message: string };
}
