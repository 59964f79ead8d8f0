// Where in the chains of others a rule of ours belongs that lets networks' packets through, if it is needed. Pure.
import type { DecodedRule } from '../../kernel/nftables/rule.ts';
import {
  type FilterTable,
  leadsTo,
  ownChains,
  type PlacedRule,
  unconditional,
  userChain,
  type Way,
  ways,
} from './filter-table.ts';

export interface Place {
  readonly chain: string;
  /** Its rules, our own jump among them. */
  readonly rules: readonly PlacedRule[];
  /** The rule ours goes before; at the end without one. */
  readonly before: PlacedRule | undefined;
}

/**
 * Undefined where packets that no rule decides about are let through. Docker leaves a chain to others. Elsewhere it is as late as
 * can be: after every rule of others that may decide, before those that tell of what is dropped, and drop it. So what an
 * administrator denies to networks, as by `ufw route deny`, stays denied.
 */
export function placeOf(table: FilterTable, way: Way): Place | undefined {
  const { builtIn, own } = ways[way];
  if (fateIn(table, builtIn) !== 'drop') return undefined;
  const users = way === 'forward' ? table.chains.get(userChain) : undefined;
  const rules = users ?? table.chains.get(builtIn) ?? [];
  const others = rules.filter(({ rule }) => !leadsTo(rule, own));
  // What is last in the chain for others lets every packet go on to Docker's rules; what drops there is the administrator's word.
  const before =
    users === undefined
      ? others[indexOfEnd(table, others)]
      : others.find(({ rule }) => unconditional(rule) === 'return');
  return { chain: users === undefined ? builtIn : userChain, rules, before };
}

type Fate = 'accept' | 'drop' | 'undecided';
type Chains = Pick<FilterTable, 'chains' | 'dropping'>;

/** What becomes of a packet that fulfils no condition of any rule, if ours are not there. iptables allows no loops. */
export function fateIn(table: Chains, chain: string): Fate {
  for (const { rule } of table.chains.get(chain) ?? []) {
    const verdict = unconditional(rule);
    if (verdict === 'return') break;
    if (typeof verdict === 'object' && ownChains.includes(verdict.jump)) continue;
    const fate = typeof verdict === 'object' ? fateIn(table, verdict.jump) : (verdict ?? 'undecided');
    if (fate !== 'undecided') return fate;
  }
  return table.dropping.has(chain) ? 'drop' : 'undecided';
}

function indexOfEnd(table: FilterTable, rules: readonly PlacedRule[]): number {
  const decisive = rules.findIndex(({ rule }) => decides(table, rule));
  let index = decisive < 0 ? rules.length : decisive;
  while (index > 0 && isQuiet(table, rules[index - 1]?.rule ?? [])) index--;
  return index;
}

function decides(table: FilterTable, rule: DecodedRule): boolean {
  const verdict = unconditional(rule);
  if (typeof verdict === 'object') return fateIn(table, verdict.jump) !== 'undecided';
  return verdict !== undefined;
}

/** It writes a packet to the log, or leads to a chain where nothing else is done. */
function isQuiet(table: FilterTable, rule: DecodedRule): boolean {
  const last = rule.at(-1);
  if (last?.kind === 'target' && (last.name === 'LOG' || last.name === 'NFLOG')) return true;
  const verdict = unconditional(rule);
  if (typeof verdict !== 'object') return false;
  return (table.chains.get(verdict.jump) ?? []).every((one) => isQuiet(table, one.rule));
}
