// A base chain at a hook, in words that all sources of rules share.
import type { ChainOutcome } from './chains.ts';
import type { Packet } from './packet.ts';
import type { RulePlace } from './tracer.ts';

/** NF_INET_* of include/uapi/linux/netfilter.h; those of bridges have the same numbers. */
export const hookNumbers = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export type HookName = keyof typeof hookNumbers;

export interface HookChain {
  readonly place: Omit<RulePlace, 'number' | 'handle'>;
  readonly isNat: boolean;
  readonly priority: number;
  readonly drops: boolean;
  run(packet: Packet): Promise<ChainOutcome>;
}
