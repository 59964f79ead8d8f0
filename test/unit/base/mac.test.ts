import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { macBytes, macFromBytes, parseMac } from '../../../src/base/mac.ts';
import { randomId } from '../../../src/base/random-id.ts';

describe('a hardware address', () => {
  test('made of any bytes is a valid local unicast one, and comes back from its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 32 }), (bytes) => {
        const mac = macFromBytes(bytes);
        expect(parseMac(mac, 'x')).toBe(mac);
        const wire = macBytes(mac);
        expect((wire[0] ?? 0) & 3).toBe(2);
        expect([...wire.subarray(1)]).toEqual([...bytes.subarray(1, 6)]);
      }),
    );
  });

  test('is written in lower case with colons', () => {
    expect(parseMac('02-AB-cd-00-00-01', 'x')).toBe('02:ab:cd:00:00:01');
  });

  test.each([
    '',
    '02:00:00:00:00',
    '02:00:00:00:00:00:00',
    '2:0:0:0:0:1',
    '02:00:00:00:00:0g',
    '01:00:5e:00:00:01',
    'ff:ff:ff:ff:ff:ff',
    '00:00:00:00:00:00',
    '02:00:00:00:00:01\n',
  ])('%j is refused', (text) =>
    expect(() => parseMac(text, '--mac')).toThrow(expect.objectContaining({ code: 'invalid_parameter' })),
  );
});

test('random ids are 64 hex digits and differ', () => {
  const ids = Array.from({ length: 50 }, randomId);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
  expect(new Set(ids).size).toBe(50);
});
