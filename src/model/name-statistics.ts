// What the resolver has done since it started: for `net dns stats` and the metrics.
import type { NetworkId, SandboxId } from './ids.ts';

/** Questions of one sandbox, by what became of them. */
export interface AskerStatistics {
  readonly sandboxId: SandboxId;
  readonly questions: number;
  /** With records of its networks. */
  readonly answered: number;
  /** Known names without a record of the type. */
  readonly noData: number;
  /** By ourselves, where nothing is forwarded. */
  readonly noName: number;
  /** From replies upstreams gave before, also those past their time. */
  readonly cached: number;
  /** Answered by an upstream. */
  readonly forwarded: number;
  /** SERVFAIL: no upstream had an answer. */
  readonly failed: number;
  readonly refused: number;
}

export interface NetworkNameStatistics {
  readonly networkId: NetworkId;
  /** Questions answered with its names. */
  readonly answered: number;
}

export interface UpstreamStatistics {
  readonly address: string;
  /** The sandbox whose namespace it is asked from; absent for the host's. */
  readonly sandboxId?: SandboxId;
  readonly asked: number;
  readonly replied: number;
  /** Of all kinds: silence, errors of the network, SERVFAIL, REFUSED, broken replies. */
  readonly failed: number;
  /** Smoothed; absent before the first reply. */
  readonly rttMs?: number;
  readonly isFailing: boolean;
}

export interface NameStatistics {
  readonly askers: readonly AskerStatistics[];
  readonly networks: readonly NetworkNameStatistics[];
  readonly upstreams: readonly UpstreamStatistics[];
  readonly cache: {
    readonly entries: number;
    readonly bytes: number;
    readonly hits: number;
    /** Of the hits, those past their time. */
    readonly stale: number;
  };
  /** Messages that were no proper question. */
  readonly malformed: number;
  /** Questions that failed because too many waited for more than names of ours. */
  readonly overflowed: number;
  /** Over TCP, open now. */
  readonly connections: number;
}

/** The same with the names of what it is about. */
export interface NameStatisticsView extends Omit<NameStatistics, 'askers' | 'networks' | 'upstreams'> {
  readonly askers: readonly (AskerStatistics & { readonly sandboxName: string })[];
  readonly networks: readonly (NetworkNameStatistics & { readonly networkName: string })[];
  readonly upstreams: readonly (UpstreamStatistics & { readonly sandboxName?: string })[];
}
