import { describe, expect, test } from 'vitest';
import { Attributes } from '../../../../src/kernel/netlink/attribute.ts';
import {
  decodeMessage,
  decodeMessages,
  encodeMessage,
  MessageBuilder,
  NLM_F_ACK,
  NLM_F_REQUEST,
  splitMessages,
} from '../../../../src/kernel/netlink/message.ts';

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

test('a message is header, struct and attributes', () => {
  const message = encodeMessage(16, NLM_F_REQUEST | NLM_F_ACK, (struct, attributes) => {
    struct.u8(2);
    struct.zeros(1);
    struct.u16(0x1234);
    attributes.string(3, 'lo');
  });
  expect(hex(message)).toBe(
    '1c000000' + '1000' + '0500' + '00000000' + '00000000' + '02003412' + '070003006c6f0000',
  );
});

test('a message of odd length is padded outside its own length', () => {
  const message = encodeMessage(1, 0, (struct) => struct.u8(9));
  expect(hex(message)).toBe('11000000' + '0100' + '0000' + '00000000' + '00000000' + '09000000');
});

test('a batch holds its messages in order', () => {
  const batch = new MessageBuilder();
  for (let type = 1; type <= 3; type++)
    batch.message(type, type * 2, (struct) => struct.bytes(new Uint8Array(type)));
  const decoded = [...decodeMessages(batch.finish())];
  expect(decoded.map(({ type, flags, payload }) => [type, flags, payload.length])).toEqual([
    [1, 2, 1],
    [2, 4, 2],
    [3, 6, 3],
  ]);
});

test('a batch of ten thousand messages is read back', () => {
  const batch = new MessageBuilder();
  for (let i = 0; i < 10_000; i++) batch.message(i & 0xffff, 0, (_, attributes) => attributes.u32(1, i));
  const values = Array.from(decodeMessages(batch.finish()), ({ payload }) => new Attributes(payload).u32(1));
  expect(values).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
});

test('messages are split with their headers and without padding', () => {
  const batch = new MessageBuilder();
  batch.message(1, 0, (struct) => struct.u8(9)).message(2, 0, () => {});
  expect(splitMessages(batch.finish()).map((message) => message.length)).toEqual([17, 16]);
});

test('no bytes are no messages', () => {
  expect([...decodeMessages(new Uint8Array())]).toEqual([]);
});

test('sequence and payload are read', () => {
  const bytes = Buffer.from('14000000' + '1000' + '0200' + '07000000' + '00000000' + 'aabbccdd', 'hex');
  const message = decodeMessage(bytes);
  expect(message).toMatchObject({ type: 16, flags: 2, sequence: 7 });
  expect(hex(message.payload)).toBe('aabbccdd');
});

describe('truncated input', () => {
  const cases: readonly [string, string, string][] = [
    ['half a header', '10000000', 'at byte 0 of 4'],
    ['a length below the header', `0f000000${'00'.repeat(12)}`, 'at byte 0 of 16'],
    ['a length beyond the end', `11000000${'00'.repeat(12)}`, 'at byte 0 of 16'],
    ['a broken second message', `10000000${'00'.repeat(12)}${'00'.repeat(8)}`, 'at byte 16 of 24'],
  ];
  test.each(cases)('%s is an error that says where', (_, text, where) => {
    expect(() => [...decodeMessages(Buffer.from(text, 'hex'))]).toThrow(`truncated netlink message ${where}`);
  });
});
