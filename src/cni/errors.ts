// Errors as CNI has them: a number a runtime acts on, a message, and what lies behind it.
import { type ErrorCode, toNetError } from '../base/errors.ts';

/** Numbers of the specification, and from 100 our own. */
export const cniCode = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  badEnvironment: 4,
  inputOutput: 5,
  undecodable: 6,
  badConfiguration: 7,
  tryAgain: 11,
  notAvailable: 50,
  limitedConnectivity: 51,
  conflict: 100,
  exhausted: 101,
  notFound: 103,
  notImplemented: 105,
  /** CHECK: not as it was made. */
  changed: 106,
  internal: 999,
} as const;

const codes: Readonly<Record<ErrorCode, number>> = {
  invalid_parameter: cniCode.badConfiguration,
  not_found: cniCode.notFound,
  already_exists: cniCode.conflict,
  conflict: cniCode.conflict,
  exhausted: cniCode.exhausted,
  unavailable: cniCode.tryAgain,
  not_implemented: cniCode.notImplemented,
  internal: cniCode.internal,
};

export class CniError extends Error {
  readonly code: number;
  /** More than the message says; empty when there is no more. */
  readonly details: string;

  constructor(code: number, message: string, options?: ErrorOptions & { readonly details?: string }) {
    super(message, options);
    this.name = 'CniError';
    this.code = code;
    this.details = options?.details ?? '';
  }
}

/** Turns whatever was thrown into a CniError, with the messages of what caused it as details. */
export function toCniError(thrown: unknown): CniError {
  if (thrown instanceof CniError) return thrown;
  const error = toNetError(thrown);
  return new CniError(codes[error.code], error.message, { cause: thrown, details: causesOf(error) });
}

/** What a plugin prints when it fails. */
export function errorDocument(error: CniError, cniVersion: string): string {
  const { code, message, details } = error;
  return JSON.stringify({ cniVersion, code, msg: message, ...(details !== '' && { details }) }, null, 4);
}

/** The messages down the chain of causes that the one before does not contain. */
function causesOf(error: Error): string {
  const messages: string[] = [];
  let last = error.message;
  for (let cause = error.cause; cause instanceof Error && messages.length < 5; cause = cause.cause) {
    if (!last.includes(cause.message)) messages.push(cause.message);
    last = cause.message;
  }
  return messages.join(': ');
}
