// What can become of a call to etcd, and what of it others are told.
import { NetError } from '../../base/errors.ts';

/** https://grpc.io/docs/guides/status-codes/ */
export const status = {
  ...{ cancelled: 1, unknown: 2, invalidArgument: 3, deadlineExceeded: 4, notFound: 5, permissionDenied: 7 },
  ...{
    failedPrecondition: 9,
    outOfRange: 11,
    unimplemented: 12,
    internal: 13,
    unavailable: 14,
    dataLoss: 15,
  },
  unauthenticated: 16,
} as const;

/** A call that ended with anything but an answer. */
export class RpcError extends Error {
  readonly status: number;
  /** False when the server has not begun to carry it out for sure, so that it may be repeated. */
  readonly sent: boolean;

  constructor(code: number, details: string, sent?: boolean) {
    super(details);
    this.name = 'RpcError';
    this.status = code;
    this.sent = sent ?? !unsent.some((beginning) => details.startsWith(beginning));
  }
}

export const noConnection = 'no connection';
const noLeader = 'etcdserver: no leader';

/** The first two are grpc-js's; etcd looks for a leader before it looks at a call. */
const unsent = ['No connection established', 'Name resolution failed', noConnection, noLeader];

/** Of a server that may be bypassed: another one may answer. */
const unreachable: readonly number[] = [
  ...[status.cancelled, status.unknown, status.deadlineExceeded, status.unimplemented],
  ...[status.internal, status.unavailable, status.dataLoss],
];

export function isUnreachable(error: RpcError): boolean {
  return unreachable.includes(error.status);
}

/** The way there may be broken, and a connection that waits to try it again for as long as it was. */
export function isSilent(error: RpcError): boolean {
  return error.status === status.deadlineExceeded;
}

/** For as long as the members elect a leader, which takes them a second or two. */
export function isElection(error: RpcError): boolean {
  return error.message === noLeader;
}

export function isCompacted(error: RpcError): boolean {
  return error.status === status.outOfRange;
}

/** The token has expired, or users have changed since it was given, or none was needed before. */
export function isTokenRefused(error: RpcError): boolean {
  if (error.status === status.unauthenticated) return true;
  return /revision of auth store is old|user name is empty/.test(error.message);
}

export function isWithoutUsers(error: RpcError): boolean {
  return error.status === status.failedPrecondition && /authentication is not enabled/.test(error.message);
}

export interface CallContext {
  readonly url: string;
  /** What was asked for, as it goes on after "cannot". */
  readonly action: string;
  readonly user: string | undefined;
}

export function toStoreError(error: RpcError, { url, action, user }: CallContext): NetError {
  const cause = { cause: error };
  const asked = `etcd at ${url} cannot ${action}`;
  const who = user === undefined ? 'whoever gives no user' : `user ${user}`;
  switch (error.status) {
    case status.notFound:
      return new NetError('not_found', `${asked}: ${reasonOf(error)}`, cause);
    case status.permissionDenied:
      return new NetError('unavailable', `${asked}: ${who} lacks permission`, cause);
    case status.unauthenticated:
      return new NetError('unavailable', `${asked}: ${who} is refused (${reasonOf(error)})`, cause);
    case status.invalidArgument: {
      const isAboutUser = /auth|user name is empty/.test(error.message);
      const code = isAboutUser ? 'unavailable' : 'internal';
      const refused = isAboutUser ? `${who} is refused (${reasonOf(error)})` : reasonOf(error);
      return new NetError(code, `${asked}: ${refused}`, cause);
    }
    default:
      return new NetError('unavailable', `${asked}: ${reasonOf(error)}`, cause);
  }
}

/** As short as it tells the same. */
export function reasonOf(error: Error): string {
  return error.message
    .replace(/^(rpc error: code = \w+ desc = )?(etcdserver: )?/, '')
    .replace(
      /^No connection established\. Last error: (?:null|(?:Error: )?(.*?))\.? Resolution note: .*$/s,
      '$1',
    )
    .trim();
}
