// Turns what the table should hold, and changes of that, into batches.
import { isDeepStrictEqual } from 'node:util';
import type { Batch } from '../../kernel/nftables/batch.ts';
import { baseChains, type ChainRules, sets } from './layout.ts';
import { type Held, type Ruleset, type Staged, sameElement } from './ruleset.ts';

/**
 * Writes a staged change as a batch. Elements that name chains go before their chains do and come after them.
 */
export function writeChange(batch: Batch, staged: Staged): void {
  const elements = [...staged.elements.values()].filter(({ before, after }) => !sameHeld(before, after));
  const removed = elements.flatMap(({ before }) => (before === undefined ? [] : [before.element]));
  const added = elements.flatMap(({ after }) => (after === undefined ? [] : [after.element]));
  for (const [set, members] of bySet(removed)) batch.deleteElements(set, members);
  const chains = [...staged.chains].filter(([, { before, after }]) => !isDeepStrictEqual(before, after));
  for (const [name, { before, after }] of chains) {
    if (after === undefined) batch.deleteChain(name);
    else if (before === undefined) batch.addChain({ name });
    else batch.flushChain(name);
    for (const rule of after ?? []) batch.addRule(name, rule);
  }
  for (const [set, members] of bySet(added)) batch.addElements(set, members);
}

/** Writes the whole table, which must not exist or have been deleted in the batch before. */
export function writeTable(batch: Batch, flags: number, ruleset: Ruleset): void {
  batch.addTable(flags);
  for (const set of sets) batch.addSet(set);
  for (const chain of baseChains) writeChain(batch, chain);
  for (const [name, rules] of ruleset.chains) writeChain(batch, { name, rules });
  for (const [set, members] of bySet(ruleset.elements())) batch.addElements(set, members);
}

/** A chain with its rules, which must not be there yet. */
export function writeChain(batch: Batch, { rules, ...chain }: ChainRules): void {
  batch.addChain(chain);
  for (const rule of rules) batch.addRule(chain.name, rule);
}

/** In the order of each set's first element. */
export function bySet<Member extends { readonly set: string }>(
  elements: Iterable<Member>,
): ReadonlyMap<string, readonly Member[]> {
  const groups = new Map<string, Member[]>();
  for (const element of elements) {
    const group = groups.get(element.set);
    if (group === undefined) groups.set(element.set, [element]);
    else group.push(element);
  }
  return groups;
}

function sameHeld(before: Held | undefined, after: Held | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return before.element === after.element || sameElement(before.element, after.element);
}
