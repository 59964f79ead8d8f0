import { describe, expect, test } from 'vitest';
import { type ErrorCode, NetError } from '../../../src/base/errors.ts';
import { CniError, errorDocument, toCniError } from '../../../src/cni/errors.ts';

describe('errors', () => {
  test.each<[ErrorCode, number]>([
    ['invalid_parameter', 7],
    ['unavailable', 11],
    ['already_exists', 100],
    ['conflict', 100],
    ['exhausted', 101],
    ['not_found', 103],
    ['not_implemented', 105],
    ['internal', 999],
  ])('of kind %s have number %i', (code, number) => {
    expect(toCniError(new NetError(code, 'pool is full'))).toMatchObject({
      code: number,
      message: 'pool is full',
    });
  });

  test('of any other kind are internal', () => {
    expect(toCniError(new TypeError('oops'))).toMatchObject({ code: 999, message: 'oops' });
    expect(toCniError('oops')).toMatchObject({ code: 999, message: 'oops' });
  });

  test('that are CNI errors stay as they are', () => {
    const error = new CniError(3, 'no such container');
    expect(toCniError(error)).toBe(error);
  });

  test('have as details what caused them and they do not say themselves', () => {
    const kernel = new Error('EINVAL: Nexthop has invalid gateway');
    const middle = new Error('route add: EINVAL: Nexthop has invalid gateway', { cause: kernel });
    const error = new NetError('internal', 'cannot set routes', { cause: middle });
    expect(toCniError(error).details).toBe('route add: EINVAL: Nexthop has invalid gateway');
  });

  test('are printed with version, number, message and details', () => {
    const error = new CniError(6, 'the thing is not JSON', { details: 'at line 1' });
    expect(JSON.parse(errorDocument(error, '0.4.0'))).toEqual({
      cniVersion: '0.4.0',
      code: 6,
      msg: 'the thing is not JSON',
      details: 'at line 1',
    });
    expect(JSON.parse(errorDocument(new CniError(4, 'no'), '1.1.0'))).not.toHaveProperty('details');
  });
});
