// The steps of a program with what they are for.
import type { Step } from '../kernel/program.ts';

/** What a step is for, as far as it matters when the kernel refuses it. */
export type Purpose =
  /** Finds out whether the bridge or parent is there: before anything is made, as unmaking a link takes long. */
  | 'look'
  /** Makes the link: after a later step failed, it is there and to be removed. */
  | 'make'
  /** Makes the ifb, likewise. */
  | 'make ifb'
  /** Limits rates. */
  | 'limit'
  /** Does what somebody asked for in particular, and may have asked for in vain. */
  | 'tune'
  | 'configure';

export interface PlannedStep {
  readonly purpose: Purpose;
  readonly step: Step;
}

export function planned(purpose: Purpose, steps: readonly Step[]): readonly PlannedStep[] {
  return steps.map((step) => ({ purpose, step }));
}
