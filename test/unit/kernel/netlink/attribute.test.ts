import { describe, expect, test } from 'vitest';
import { Attributes, AttributeWriter, decodeAttributes } from '../../../../src/kernel/netlink/attribute.ts';
import { ByteWriter } from '../../../../src/kernel/netlink/byte-writer.ts';

function encode(write: (attributes: AttributeWriter) => void): Uint8Array {
  const out = new ByteWriter();
  write(new AttributeWriter(out));
  return out.finish();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

describe('writing', () => {
  const cases: readonly [string, (attributes: AttributeWriter) => void, string][] = [
    ['a flag is a bare header', (a) => a.flag(1), '04000100'],
    ['a u8 is padded', (a) => a.u8(1, 0xab), '05000100ab000000'],
    ['a u16 is padded', (a) => a.u16(1, 0x1234), '0600010034120000'],
    ['a u32 is in host order', (a) => a.u32(1, 0x12345678), '0800010078563412'],
    ['a u64 is in host order', (a) => a.u64(1, 0x0102030405060708n), '0c0001000807060504030201'],
    ['a be16 is in network order', (a) => a.be16(1, 0x1234), '0600010012340000'],
    ['a be32 is in network order', (a) => a.be32(1, 0x12345678), '0800010012345678'],
    ['a be64 is in network order', (a) => a.be64(1, 0x0102030405060708n), '0c0001000102030405060708'],
    ['a string ends with NUL', (a) => a.string(3, 'lo'), '070003006c6f0000'],
    ['an empty string is a NUL', (a) => a.string(3, ''), '0500030000000000'],
    ['a string may hold any character', (a) => a.string(3, 'é'), '07000300c3a90000'],
    ['bytes are padded', (a) => a.bytes(2, Uint8Array.of(1, 2, 3, 4, 5)), '090002000102030405000000'],
    ['empty bytes are a bare header', (a) => a.bytes(2, new Uint8Array()), '04000200'],
    ['an empty nest has the nested flag', (a) => a.nested(5, () => {}), '04000580'],
    ['a nest counts its padding', (a) => a.nested(5, (b) => b.u8(1, 7)), '0c0005800500010007000000'],
  ];
  test.each(cases)('%s', (_, write, expected) => {
    expect(hex(encode(write))).toBe(expected);
  });

  test('what follows a padded attribute starts on a multiple of four', () => {
    expect(hex(encode((a) => [a.u8(1, 1), a.u32(2, 2)]))).toBe('05000100010000000800020002000000');
  });

  test('the buffer grows over many attributes', () => {
    const encoded = encode((a) => {
      for (let i = 0; i < 10_000; i++) a.u32(i & 0xff, i);
    });
    const values = Array.from(decodeAttributes(encoded), ({ value }) => Buffer.from(value).readUInt32LE());
    expect(values).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
  });

  test('an attribute longer than its length field can say is refused', () => {
    expect(() => encode((a) => a.bytes(9, new Uint8Array(65_532)))).toThrow(
      'netlink attribute 9 is 65536 bytes long (at most 65535)',
    );
    expect(() => encode((a) => a.nested(9, (b) => b.bytes(1, new Uint8Array(65_528))))).toThrow(
      'netlink attribute 9 is 65536 bytes long',
    );
    expect(encode((a) => a.bytes(9, new Uint8Array(65_531)))).toHaveLength(65_536);
  });
});

describe('reading', () => {
  test('every value written is read back', () => {
    const attributes = new Attributes(
      encode((a) => {
        a.u8(1, 255);
        a.u16(2, 65_535);
        a.u32(3, 4_294_967_295);
        a.u64(4, 0xffff_ffff_ffff_ffffn);
        a.be16(5, 1);
        a.be32(6, 2);
        a.be64(7, 3n);
        a.string(8, 'eth0');
        a.bytes(9, Uint8Array.of(1, 2, 3));
        a.nested(10, (b) => b.string(1, 'veth'));
        a.flag(11);
      }),
    );
    expect(attributes.u8(1)).toBe(255);
    expect(attributes.u16(2)).toBe(65_535);
    expect(attributes.u32(3)).toBe(4_294_967_295);
    expect(attributes.i32(3)).toBe(-1);
    expect(attributes.u64(4)).toBe(0xffff_ffff_ffff_ffffn);
    expect(attributes.be16(5)).toBe(1);
    expect(attributes.be32(6)).toBe(2);
    expect(attributes.be64(7)).toBe(3n);
    expect(attributes.string(8)).toBe('eth0');
    expect(attributes.bytes(9)).toEqual(Uint8Array.of(1, 2, 3));
    expect(attributes.nested(10)?.string(1)).toBe('veth');
    expect(attributes.has(11)).toBe(true);
  });

  test('an absent attribute is undefined, an absent list empty', () => {
    const attributes = new Attributes(new Uint8Array());
    expect(attributes.has(1)).toBe(false);
    expect(attributes.u32(1)).toBeUndefined();
    expect(attributes.string(1)).toBeUndefined();
    expect(attributes.nested(1)).toBeUndefined();
    expect(attributes.list(1)).toEqual([]);
  });

  test('a list keeps the order of members with one type', () => {
    const encoded = encode((a) =>
      a.nested(3, (list) => {
        for (const value of [5, 6, 7]) list.nested(1, (member) => member.u32(2, value));
      }),
    );
    expect(new Attributes(encoded).list(3).map((member) => member.u32(2))).toEqual([5, 6, 7]);
  });

  test('the nested and byte order flags are not part of the type', () => {
    expect(Array.from(decodeAttributes(bytes('04000580' + '04000640')), ({ type }) => type)).toEqual([5, 6]);
  });

  test('a string without its NUL is read whole', () => {
    expect(new Attributes(bytes('06000300' + '6c6f0000')).string(3)).toBe('lo');
  });

  test('the last attribute may lack its padding', () => {
    expect(new Attributes(bytes('05000100ab')).u8(1)).toBe(0xab);
  });

  test('a view into a larger buffer is read at its own offset', () => {
    const larger = bytes('ffffffff' + '0800010078563412');
    expect(new Attributes(larger.subarray(4)).u32(1)).toBe(0x12345678);
  });

  const truncated: readonly [string, string][] = [
    ['half a header', '0400'],
    ['a length below the header', '03000100'],
    ['a length beyond the end', '08000100aabb'],
    ['a broken second attribute', '04000100' + '20000200'],
  ];
  test.each(truncated)('%s is an error that says where', (_, text) => {
    const at = text.length > 12 ? 4 : 0;
    const length = text.length / 2;
    expect(() => [...decodeAttributes(bytes(text))]).toThrow(
      `truncated netlink attribute at byte ${at} of ${length}`,
    );
  });

  test('a value of another size than asked for is an error', () => {
    expect(() => new Attributes(bytes('0600010034120000')).u32(1)).toThrow(
      'netlink attribute 1 has 2 bytes instead of 4',
    );
  });
});
