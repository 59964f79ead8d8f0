import { expect, test } from 'vitest';
import { questionMessage } from '../../../../src/dns/message/question-text.ts';
import { questionBytes } from '../messages.ts';

test.each([
  ['web', 'A', 'web', 1],
  ['web.lab.', 'aaaa', 'web.lab', 28],
  ['_80._tcp.Web', 'SRV', '_80._tcp.Web', 33],
  ['example.com', 'TYPE65', 'example.com', 65],
  ['.', 'NS', '', 2],
])('%s %s is the question an asker sends', (name, type, asked, number) => {
  const message = questionMessage(name, type);
  expect(message.toString('hex')).toBe(questionBytes(asked, { id: 0, type: number }).toString('hex'));
});

test.each([
  ['a\\.b', '03612e62'],
  ['\\097\\032', '026120'],
  ['\\\\', '015c'],
  ['é', '02c3a9'],
  ['☃.x', '03e298830178'],
])('%s has the labels %s', (name, hex) => {
  expect(questionMessage(name, 'A').subarray(12, -5).toString('hex')).toBe(hex);
});

test.each([
  ['', 'A', 'name : it has an empty label'],
  ['a..b', 'A', 'name a..b: it has an empty label'],
  ['.a', 'A', 'name .a: it has an empty label'],
  ['x'.repeat(64), 'A', 'a label has at most 63 bytes'],
  [`${'x'.repeat(62)}.`.repeat(5), 'A', 'it has more than 255 bytes'],
  ['\\256', 'A', 'name \\256: \\256 is no byte'],
  ['a\\', 'A', 'a backslash is followed by a character or three digits'],
  ['a\\12', 'A', 'a backslash is followed by a character or three digits'],
  ['web', 'WAT', 'type WAT: A, AAAA, PTR, SRV… or TYPE1 to TYPE65535 are expected'],
  ['web', 'TYPE0', 'type TYPE0'],
  ['web', 'TYPE65536', 'type TYPE65536'],
  ['web', 'toString', 'type toString'],
])('%s %s is refused', (name, type, message) => {
  expect(() => questionMessage(name, type)).toThrow(message);
});
