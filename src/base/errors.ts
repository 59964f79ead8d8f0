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

/** Turns whatever was thrown into a NetError: `internal` unless it already is one. */
export function toNetError(thrown: unknown): NetError {
  if (thrown instanceof NetError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new NetError('internal', message, { cause: thrown });
}
