import { describe, expect, test } from 'vitest';
import { Fields, parseFields } from '../../../src/cni/fields.ts';
import { repeatedKey } from '../../../src/cni/repeated-key.ts';
import { cniError } from './requests.ts';

const fields = new Fields(
  { HostPort: 80, hostport: 81, Name: 'a', none: null, empty: '', list: ['x', null], deep: { Key: true } },
  'root',
);

describe('members of JSON objects', () => {
  test('are found in any letters, those written exactly so first', () => {
    expect(fields.integer('HostPort')).toBe(80);
    expect(fields.integer('hostport')).toBe(81);
    expect(fields.string('name')).toBe('a');
    expect(fields.object('deep')?.boolean('key')).toBe(true);
  });

  test('are absent when null, though they are named', () => {
    expect(fields.string('none')).toBeUndefined();
    expect(fields.names('None')).toBe(true);
    expect(fields.names('other')).toBe(false);
  });

  test('are texts only when they say something', () => {
    expect(fields.string('empty')).toBe('');
    expect(fields.text('empty')).toBeUndefined();
  });

  test('are flags also as words', () => {
    const flags = new Fields({ a: 'true', b: 'false', c: true, d: 'yes' }, '');
    expect(['a', 'b', 'c'].map((key) => flags.flag(key))).toEqual([true, false, true]);
    expect(() => flags.flag('d')).toThrow(cniError(6, 'd: "yes" is not true or false'));
  });

  test.each([
    ['a string', 6, 'root\\.HostPort: 80 is not a string', () => fields.string('HostPort')],
    ['a boolean', 6, 'root\\.name: "a" is not true or false', () => fields.boolean('name')],
    ['an integer', 6, 'root\\.name: "a" is not an integer', () => fields.integer('name')],
    [
      'a small integer',
      7,
      'root\\.hostPort: 81 is not from 1 to 9',
      () => fields.integer('hostPort', { least: 1, most: 9 }),
    ],
    [
      'a large integer',
      7,
      'root\\.hostPort: 81 is not 90 or more',
      () => fields.integer('hostPort', { least: 90 }),
    ],
    ['an object', 6, 'root\\.list: .* is not an object', () => fields.object('list')],
    ['a list', 6, 'root\\.deep: .* is not a list', () => fields.strings('deep')],
    ['strings', 6, 'root\\.list\\[1\\]: null is not a string', () => fields.strings('list')],
    ['a map of strings', 6, 'root\\.deep\\.Key: true is not a string', () => fields.stringMap('deep')],
  ])('that are not %s are refused by path and value', (_, code, message, read) => {
    expect(read).toThrow(cniError(code, new RegExp(message)));
  });

  test('whole numbers beyond what is exact are integers', () => {
    expect(
      parseFields('{"burst": 18446744073709551615}', 'x').integer('burst', {
        most: Number.POSITIVE_INFINITY,
      }),
    ).toBe(2 ** 64);
    expect(() => parseFields('{"burst": 1.5}', 'x').integer('burst')).toThrow(cniError(6, 'burst: 1.5'));
  });

  test.each(['', '{', 'nonsense'])('of %j cannot be had', (text) => {
    expect(() => parseFields(text, 'the thing')).toThrow(cniError(6, 'the thing is not JSON'));
  });

  test.each(['[]', '"x"', 'null', '3'])('of %s, which is no object, cannot be had', (text) => {
    expect(() => parseFields(text, 'the thing')).toThrow(cniError(6, 'the thing: .* is not an object'));
  });
});

describe('a repeated key', () => {
  test.each([
    ['{"sysctl": {"a": "1", "b": "2", "a": "3"}}', 'a'],
    ['{"x": [{"sysctl": {"a": 1}}], "SysCtl": {"q\\"}": "{", "a": "1", "a": "1"}}', 'a'],
    ['{"sysctl": {"\\u0061": "1", "a": "2"}}', 'a'],
    ['{"sysctl": {"a": "1", "b": "a"}, "a": {"a": 1}}', undefined],
    ['{"other": {"a": 1, "a": 2}, "args": {"sysctl": {"a": 1, "a": 2}}}', undefined],
    ['{"sysctl": {"a": {"b": 1}, "b": 2}}', undefined],
  ])('of %s is %s', (text, key) => {
    expect(repeatedKey(text, 'sysctl')).toBe(key);
  });
});
