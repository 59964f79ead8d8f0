// Domain names between text, bytes and what they are compared by.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { labelBytes, nameFromText, readName } from '../../../../src/dns/message/domain-name.ts';

test.each([
  ['web', '03776562'],
  ['Web.Lab', '03576562034c6162'],
  ['a_b-c', '05615f622d63'],
  ['ö', '02c3b6'],
  ['a\\b', '03615c62'],
])('%s is %s in a message', (text, hex) => {
  expect(labelBytes(nameFromText(text) ?? '').toString('hex')).toBe(hex);
});

test.each([
  ['', 'nothing'],
  ['a..b', 'an empty label'],
  ['.a', 'an empty label first'],
  ['a.', 'one last'],
  ['x'.repeat(64), 'a label of 64 bytes'],
  ['ö'.repeat(32), 'one of 64 bytes in 32 letters'],
  [`${'x'.repeat(63)}.`.repeat(3) + 'x'.repeat(62), '256 bytes in all'],
])('no message holds %j: %s', (text) => {
  expect(nameFromText(text)).toBeUndefined();
});

test('255 bytes are held', () => {
  expect(nameFromText(`${'x'.repeat(63)}.`.repeat(3) + 'x'.repeat(61))).toHaveLength(253);
});

test('names differ when their labels do, whatever bytes are in them, and letters of ASCII alone are folded', () => {
  const label = fc
    .array(fc.constantFrom(0x2e, 0x41, 0x61, 0x5c, 0xc4, 0xe4, 0x00, 0xff), { minLength: 1, maxLength: 4 })
    .map((bytes) => Buffer.from(bytes));
  const labels = fc.array(label, { maxLength: 3 });
  const wire = (parts: readonly Buffer[]) =>
    Buffer.concat([...parts.flatMap((part) => [Buffer.from([part.length]), part]), Buffer.from([0])]);
  const folded = (bytes: Buffer) => Buffer.from(bytes.map((byte) => (byte === 0x41 ? 0x61 : byte)));
  fc.assert(
    fc.property(labels, labels, (one, other) => {
      const [a, b] = [wire(one), wire(other)];
      const [nameA, nameB] = [readName(a, 0)?.name ?? '', readName(b, 0)?.name ?? ''];
      expect(Buffer.concat([labelBytes(nameA), Buffer.from([0])])).toEqual(a);
      expect(nameA.toLowerCase() === nameB.toLowerCase()).toBe(folded(a).equals(folded(b)));
    }),
  );
});

test.each([
  ['a label that ends outside', '0377'],
  ['no end', '0161'],
  ['a pointer', '0161c000'],
  ['a label of a form to come', '4161'],
  ['256 bytes', '3f'.padEnd(128, '61').repeat(4)],
])('%s is no name', (_, hex) => {
  expect(readName(Buffer.from(hex, 'hex'), 0)).toBeUndefined();
});
