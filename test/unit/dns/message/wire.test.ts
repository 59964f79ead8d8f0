// Questions and answers in wire format, seen by an independent parser; and what happens to bytes that are no question.
import dns2 from 'dns2';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/base/cidr.ts';
import type { Answer } from '../../../../src/dns/answer.ts';
import { failure } from '../../../../src/dns/answer.ts';
import type { Query } from '../../../../src/dns/message/query.ts';
import { datagramLimit, loopbackPayloadBytes } from '../../../../src/dns/message/reply.ts';
import { decodeQuery, encodeAnswer } from '../../../../src/dns/message/wire.ts';
import { optionOf, type QuestionOptions, questionBytes, readReply, types } from '../messages.ts';

function queryOf(message: Buffer): Query {
  const incoming = decodeQuery(message);
  if (incoming === undefined || 'refusal' in incoming) throw new Error('no question');
  return incoming.query;
}

function refusalOf(message: Buffer): number | undefined {
  const incoming = decodeQuery(message);
  return incoming !== undefined && 'refusal' in incoming ? readReply(incoming.refusal).rcode : undefined;
}

function reply(
  name: string,
  answer: Partial<Answer>,
  options: QuestionOptions = {},
  limitBytes?: number,
): Buffer {
  const query = queryOf(questionBytes(name, options));
  const whole = { ...failure(0), authoritative: true, ...answer };
  return encodeAnswer(query, whole, limitBytes ?? datagramLimit(query, loopbackPayloadBytes));
}

const addresses = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    return { name: 'many', type: 'A', address: `10.0.${i >> 8}.${i & 255}` as IpAddress } as const;
  });

describe('a question', () => {
  test('is read with its flags and options', () => {
    const message = questionBytes('Web.Lab', {
      id: 7,
      type: types.AAAA,
      flags: 0x10,
      edns: { payloadBytes: 1400, dnssecOk: true },
    });
    expect(queryOf(message)).toMatchObject({
      id: 7,
      name: 'Web.Lab',
      type: types.AAAA,
      flags: 0x110,
      edns: { payloadBytes: 1400, dnssecOk: true },
    });
  });

  test('may be about the root', () => {
    expect(queryOf(questionBytes('.')).name).toBe('');
  });

  test('may carry options nobody knows, before and after', () => {
    const message = questionBytes('web', { edns: {} });
    const cookie = Buffer.from('000a0008deadbeefdeadbeef', 'hex');
    message.writeUInt16BE(cookie.length, message.length - 2);
    expect(queryOf(Buffer.concat([message, cookie])).name).toBe('web');
  });

  const broken = (change: (message: Buffer) => void) => {
    const message = questionBytes('web', { edns: {} });
    change(message);
    return message;
  };
  test.each<[string, Buffer, number]>([
    ['no question', broken((m) => m.writeUInt16BE(0, 4)), 1],
    ['two questions', broken((m) => m.writeUInt16BE(2, 4)), 1],
    ['an answer', broken((m) => m.writeUInt32BE(1 << 16, 6)), 1],
    ['fewer records than counted', broken((m) => m.writeUInt16BE(65_535, 10)), 1],
    ['a label of 64 bytes', broken((m) => m.writeUInt8(64, 12)), 1],
    ['a name that ends outside', broken((m) => m.writeUInt8(63, 12)), 1],
    ['a name that points at itself', broken((m) => m.writeUInt16BE(0xc00c, 12)), 1],
    ['a name of 256 bytes', questionBytes(Array(4).fill('x'.repeat(63)).join('.')), 1],
    [
      'two OPT records',
      Buffer.concat([broken((m) => m.writeUInt16BE(2, 10)), questionBytes('', { edns: {} }).subarray(17)]),
      1,
    ],
    ['an opcode other than QUERY', questionBytes('web', { flags: 0x2000 }), 4],
    ['class CH', questionBytes('version.bind', { class: 3, type: types.TXT }), 5],
    ['class ANY', questionBytes('web', { class: 255 }), 5],
    ['a version of EDNS to come', questionBytes('web', { edns: { version: 1 } }), 16],
  ])('with %s is refused', (_, message, code) => {
    expect(refusalOf(message)).toBe(code);
  });

  test.each<[string, Buffer]>([
    ['a reply', questionBytes('web', { flags: 0x8000 })],
    ['less than a header', Buffer.alloc(11)],
    ['nothing', Buffer.alloc(0)],
  ])('that is %s is met with silence', (_, message) => {
    expect(decodeQuery(message)).toBeUndefined();
  });
});

describe('an answer', () => {
  const web = { name: 'wEb', type: 'A', address: '10.0.0.2' as IpAddress } as const;

  test('keeps id, case and RD, and is authoritative with recursion available', () => {
    expect(readReply(reply('wEb', { answers: [web] }, { id: 99 }))).toEqual({
      id: 99,
      rcode: 0,
      flags: ['aa', 'rd', 'ra'],
      question: 'wEb',
      answers: ['wEb 5 A 10.0.0.2'],
      authority: [],
      additional: [],
    });
  });

  test('points to the name in the question instead of repeating it', () => {
    expect(reply('wEb', { answers: [web] }).length).toBe(12 + 9 + 16);
  });

  test.each<[string, Answer['answers'][number], string]>([
    ['an IPv6 address', { name: 'x', type: 'AAAA', address: 'fd00::2' as IpAddress }, 'x 5 AAAA fd00::2'],
    ['a name', { name: 'x', type: 'PTR', target: 'web.lab' }, 'x 5 PTR web.lab'],
    ['a service', { name: 'x', type: 'SRV', port: 80, target: 'web.lab' }, 'x 5 SRV 0 0 80 web.lab'],
    ['the refusal of ANY', { name: 'x', type: 'HINFO' }, 'x 5 HINFO RFC8482'],
    ['a zone', { name: 'x', type: 'SOA' }, 'x 5 SOA fairlead hostmaster.fairlead 5'],
    ['the root', { name: '', type: 'SOA' }, ' 5 SOA fairlead hostmaster.fairlead 5'],
  ])('can be %s', (_, record, text) => {
    expect(readReply(reply('x', { answers: [record] })).answers).toEqual([text]);
  });

  test('has an OPT record only for askers that sent one, with their DO bit', () => {
    expect(optionOf(reply('wEb', { answers: [web] }))).toBeUndefined();
    const options = { edns: { dnssecOk: true } };
    expect(optionOf(reply('wEb', { answers: [web] }, options))).toEqual({ payloadBytes: 4096, ttl: 0x8000 });
  });

  test.each([
    ['512 without EDNS', {}, 512],
    ['512 when less is asked for', { edns: { payloadBytes: 100 } }, 512],
    ['what is asked for', { edns: { payloadBytes: 1232 } }, 1232],
    ['4096 at most', { edns: { payloadBytes: 65_535 } }, 4096],
  ])('has a datagram of %s bytes', (_, options, limit) => {
    const message = reply('many', { answers: addresses(400) }, options);
    const { flags, answers } = readReply(message);
    expect(message.length).toBeLessThanOrEqual(limit);
    expect(message.length).toBeGreaterThan(limit - 16);
    expect(flags).toContain('tc');
    expect(answers.length).toBeGreaterThan(0);
  });

  test('is whole when there is room', () => {
    const { flags, answers } = readReply(reply('many', { answers: addresses(1000) }, {}, 65_535));
    expect(answers).toHaveLength(1000);
    expect(flags).not.toContain('tc');
  });

  test('is not called cut when only extras had to go', () => {
    const srv = { name: 'x', type: 'SRV', port: 80, target: 'web.lab' } as const;
    const { flags, answers, additional } = readReply(
      reply('x', { answers: [srv], additional: addresses(400) }),
    );
    expect(flags).not.toContain('tc');
    expect(answers).toHaveLength(1);
    expect(additional.length).toBeLessThan(400);
  });

  test('does not take one label with a dot in it for two', () => {
    const labels = Buffer.from('\x07web.lab\x00\x00\x01\x00\x01', 'latin1');
    const { name } = queryOf(Buffer.concat([questionBytes('.').subarray(0, 12), labels]));
    expect(name).not.toBe('web.lab');
    const answers = [{ name, type: 'PTR', target: name } as const];
    const said = encodeAnswer(
      queryOf(Buffer.concat([questionBytes('.').subarray(0, 12), labels])),
      { ...failure(0), answers },
      512,
    );
    // The owner's name and the target are the question's.
    expect(said.subarray(12 + labels.length).toString('hex')).toBe('c00c000c0001000000050002c00c');
  });

  test('stays in step with a question whose label has a dot in it', () => {
    const message = Buffer.concat([
      questionBytes('.').subarray(0, 12),
      Buffer.from('\x03a.b\x00\x00\x01\x00\x01', 'latin1'),
    ]);
    const said = encodeAnswer(queryOf(message), failure(3), 512);
    expect(said.subarray(12)).toEqual(message.subarray(12));
  });
});

describe('whatever bytes come in', () => {
  const decodes = (message: Buffer) => {
    const incoming = decodeQuery(message);
    if (incoming === undefined) return true;
    if ('refusal' in incoming) return readReply(incoming.refusal).id === message.readUInt16BE(0);
    const said = readReply(
      encodeAnswer(incoming.query, { ...failure(3), authority: [{ name: '', type: 'SOA' }] }, 512),
    );
    return said.id === message.readUInt16BE(0) && said.rcode === 3;
  };

  test('random ones are met with a well-formed reply or silence', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => decodes(Buffer.from(bytes))),
      { numRuns: 3000 },
    );
  });

  test('questions with some bytes changed, cut or added are too', () => {
    const change = fc.tuple(fc.nat(80), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 6 }),
        fc.nat(60),
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom('web', 'a.b.c', '2.0.0.10.in-addr.arpa', ''),
        (changes, cut, extra, name) => {
          const message = Buffer.concat([questionBytes(name, { edns: {} }), extra]);
          for (const [offset, value] of changes) if (offset < message.length) message[offset] = value;
          return decodes(message.subarray(0, Math.max(message.length - cut, 0)));
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('any name that can be asked for comes back as it was', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(label, { maxLength: 8 }), (labels) => {
        const name = Buffer.concat(labels.flatMap((bytes) => [Buffer.from([bytes.length]), bytes]));
        const head = questionBytes('.').subarray(0, 12);
        const message = Buffer.concat([head, name, Buffer.from([0, 0, 1, 0, 1])]);
        const said = encodeAnswer(queryOf(message), failure(0), 512);
        expect(said.subarray(12)).toEqual(message.subarray(12));
      }),
    );
  });
});

test("dns2's own parser would have let a miscounted question pass", () => {
  const message = questionBytes('web');
  message.writeUInt16BE(3, 10);
  expect(dns2.Packet.parse(message).questions[0]?.name).toBe('web');
  expect(refusalOf(message)).toBe(1);
});
