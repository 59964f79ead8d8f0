// Undo steps, registered before the step they undo, run backwards when something fails.

type Step = () => void | Promise<void>;

/** Registers a step that undoes what the caller is about to do. */
export type Undo = (step: Step) => void;

/** Runs `work`; when it throws, runs every registered step in reverse, all of them, then throws the first error. */
export async function withUndo<T>(work: (undo: Undo) => Promise<T>): Promise<T> {
  const steps: Step[] = [];
  try {
    return await work((step) => steps.push(step));
  } catch (error) {
    const failures = await runAll(steps.reverse());
    if (failures.length > 0)
      throw new AggregateError([error, ...failures], errorText(error), { cause: error });
    throw error;
  }
}

/** Runs every step whatever the others do; returns what they threw. */
export async function runAll(steps: readonly Step[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

/** Waits for all of what runs side by side, so that nothing of it goes on while it is undone; then throws the first error. */
export async function allDone(works: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  const results = await Promise.allSettled(works);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
