// Waiting for a condition, never for a while.

/**
 * Asks until the answer is neither undefined nor false, and returns it. What `ask` throws counts as "not yet" and is the
 * cause of the error that is thrown when the time is up.
 */
export async function waitUntil<T>(
  what: string,
  ask: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly intervalMs?: number } = {},
): Promise<Exclude<T, undefined | false>> {
  const { timeoutMs = 10_000, intervalMs = 25 } = options;
  const deadline = Date.now() + timeoutMs;
  let cause: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    } catch (error) {
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  } while (Date.now() < deadline);
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  throw new Error(`gave up after ${timeoutMs} ms waiting until ${what}${reason}`, { cause });
}
