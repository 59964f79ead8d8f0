import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Cidr, overlaps, parseCidr, prefixOf, rangeOf, toCidr } from '../../../src/base/cidr.ts';
import {
  chooseSubnet,
  defaultPoolSpaces,
  parsePoolSpace,
  spacesOf,
} from '../../../src/ipam/pool-allocator.ts';
import { randomUlaPrefix } from '../../../src/ipam/ula-prefix.ts';

const cidr = (text: string): Cidr => parseCidr(text, 'test');

describe('choosing a subnet', () => {
  test('takes the first of the space, or the last, that overlaps nothing in use', () => {
    const space = { base: cidr('10.0.0.0/20'), size: 24 };
    const used = fc
      .record({
        value: fc.bigInt({ min: 0x0a000000n, max: 0x0a001fffn }),
        prefix: fc.integer({ min: 18, max: 32 }),
      })
      .map(({ value, prefix }) => toCidr(value, prefix, 4));
    fc.assert(
      fc.property(fc.array(used, { maxLength: 12 }), (inUse) => {
        const candidates = Array.from({ length: 16 }, (_, i) => cidr(`10.0.${i}.0/24`));
        const free = candidates.filter((candidate) => !inUse.some((other) => overlaps(candidate, other)));
        expect(chooseSubnet([space], inUse)).toBe(free[0]);
        expect(chooseSubnet([space], inUse, { fromEnd: true })).toBe(free.at(-1));
      }),
    );
  });

  test('goes on to the next space when one is used up', () => {
    const spaces = [parsePoolSpace('10.1.0.0/24,25', 'x'), parsePoolSpace('10.2.0.0/16,24', 'x')];
    expect(chooseSubnet(spaces, [cidr('10.1.0.0/16')])).toBe('10.2.0.0/24');
    expect(chooseSubnet(spaces, [cidr('10.1.0.0/25')])).toBe('10.1.0.128/25');
    expect(chooseSubnet(spaces, [cidr('10.0.0.0/8')])).toBeUndefined();
    expect(chooseSubnet(spaces, [], { fromEnd: true })).toBe('10.1.0.128/25');
  });

  test('finds its way past every subnet of a full /48', () => {
    const base = randomUlaPrefix();
    const first = rangeOf(base).first;
    const all = Array.from({ length: 65_535 }, (_, i) => toCidr(first + (BigInt(i) << 64n), 64, 6));
    const chosen = chooseSubnet([{ base, size: 64 }], all);
    expect(chosen).toBe(toCidr(first + (65_535n << 64n), 64, 6));
  });

  test('a random ULA prefix is a /48 of fd00::/8', () => {
    for (let i = 0; i < 100; i++) {
      const prefix = randomUlaPrefix();
      expect(cidr(prefix)).toBe(prefix);
      expect(overlaps(prefix, cidr('fd00::/8'))).toBe(true);
      expect(prefixOf(prefix)).toBe(48);
    }
  });
});

describe('pool spaces', () => {
  test('a family without a space of its own gets the built-in one', () => {
    const own = parsePoolSpace('10.1.0.0/16,26', 'x');
    expect(spacesOf(4, [own], cidr('fd00::/48'))).toEqual([own]);
    expect(spacesOf(4, [], cidr('fd00::/48'))).toBe(defaultPoolSpaces);
    expect(spacesOf(6, [own], cidr('fd00::/48'))).toEqual([{ base: 'fd00::/48', size: 64 }]);
  });

  test.each([
    '10.0.0.0/16',
    '10.0.0.0/16,8',
    '10.0.0.0/16,31',
    '10.0.0.1/16,24',
    '10.0.0.0/16,24,1',
    '10.0.0.0/16,x',
    'fd00::/48,127',
  ])('refuses %s', (text) => expect(() => parsePoolSpace(text, '--pool')).toThrow('--pool'));
});
