// What is in Docker's table against what should be there for the networks, and the transaction that brings it about. Pure.
import { isDeepStrictEqual } from 'node:util';
import { Batch } from '../../kernel/nftables/batch.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { Difference } from '../../model/difference.ts';
import { verdict } from '../nftables/match.ts';
import {
  type FilterTable,
  filterName,
  leadsTo,
  ownChain,
  type PlacedRule,
  unconditional,
  userChain,
} from './filter-table.ts';
import { forwardRules, type Pattern } from './rules.ts';

export interface Comparison {
  readonly filter: FilterTable;
  /** What our chain should hold; nothing where it should not be. */
  readonly rules: readonly Rule[];
  readonly chain: 'right' | 'missing' | 'different' | 'left over';
  /** Of no account where the chain should not be: it goes with it. */
  readonly jump: 'right' | 'missing' | 'different';
}

export function compareFilter(filter: FilterTable, networks: readonly Pattern[]): Comparison {
  const rules = filter.concernsUs ? forwardRules(networks, filter.named) : [];
  return { filter, rules, chain: chainState(filter, rules), jump: jumpState(filter) };
}

export function differencesOf({ filter, rules, chain, jump }: Comparison): readonly Difference[] {
  const { family } = filter;
  const differences = [
    { object: ownChain, problem: chainProblems[chain] },
    { object: userChain, problem: rules.length === 0 ? undefined : jumpProblems[jump] },
  ];
  return differences.flatMap(({ object, problem }) =>
    problem === undefined ? [] : [{ object: `nft chain ${family} ${filterName} ${object}`, problem }],
  );
}

/** Empty where everything is right. */
export function mend({ filter, rules, chain, jump }: Comparison): Batch {
  const batch = new Batch(filterName, filter.family);
  if (rules.length === 0 || jump === 'different') {
    for (const { handle } of jumpsOf(filter)) batch.deleteRule(userChain, handle);
  }
  if (chain === 'left over') batch.flushChain(ownChain).deleteChain(ownChain);
  if (chain === 'missing') batch.addChain({ name: ownChain });
  if (chain === 'different') batch.flushChain(ownChain);
  if (chain !== 'right') for (const rule of rules) batch.addRule(ownChain, rule);
  if (rules.length > 0 && jump !== 'right') writeJump(batch, filter);
  return batch;
}

const chainProblems: Readonly<Record<Comparison['chain'], string | undefined>> = {
  right: undefined,
  missing: 'is missing: what networks forward is dropped',
  different: 'has other rules',
  'left over': 'is of no use here',
};
const jumpProblems: Readonly<Record<Comparison['jump'], string | undefined>> = {
  right: undefined,
  missing: `does not lead to ${ownChain}: what networks forward is dropped`,
  different: `leads to ${ownChain} more than once, or not after the rules of others`,
};

function chainState({ own }: FilterTable, rules: readonly Rule[]): Comparison['chain'] {
  if (rules.length === 0) return own === undefined ? 'right' : 'left over';
  if (own === undefined) return 'missing';
  const found = own.map(({ rule }) => rule);
  return isDeepStrictEqual(found, rules) ? 'right' : 'different';
}

function jumpState(filter: FilterTable): Comparison['jump'] {
  const jumps = jumpsOf(filter);
  const [jump] = jumps;
  if (jump === undefined) return 'missing';
  const [next] = filter.user.slice(filter.user.indexOf(jump) + 1);
  return jumps.length === 1 && next?.handle === endOf(filter)?.handle ? 'right' : 'different';
}

function jumpsOf({ user }: FilterTable): readonly PlacedRule[] {
  return user.filter(({ rule }) => leadsTo(rule, ownChain));
}

/**
 * The rule of Docker's chain that ours goes before: the first that lets every packet go on to Docker's rules, as nothing
 * after that is ever asked. Docker puts one at the end; without one ours is the last.
 */
function endOf({ user }: FilterTable): PlacedRule | undefined {
  return user.find(({ rule }) => unconditional(rule) === 'return');
}

function writeJump(batch: Batch, filter: FilterTable): void {
  const jump = verdict({ jump: ownChain });
  const end = endOf(filter);
  if (end === undefined) batch.addRule(userChain, jump);
  else batch.insertRule(userChain, end.handle, jump);
}
