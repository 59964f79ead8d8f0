// Consecutive ports of an endpoint that are published alike: each run of them is one element of an interval set.
import type { PortForward } from '../../model/policy.ts';
import type { ChangedForwards } from './changed-forwards.ts';

/** Ports `first.hostPort` and those that follow. More than one only where each is the same at the endpoint: the kernel shifts none. */
export interface PortRun {
  readonly first: PortForward;
  readonly size: number;
}

export interface ChangedRuns {
  readonly removed: readonly PortRun[];
  readonly added: readonly PortRun[];
}

/**
 * The runs that differ between two policies of an endpoint whose ports differ by `changed`. In whichever order ports come, and in
 * whichever steps, the same ports make the same runs.
 */
export function changedRuns(
  changed: ChangedForwards,
  before: readonly PortForward[],
  after: readonly PortForward[],
): ChangedRuns {
  const likes = new Set([...changed.removed, ...changed.added].filter(isUnshifted).map(likeness));
  const old = runsOf(before, likes);
  const next = runsOf(after, likes);
  const alike = [...likes].map((like) => ({ old: old.get(like) ?? [], next: next.get(like) ?? [] }));
  return {
    removed: [...singles(changed.removed), ...alike.flatMap((runs) => without(runs.old, runs.next))],
    added: [...singles(changed.added), ...alike.flatMap((runs) => without(runs.next, runs.old))],
  };
}

function singles(forwards: readonly PortForward[]): readonly PortRun[] {
  return forwards.filter((forward) => !isUnshifted(forward)).map((first) => ({ first, size: 1 }));
}

function isUnshifted({ hostPort, port }: PortForward): boolean {
  return hostPort === port;
}

/** What the ports of one run have in common. */
function likeness({ hostAddress, protocol, address, keepSource, from }: PortForward): string {
  return `${hostAddress} ${protocol} ${address} ${keepSource} ${from?.join()}`;
}

/** By likeness, in ascending order; of other ports none. */
function runsOf(forwards: readonly PortForward[], likes: ReadonlySet<string>): Map<string, PortRun[]> {
  const groups = new Map<string, PortForward[]>();
  if (likes.size === 0) return new Map();
  for (const forward of forwards) {
    if (!isUnshifted(forward)) continue;
    const like = likeness(forward);
    const group = groups.get(like);
    if (group !== undefined) group.push(forward);
    else if (likes.has(like)) groups.set(like, [forward]);
  }
  return new Map([...groups].map(([like, group]) => [like, joined(group)]));
}

function joined(forwards: readonly PortForward[]): PortRun[] {
  const runs: { first: PortForward; size: number }[] = [];
  for (const first of forwards.toSorted((a, b) => a.hostPort - b.hostPort)) {
    const last = runs.at(-1);
    const offset = last === undefined ? -1 : first.hostPort - last.first.hostPort;
    if (last === undefined || offset > last.size) runs.push({ first, size: 1 });
    else if (offset === last.size) last.size++;
  }
  return runs;
}

function without(runs: readonly PortRun[], others: readonly PortRun[]): readonly PortRun[] {
  const sizes = new Map(others.map(({ first, size }) => [first.hostPort, size]));
  return runs.filter(({ first, size }) => sizes.get(first.hostPort) !== size);
}
