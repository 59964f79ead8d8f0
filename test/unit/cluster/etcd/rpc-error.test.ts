import { describe, expect, test } from 'vitest';
import { isUnreachable, RpcError, status, toStoreError } from '../../../../src/cluster/etcd/rpc-error.ts';

const context = { url: 'http://e:2379', action: 'write /a', user: 'joe' };

describe('what others are told', () => {
  test.each<[number, string, string, string]>([
    [status.notFound, 'etcdserver: requested lease not found', 'not_found', 'requested lease not found'],
    [status.deadlineExceeded, 'no answer in time', 'unavailable', 'no answer in time'],
    [status.permissionDenied, 'etcdserver: permission denied', 'unavailable', 'user joe lacks permission'],
    [
      status.unauthenticated,
      'etcdserver: invalid auth token',
      'unavailable',
      'user joe is refused (invalid auth token)',
    ],
    [
      status.invalidArgument,
      'etcdserver: authentication failed, invalid user ID or password',
      'unavailable',
      'user joe is refused (authentication failed, invalid user ID or password)',
    ],
    [
      status.invalidArgument,
      'etcdserver: too many operations in txn request',
      'internal',
      'too many operations in txn request',
    ],
    [8, 'etcdserver: mvcc: database space exceeded', 'unavailable', 'mvcc: database space exceeded'],
    [status.unavailable, 'etcdserver: no leader', 'unavailable', 'no leader'],
    [
      status.unavailable,
      'No connection established. Last error: connect ECONNREFUSED 10.0.0.1:2379. Resolution note: ',
      'unavailable',
      'connect ECONNREFUSED 10.0.0.1:2379',
    ],
    [
      status.unavailable,
      'No connection established. Last error: Error: self-signed certificate. Resolution note: ',
      'unavailable',
      'self-signed certificate',
    ],
  ])('status %d, %s', (code, details, expected, reason) => {
    const error = toStoreError(new RpcError(code, details), context);
    expect(error).toMatchObject({
      code: expected,
      message: `etcd at http://e:2379 cannot write /a: ${reason}`,
    });
  });
});

test.each<[number, string, boolean]>([
  [status.unavailable, 'No connection established. Last error: x', false],
  [status.unavailable, 'Name resolution failed for target dns:x:2379', false],
  [status.deadlineExceeded, 'no connection within 1500 ms', false],
  [status.unavailable, 'etcdserver: no leader', false],
  [status.unavailable, 'Connection dropped', true],
  [status.unavailable, 'etcdserver: request timed out, possibly due to previous leader failure', true],
  [status.deadlineExceeded, 'no answer in time', true],
])('of a call that ended with %d, %s, it is known whether it was sent: %s', (code, details, sent) => {
  expect(new RpcError(code, details).sent).toBe(sent);
});

test('turns from members that fail, not from answers', () => {
  const codes = Array.from({ length: 16 }, (_, index) => index + 1);
  const turning = codes.filter((code) => isUnreachable(new RpcError(code, '')));
  expect(turning).toEqual([1, 2, 4, 12, 13, 14, 15]);
});
