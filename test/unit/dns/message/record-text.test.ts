// Records as text; the expected lines are what dig prints of the same bytes.
import { describe, expect, test } from 'vitest';
import { answerTexts } from '../../../../src/dns/message/record-text.ts';
import { questionBytes } from '../messages.ts';

/** A reply to `x.test` with one answer record, whose owner is the name of the question (at offset 12). */
function reply(type: number, dataHex: string, owner = 'c00c', kind = 1): Buffer {
  const message = questionBytes('x.test');
  message.writeUInt16BE(0x8180, 2);
  message.writeUInt16BE(1, 6);
  const data = Buffer.from(dataHex.replaceAll(' ', ''), 'hex');
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(kind, 2);
  head.writeUInt32BE(300, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([message, Buffer.from(owner, 'hex'), head, data]);
}

test.each([
  ['A', 1, '0a000002', 'A 10.0.0.2'],
  ['AAAA', 28, '20010db8000000000000000000000001', 'AAAA 2001:db8::1'],
  ['CNAME', 5, '0161c00c', 'CNAME a.x.test.'],
  ['NS at the root', 2, '00', 'NS .'],
  ['PTR', 12, '0377656203 6c616200', 'PTR web.lab.'],
  ['MX', 15, '000a 046d61696cc00c', 'MX 10 mail.x.test.'],
  ['SRV', 33, '0000 0000 0050 0377656200', 'SRV 0 0 80 web.'],
  [
    'SOA',
    6,
    'c00c c00e 00000001 00000e10 00000258 00015180 00000005',
    'SOA x.test. test. 1 3600 600 86400 5',
  ],
  ['TXT', 16, '0568656c6c6f 03 22 5c 0a 00', 'TXT "hello" "\\"\\\\\\010" ""'],
  ['TXT with a space', 16, '03612062', 'TXT "a b"'],
  ['HINFO', 13, '07524643383438 32 00', 'HINFO "RFC8482" ""'],
  ['a type without a form of its own', 65, '0001 00', 'HTTPS \\# 3 000100'],
  ['a type nobody knows', 65280, 'abcd', 'TYPE65280 \\# 2 abcd'],
  ['no data', 10, '', 'TYPE10 \\# 0'],
])('%s', (_, type, data, text) => {
  expect(answerTexts(reply(type, data))).toEqual([`x.test. 300 IN ${text}`]);
});

test('labels are told apart from dots in them, and odd bytes shown as numbers', () => {
  expect(answerTexts(reply(1, '0a000002', '03612e6205 20ff28405c 00'.replaceAll(' ', '')))).toEqual([
    'a\\.b.\\032\\255\\(\\@\\\\. 300 IN A 10.0.0.2',
  ]);
});

describe('data that is not of its type’s form', () => {
  test.each([
    ['an address too short', 1, '0a0000', 'A \\# 3 0a0000'],
    ['bytes after a name', 5, '016100ff', 'CNAME \\# 4 016100ff'],
    ['a string that is cut', 16, '05616263', 'TXT \\# 4 05616263'],
    ['numbers that are missing', 15, '00', 'MX \\# 1 00'],
    ['a name that points at itself', 5, 'c024', 'CNAME \\# 2 c024'],
    ['a name that goes round', 5, '0161c024', 'CNAME \\# 4 0161c024'],
  ])('%s is shown as bytes', (_, type, data, text) => {
    expect(answerTexts(reply(type, data))).toEqual([`x.test. 300 IN ${text}`]);
  });

  test('a class other than IN is shown by number', () => {
    expect(answerTexts(reply(16, '0161', 'c00c', 3))).toEqual(['x.test. 300 CLASS3 TXT \\# 2 0161']);
  });

  test('a message that is none has no records', () => {
    expect(answerTexts(Buffer.alloc(5))).toEqual([]);
  });
});
