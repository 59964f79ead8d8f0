// Whether keys of which not all is known are in sets of nf_tables.
import { describe, expect, test } from 'vitest';
import type { Element } from '../../../src/kernel/nftables/element.ts';
import { knownBytes, PartlyKnown } from '../../../src/tracer/packet.ts';
import { findElement } from '../../../src/tracer/set-lookup.ts';

const plain = { isInterval: false, fieldBytes: [] };
const interval = { isInterval: true, fieldBytes: [] };
/** An IPv4 address and a port. */
const ranges = { isInterval: true, fieldBytes: [4, 2] };

function element(key: readonly number[], more: Partial<Element> = {}): Element {
  return { key: Uint8Array.from(key), ...more };
}

const web = element([10, 0, 0, 0, 0, 80, 0, 0], { lastKey: Uint8Array.of(10, 255, 255, 255, 0, 90, 0, 0) });
const anyPort = element([10, 0, 0, 0, 0, 0, 0, 0], {
  lastKey: Uint8Array.of(10, 255, 255, 255, 255, 255, 0, 0),
});
/** Its port is not known. */
const portless = (...address: readonly number[]) => new PartlyKnown(8).put(0, address);

describe('a key', () => {
  test.each([
    ['that is there is found', plain, [element([1, 2])], knownBytes([1, 2]), 0],
    ['that is not there is not', plain, [element([1, 2])], knownBytes([1, 3]), 'none'],
    [
      'hangs on a byte that is not known',
      plain,
      [element([1, 2])],
      new PartlyKnown(2).put(0, [1]),
      'unknown',
    ],
    ['differs in a byte that is known', plain, [element([1, 2])], new PartlyKnown(2).put(0, [3]), 'none'],
    ['is in the range of every field', ranges, [web], knownBytes([10, 9, 0, 1, 0, 85, 0, 0]), 0],
    ['is beyond the range of one field', ranges, [web], knownBytes([10, 9, 0, 1, 0, 91, 0, 0]), 'none'],
    ['hangs on a field that is not known', ranges, [web], portless(10, 9, 0, 1), 'unknown'],
    ['is out of range whatever is not known', ranges, [web], portless(11, 9, 0, 1), 'none'],
    ['is in a range of everything', ranges, [anyPort], portless(10, 9, 0, 1), 0],
    ['is in an interval', interval, [element([5]), element([9], { endsInterval: true })], knownBytes([7]), 0],
    ['is after it', interval, [element([5]), element([9], { endsInterval: true })], knownBytes([9]), 'none'],
    ['is before it', interval, [element([5]), element([9], { endsInterval: true })], knownBytes([4]), 'none'],
    [
      'that nothing else has is in the element for all',
      plain,
      [element([1]), element([])],
      knownBytes([2]),
      1,
    ],
  ] as const)('%s', (_, form, elements, key, expected) => {
    const found = findElement(form, elements, key);
    expect(found).toBe(typeof expected === 'number' ? elements[expected] : expected);
  });
});
