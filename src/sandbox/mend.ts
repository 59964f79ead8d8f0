// Carries out what mends faults, in one program.
import type { Namespace } from '../kernel/netns.ts';
import { runProgram } from '../kernel/program.ts';
import type { Fault } from './fault.ts';

/** @param open the namespace, where any of them is in one. */
export async function mendAll(faults: readonly Fault[], open?: Namespace): Promise<void> {
  const steps = faults.flatMap(({ mend }) => mend ?? []).map(({ step }) => step);
  if (steps.length > 0) await runProgram(steps, open);
}
