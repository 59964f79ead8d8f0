// Messages in a stream, in whatever pieces it comes.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, frame } from '../../../../src/dns/forwarding/framing.ts';

test('messages come out whole, however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 })),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (messages, cuts) => {
        const stream = Buffer.concat(messages.map((message) => frame(Buffer.from(message))));
        const reader = new FrameReader();
        const read: Buffer[] = [];
        for (let offset = 0, i = 0; offset < stream.length; i++) {
          const end = offset + (cuts[i % cuts.length] ?? 1);
          read.push(...reader.push(stream.subarray(offset, end)));
          offset = end;
        }
        expect(read).toEqual(messages.map((message) => Buffer.from(message)));
      },
    ),
  );
});

test('the longest message may come in very many pieces', () => {
  const message = Buffer.alloc(65_535, 7);
  const stream = frame(message);
  const reader = new FrameReader();
  const pieces = Array.from({ length: Math.ceil(stream.length / 8) }, (_, i) =>
    stream.subarray(8 * i, 8 * i + 8),
  );
  expect(pieces.flatMap((piece) => reader.push(piece))).toEqual([message]);
});
