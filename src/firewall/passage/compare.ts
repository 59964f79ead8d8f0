// What is in a table of iptables against what should be there for the networks, and the transaction that brings it about. Pure.
import { isDeepStrictEqual } from 'node:util';
import { Batch } from '../../kernel/nftables/batch.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { Difference } from '../../model/difference.ts';
import { verdict } from '../nftables/match.ts';
import { type FilterTable, filterName, leadsTo, type Way, ways } from './filter-table.ts';
import { type Place, placeOf } from './place.ts';
import { acceptRules, forwardRules, inputRules, type Pattern } from './rules.ts';

export interface Comparison {
  readonly filter: FilterTable;
  readonly way: Way;
  /** Undefined where nothing of ours is needed. */
  readonly place: Place | undefined;
  /** What our chain should hold; nothing where it should not be. */
  readonly rules: readonly Rule[];
  readonly chain: 'right' | 'missing' | 'different' | 'left over';
  /** Of no account where the chain should not be: it goes with it. */
  readonly jump: 'right' | 'missing' | 'different';
}

export function compareFilter(filter: FilterTable, networks: readonly Pattern[]): readonly Comparison[] {
  return (Object.keys(ways) as readonly Way[]).map((way) => {
    const place = placeOf(filter, way);
    const rules = place === undefined ? [] : rulesAt(place, filter, way, networks);
    return {
      filter,
      way,
      place,
      rules,
      chain: chainState(filter, way, rules),
      jump: jumpState(filter, way, place),
    };
  });
}

function rulesAt(
  { chain }: Place,
  { named }: FilterTable,
  way: Way,
  networks: readonly Pattern[],
): readonly Rule[] {
  if (way === 'input') return inputRules(networks);
  return chain === ways.forward.builtIn ? acceptRules(networks) : forwardRules(networks, named);
}

export function differencesOf({ filter, way, place, rules, chain, jump }: Comparison): readonly Difference[] {
  const what = whatIsDropped[way];
  const { own } = ways[way];
  const chainProblems: Readonly<Record<Comparison['chain'], string | undefined>> = {
    right: undefined,
    missing: `is missing: ${what} is dropped`,
    different: 'has other rules',
    'left over': 'is of no use here',
  };
  const jumpProblems: Readonly<Record<Comparison['jump'], string | undefined>> = {
    right: undefined,
    missing: `does not lead to ${own}: ${what} is dropped`,
    different: `leads to ${own} more than once, or not after the rules of others`,
  };
  const differences = [
    { object: own, problem: chainProblems[chain] },
    { object: place?.chain, problem: rules.length === 0 ? undefined : jumpProblems[jump] },
  ];
  return differences.flatMap(({ object, problem }) =>
    problem === undefined ? [] : [{ object: `nft chain ${filter.family} ${filterName} ${object}`, problem }],
  );
}

export const whatIsDropped = {
  forward: 'what networks forward',
  input: 'what networks ask the host for names',
} as const;

/** Writes nothing where everything is right. */
export function mend(batch: Batch, { filter, way, place, rules, chain, jump }: Comparison): void {
  const { own } = ways[way];
  if (rules.length === 0 || jump === 'different') {
    for (const { chain: from, handle } of jumpsTo(filter, own)) batch.deleteRule(from, handle);
  }
  if (chain === 'left over') batch.flushChain(own).deleteChain(own);
  if (chain === 'missing') batch.addChain({ name: own });
  if (chain === 'different') batch.flushChain(own);
  if (chain !== 'right') for (const rule of rules) batch.addRule(own, rule);
  if (place === undefined || rules.length === 0 || jump === 'right') return;
  const leap = verdict({ jump: own });
  if (place.before === undefined) batch.addRule(place.chain, leap);
  else batch.insertRule(place.chain, place.before.handle, leap);
}

export function batchFor({ family }: FilterTable): Batch {
  return new Batch(filterName, family);
}

function chainState({ chains }: FilterTable, way: Way, rules: readonly Rule[]): Comparison['chain'] {
  const own = chains.get(ways[way].own);
  if (rules.length === 0) return own === undefined ? 'right' : 'left over';
  if (own === undefined) return 'missing';
  const found = own.map(({ rule }) => rule);
  return isDeepStrictEqual(found, rules) ? 'right' : 'different';
}

function jumpState(filter: FilterTable, way: Way, place: Place | undefined): Comparison['jump'] {
  const jumps = jumpsTo(filter, ways[way].own);
  const [jump] = jumps;
  if (jump === undefined || place === undefined) return 'missing';
  const index = place.rules.findIndex(({ handle }) => handle === jump.handle);
  const isThere = jumps.length === 1 && index >= 0 && jump.chain === place.chain;
  return isThere && place.rules[index + 1]?.handle === place.before?.handle ? 'right' : 'different';
}

function jumpsTo({ chains }: FilterTable, own: string) {
  return [...chains].flatMap(([chain, rules]) =>
    rules.filter(({ rule }) => leadsTo(rule, own)).map(({ handle }) => ({ chain, handle })),
  );
}
