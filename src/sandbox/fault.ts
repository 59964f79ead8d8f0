// A difference between what an attachment should be and what it is.
import type { RequestStep } from '../kernel/program.ts';
import type { PlannedStep } from './planned-step.ts';

export interface Fault {
  readonly problem: string;
  /** Undefined when only making the interface anew helps. */
  readonly mend: readonly PlannedStep[] | undefined;
}

/** A fault that one step of ordinary configuration mends. */
export function fault(problem: string, step: RequestStep): Fault {
  return { problem, mend: [{ purpose: 'configure', step }] };
}
