import { expect, test } from 'vitest';
import { shortId } from '../../../src/model/ids.ts';

test('an id is shown as its first twelve digits', () => {
  expect(shortId('0123456789abcdef'.repeat(4))).toBe('0123456789ab');
});
