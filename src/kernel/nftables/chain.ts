// Chains: lists of rules. A base chain hangs at a hook of the kernel's packet path, others are jumped to.
import type { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import {
  NFTA_CHAIN_HOOK,
  NFTA_CHAIN_NAME,
  NFTA_CHAIN_POLICY,
  NFTA_CHAIN_TABLE,
  NFTA_CHAIN_TYPE,
  NFTA_HOOK_HOOKNUM,
  NFTA_HOOK_PRIORITY,
} from './constants.ts';

/** Where a base chain hangs. */
export interface Hook {
  readonly type: 'filter' | 'nat';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  /** Chains of one hook run in ascending order. */
  readonly priority: number;
  /** What reaches its end is dropped; it is accepted otherwise. */
  readonly policy?: 'drop';
}

export interface Chain {
  readonly name: string;
  readonly base?: Hook;
}

// NF_INET_* of include/uapi/linux/netfilter.h.
const hooks = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const hookNames = new Map(
  Object.entries(hooks).map(([name, number]) => [number as number, name as Hook['hook']]),
);
const NF_DROP = 0;
const NF_ACCEPT = 1;

export function encodeChain(attributes: AttributeWriter, table: string, chain: Chain): void {
  encodeChainName(attributes, table, chain.name);
  const { base } = chain;
  if (base === undefined) return;
  attributes.string(NFTA_CHAIN_TYPE, base.type);
  attributes.be32(NFTA_CHAIN_POLICY, base.policy === 'drop' ? NF_DROP : NF_ACCEPT);
  attributes.nested(NFTA_CHAIN_HOOK, () => {
    attributes.be32(NFTA_HOOK_HOOKNUM, hooks[base.hook]);
    attributes.be32(NFTA_HOOK_PRIORITY, base.priority);
  });
}

export function encodeChainName(attributes: AttributeWriter, table: string, name: string): void {
  attributes.string(NFTA_CHAIN_TABLE, table);
  attributes.string(NFTA_CHAIN_NAME, name);
}

/** A chain with the table it is in. A base chain of a kind this project never uses has the hook `other`. */
export function decodeChain(attributes: Attributes): {
  readonly table: string;
  readonly name: string;
  readonly base?: Hook | 'other';
} {
  const hook = attributes.nested(NFTA_CHAIN_HOOK);
  const table = attributes.string(NFTA_CHAIN_TABLE) ?? '';
  const name = attributes.string(NFTA_CHAIN_NAME) ?? '';
  return hook === undefined ? { table, name } : { table, name, base: decodeHook(attributes, hook) };
}

function decodeHook(chain: Attributes, hook: Attributes): Hook | 'other' {
  const type = chain.string(NFTA_CHAIN_TYPE);
  const name = hookNames.get(hook.be32(NFTA_HOOK_HOOKNUM) ?? -1);
  if (name === undefined || (type !== 'filter' && type !== 'nat')) return 'other';
  const place = { type, hook: name, priority: (hook.be32(NFTA_HOOK_PRIORITY) ?? 0) | 0 } as const;
  return chain.be32(NFTA_CHAIN_POLICY) === NF_DROP ? { ...place, policy: 'drop' } : place;
}
