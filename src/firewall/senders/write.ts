// The table as transactions: the whole of it, and what changes when senders do.
import type { Batch } from '../../kernel/nftables/batch.ts';
import type { EndpointId } from '../../model/ids.ts';
import type { Sender } from '../../model/policy.ts';
import type { ChainRules } from '../nftables/layout.ts';
import type { SetElement } from '../nftables/render.ts';
import { nameOf } from '../nftables/ruleset.ts';
import { bySet, writeChain } from '../nftables/write.ts';
import { elementsOf } from './elements.ts';
import { baseChain, chains, sets } from './layout.ts';

export type Senders = ReadonlyMap<EndpointId, Sender>;

export function chainsFor({ size }: Senders): readonly ChainRules[] {
  return size === 0 ? chains : [...chains, baseChain];
}

/** The elements of all senders, by `nameOf`. */
export function elementsFor(senders: Iterable<Sender>): Map<string, SetElement> {
  const elements = [...senders].flatMap(elementsOf);
  return new Map(elements.map((element) => [nameOf(element), element]));
}

/** The table must not exist or have been deleted in the batch before. */
export function writeTable(batch: Batch, flags: number, senders: Senders): void {
  batch.addTable(flags);
  for (const set of sets) batch.addSet(set);
  for (const chain of chainsFor(senders)) writeChain(batch, chain);
  for (const [set, members] of bySet(elementsFor(senders.values()).values())) batch.addElements(set, members);
}

/** The senders a change touches, and how many there are in all. */
interface Moment {
  readonly count: number;
  readonly changed: readonly Sender[];
}

export function writeChange(batch: Batch, before: Moment, after: Moment): void {
  const old = elementsFor(before.changed);
  const next = elementsFor(after.changed);
  if (before.count > 0 && after.count === 0) batch.flushChain(baseChain.name).deleteChain(baseChain.name);
  for (const [set, members] of bySet(without(old, next))) batch.deleteElements(set, members);
  for (const [set, members] of bySet(without(next, old))) batch.addElements(set, members);
  if (before.count === 0 && after.count > 0) writeChain(batch, baseChain);
}

function without(
  elements: ReadonlyMap<string, SetElement>,
  others: ReadonlyMap<string, SetElement>,
): readonly SetElement[] {
  return [...elements].flatMap(([name, element]) => (others.has(name) ? [] : [element]));
}
