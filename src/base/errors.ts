// The one error class of the daemon; every door derives its own status from the code.

/** What went wrong, in the few kinds a caller can act on. */
export type ErrorCode =
  | 'invalid_parameter'
  | 'not_found'
  | 'already_exists'
  | 'conflict'
  | 'exhausted'
  | 'unavailable'
  | 'not_implemented'
  | 'internal';

/**
 * An error a user may see. The message is lower case and names the object, the value and the limit.
 * Whatever caused it (a kernel or system error) is in `cause`.
 */
export class NetError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NetError';
    this.code = code;
  }
}

/** Turns whatever was thrown into a NetError: of several errors the first counts; `internal` unless that already is one. */
export function toNetError(thrown: unknown): NetError {
  if (thrown instanceof NetError) return thrown;
  if (thrown instanceof AggregateError && thrown.errors[0] instanceof NetError) {
    return new NetError(thrown.errors[0].code, thrown.message, { cause: thrown });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new NetError('internal', message, { cause: thrown });
}
