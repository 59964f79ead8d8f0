import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressOf,
  contains,
  familyBits,
  fromBytes,
  type IpFamily,
  overlaps,
  parseCidr,
  parseInterfaceAddress,
  parseIp,
  prefixOf,
  rangeOf,
  subnetOf,
  toBytes,
  toCidr,
  toInteger,
  toIpAddress,
} from '../../../src/base/cidr.ts';

const family = fc.constantFrom<IpFamily>(4, 6);
const mapped = (value: bigint) => value >> 32n === 0xffffn;
const value = (of: IpFamily) =>
  fc
    .oneof(
      fc.bigInt({ min: 0n, max: (1n << BigInt(familyBits(of))) - 1n }),
      fc.uint8Array({ minLength: familyBits(of) / 8, maxLength: familyBits(of) / 8 }).map((bytes) =>
        // Runs of zeros, as real addresses have them.
        bytes.reduce((sum, byte) => (sum << 8n) | (byte < 128 ? 0n : BigInt(byte)), 0n),
      ),
    )
    .filter((number) => of === 4 || !mapped(number));
const address = family.chain((of) => fc.record({ of: fc.constant(of), number: value(of) }));
const subnet = family.chain((of) =>
  fc
    .record({ number: value(of), prefix: fc.integer({ min: 0, max: familyBits(of) }) })
    .map(({ number, prefix }) => ({ of, number, prefix, cidr: toCidr(number, prefix, of) })),
);

describe('an address', () => {
  test('is the same as text, integer and bytes', () => {
    fc.assert(
      fc.property(address, ({ of, number }) => {
        const text = toIpAddress(number, of);
        expect(isIP(text)).toBe(of);
        expect(toInteger(text)).toBe(number);
        expect(fromBytes(toBytes(text))).toBe(text);
        expect(parseIp(text, 'x')).toBe(text);
      }),
    );
  });

  test('is taken or refused as the system does', () => {
    const piece = fc.constantFrom(
      '0',
      '1',
      '12',
      '255',
      '256',
      '01',
      'a',
      'ffff',
      'fffff',
      ':',
      '::',
      '.',
      '1.2.3.4',
      '%',
      '/',
      ' ',
      '-',
      '',
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 17 }).map((pieces) => pieces.join('')),
      fc
        .array(fc.constantFrom('0', '1', 'fe', '', '1.2.3.4'), { minLength: 2, maxLength: 10 })
        .map((groups) => groups.join(':')),
      fc
        .array(fc.constantFrom('0', '7', '255', '256', '00', '007', ''), { minLength: 3, maxLength: 5 })
        .map((parts) => parts.join('.')),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const valid = isIP(candidate) !== 0 && !candidate.includes('%');
        if (valid) expect(isIP(parseIp(candidate, 'x'))).not.toBe(0);
        else expect(() => parseIp(candidate, 'x')).toThrow('is not an IP address');
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1::', '1::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
  ])('%s is written %s', (text, canonical) => expect(parseIp(text, 'x')).toBe(canonical));

  test.each([
    '',
    '1.2.3',
    '010.0.0.1',
    '0x7f.0.0.1',
    '1.2.3.4/24',
    '1.2.3.4 ',
    '1.2.3.4\n',
    '[::1]',
    'fe80::1%eth0',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::ffff:01.2.3.4',
    '٣.2.3.4',
  ])('%j is refused, naming what it was given for', (text) =>
    expect(() => parseIp(text, '--ip')).toThrow(
      expect.objectContaining({ code: 'invalid_parameter', message: `--ip: ${text} is not an IP address` }),
    ),
  );
});

describe('a subnet', () => {
  test('holds exactly the addresses between its first and its last', () => {
    fc.assert(
      fc.property(subnet, value(4), value(6), ({ of, cidr, number, prefix }, other4, other6) => {
        const size = 1n << BigInt(familyBits(of) - prefix);
        const range = rangeOf(cidr);
        expect(range).toEqual({
          family: of,
          first: (number / size) * size,
          last: (number / size) * size + size - 1n,
        });
        expect(contains(cidr, toIpAddress(number, of))).toBe(true);
        const other = of === 4 ? other4 : other6;
        expect(contains(cidr, toIpAddress(other, of))).toBe(other / size === number / size);
        expect(contains(cidr, toIpAddress(of === 4 ? other6 : other4, of === 4 ? 6 : 4))).toBe(false);
        expect(prefixOf(cidr)).toBe(prefix);
      }),
    );
  });

  test('comes back from its text, unless that is IPv4-mapped', () => {
    fc.assert(
      fc.property(subnet, ({ cidr, of }) => {
        if (of === 4 || !mapped(rangeOf(cidr).first)) expect(parseCidr(cidr, 'x')).toBe(cidr);
      }),
    );
  });

  test('overlaps another when one of them holds the first address of the other', () => {
    const near = fc.record({
      number: fc.bigInt({ min: 0n, max: 1023n }),
      prefix: fc.integer({ min: 20, max: 32 }),
    });
    fc.assert(
      fc.property(near, near, (a, b) => {
        const left = toCidr(a.number, a.prefix, 4);
        const right = toCidr(b.number, b.prefix, 4);
        const shared =
          contains(left, toIpAddress(rangeOf(right).first, 4)) ||
          contains(right, toIpAddress(rangeOf(left).first, 4));
        expect(overlaps(left, right)).toBe(shared);
        expect(overlaps(left, toCidr(b.number, b.prefix, 6))).toBe(false);
      }),
    );
  });

  test('of an interface address keeps no host bits', () => {
    const given = parseInterfaceAddress('10.1.2.3/20', 'x');
    expect(addressOf(given)).toBe('10.1.2.3');
    expect(subnetOf(given)).toBe('10.1.0.0/20');
    expect(subnetOf(parseInterfaceAddress('FD00::5/64', 'x'))).toBe('fd00::/64');
  });

  test.each([
    ['10.0.0.1/24', '--subnet: 10.0.0.1/24 has host bits set; the subnet is 10.0.0.0/24'],
    ['10.0.0.0', '--subnet: 10.0.0.0 is not in CIDR notation'],
    ['10.0.0.0/', 'is not in CIDR notation'],
    ['10.0.0.0/33', 'is not in CIDR notation'],
    ['::/129', 'is not in CIDR notation'],
    ['10.0.0.0/024', 'is not in CIDR notation'],
    ['10.0.0.0/+8', 'is not in CIDR notation'],
    ['10.0.0.0/8\n', 'is not in CIDR notation'],
    ['1.2.3.4/24/8', 'is not in CIDR notation'],
    ['/24', 'is not in CIDR notation'],
    ['', 'is not in CIDR notation'],
    ['::ffff:10.0.0.0/104', 'is IPv4-mapped; give it in IPv4 notation'],
  ])('%j is refused', (text, message) =>
    expect(() => parseCidr(text, '--subnet')).toThrow(
      expect.objectContaining({ code: 'invalid_parameter', message: expect.stringContaining(message) }),
    ),
  );
});
