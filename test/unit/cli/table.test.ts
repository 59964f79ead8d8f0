import { expect, test } from 'vitest';
import { formatAge, formatFields, formatTable } from '../../../src/cli/table.ts';

test('columns are as wide as their widest cell and lines end without blanks', () => {
  expect(
    formatTable(
      ['A', 'LONG HEADING', 'C'],
      [
        ['wide cell', 'x', ''],
        ['y', '', 'z'],
      ],
    ),
  ).toBe('A           LONG HEADING   C\nwide cell   x\ny                          z\n');
});

test('fields without a value are left out', () => {
  expect(
    formatFields([
      ['Name', 'lab'],
      ['Labels', ''],
      ['Id', '1'],
    ]),
  ).toBe('Name: lab\nId:   1\n');
});

test.each([
  ['2026-01-01T00:00:00Z', '0 seconds ago'],
  ['2025-12-31T23:59:59Z', '1 second ago'],
  ['2025-12-31T23:58:00Z', '2 minutes ago'],
  ['2025-12-31T20:30:00Z', '3 hours ago'],
  ['2025-12-30T00:00:00Z', '2 days ago'],
  ['2026-01-01T00:00:30Z', '0 seconds ago'],
])('%s is %s', (iso, age) => {
  expect(formatAge(iso, new Date('2026-01-01T00:00:00Z'))).toBe(age);
});
