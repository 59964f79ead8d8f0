import { expect, test } from 'vitest';
import { keyAfter, rangeBelow, toStoredKey, toTransaction } from '../../../../src/cluster/etcd/keys.ts';

test.each([
  ['/a/', '2f612f', '2f6130'],
  ['é', 'c3a9', 'c3aa'],
  ['\u007f', '7f', '80'],
  ['', '00', '00'],
])('the range below %j ends before the next prefix', (prefix, key, end) => {
  const range = rangeBelow(prefix);
  expect([range.key.toString('hex'), range.rangeEnd.toString('hex')]).toEqual([key, end]);
});

test('goes on after a key with the least key that follows it', () => {
  expect(keyAfter('/a').toString('hex')).toBe('2f6100');
});

test('a key without a lease has none', () => {
  const kv = { key: 'k', value: 'v', createRevision: '3', modRevision: '9007199254740991', lease: '0' };
  expect(toStoredKey(kv)).toEqual({ key: 'k', value: 'v', createRevision: 3, modRevision: 9007199254740991 });
  expect(toStoredKey({ ...kv, lease: '7587883212297104637' }).lease).toBe('7587883212297104637');
});

test('conditions and writes become a transaction', () => {
  const { compare, success } = toTransaction(
    [
      { key: 'a', absent: true },
      { key: 'b', createRevision: 3 },
      { key: 'c', modRevision: 4 },
      { noneBelow: 'd' },
    ],
    [{ put: 'a', value: 'v', lease: '77' }, { put: 'b', value: '' }, { delete: 'c' }, { deleteBelow: 'd' }],
  );
  const [a, b, c, d, e] = [...'abcde'].map((text) => Buffer.from(text));
  expect(compare).toEqual([
    { result: 0, target: 1, key: a, createRevision: 0 },
    { result: 0, target: 1, key: b, createRevision: 3 },
    { result: 0, target: 2, key: c, modRevision: 4 },
    { result: 0, target: 1, key: d, rangeEnd: e, createRevision: 0 },
  ]);
  expect(success).toEqual([
    { requestPut: { key: a, value: Buffer.from('v'), lease: '77' } },
    { requestPut: { key: b, value: Buffer.alloc(0) } },
    { requestDeleteRange: { key: c } },
    { requestDeleteRange: { key: d, rangeEnd: e } },
  ]);
});
