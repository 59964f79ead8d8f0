// The ports of an endpoint that differ between two policies. Cheap when few changed: an endpoint may have thousands and get one more.
import type { PortForward } from '../../model/policy.ts';

export interface ChangedForwards {
  readonly removed: readonly PortForward[];
  readonly added: readonly PortForward[];
}

/** Compares neighbours from both ends first, and only what is left in between by content. */
export function changedForwards(
  before: readonly PortForward[],
  after: readonly PortForward[],
): ChangedForwards {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && same(before[start], after[start])) start++;
  let end = 0;
  while (end < shorter - start && same(before.at(-1 - end), after.at(-1 - end))) end++;
  const old = before.slice(start, before.length - end);
  const next = after.slice(start, after.length - end);
  return { removed: without(old, next), added: without(next, old) };
}

function without(forwards: readonly PortForward[], others: readonly PortForward[]): readonly PortForward[] {
  if (forwards.length === 0 || others.length === 0) return forwards;
  const known = new Set(others.map(textOf));
  return forwards.filter((forward) => !known.has(textOf(forward)));
}

function textOf(forward: PortForward): string {
  const { hostAddress, hostPort, protocol, address, port, keepSource, from } = forward;
  return `${hostAddress} ${hostPort} ${protocol} ${address} ${port} ${keepSource} ${from?.join()}`;
}

function same(a: PortForward | undefined, b: PortForward | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return a === b;
  return (
    a.hostPort === b.hostPort &&
    a.port === b.port &&
    a.protocol === b.protocol &&
    a.keepSource === b.keepSource &&
    a.hostAddress === b.hostAddress &&
    a.address === b.address &&
    a.from?.join() === b.from?.join()
  );
}
