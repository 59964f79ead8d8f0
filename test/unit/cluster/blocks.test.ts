// How subnets are divided into blocks.
import { expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { blockAt, lowestFreeBlock, someFreeBlock } from '../../../src/cluster/blocks.ts';
import type { Pool } from '../../../src/model/network.ts';

const pool = (subnet: string, more: Partial<Record<keyof Pool, unknown>> = {}) =>
  ({ subnet, reserved: {}, ...more }) as unknown as Pool;
const none = new Set<Cidr>();

const sizes: readonly (readonly [string, string])[] = [
  ['10.0.0.0/24', '10.0.0.0/29'],
  ['10.0.0.0/16', '10.0.0.0/24'],
  ['10.0.0.0/8', '10.0.0.0/24'],
  ['10.0.0.0/27', '10.0.0.1/32'],
  ['10.0.0.0/30', '10.0.0.1/32'],
  ['10.0.0.0/31', '10.0.0.0/32'],
  ['10.0.0.0/32', '10.0.0.0/32'],
  ['fd00::/64', 'fd00::/112'],
  ['fd00::/120', 'fd00::/125'],
  ['fd00::/127', 'fd00::/128'],
];

for (const [subnet, block] of sizes) {
  test(`the first block of ${subnet} that has an address to give is ${block}`, () => {
    expect(lowestFreeBlock(pool(subnet), none)).toBe(block);
  });
}

test('the size follows the range addresses are chosen from, and blocks lie in it', () => {
  const ranged = pool('10.0.0.0/16', { range: '10.0.7.0/24' });
  expect(lowestFreeBlock(ranged, none)).toBe('10.0.7.0/29');
  expect(blockAt(ranged, '10.0.200.77' as IpAddress)).toBe('10.0.200.72/29');
});

test('a block with nothing but addresses that nobody is given is passed over', () => {
  const kept = pool('10.0.0.0/27', { gateway: '10.0.0.1', reserved: { router: '10.0.0.2' } });
  expect(lowestFreeBlock(kept, none)).toBe('10.0.0.3/32');
});

test('all blocks are given, each once, and then no more', () => {
  const small = pool('10.0.0.0/27', { gateway: '10.0.0.1' });
  const taken = new Set<Cidr>();
  for (
    let block = lowestFreeBlock(small, taken);
    block !== undefined;
    block = lowestFreeBlock(small, taken)
  ) {
    expect(taken).not.toContain(block);
    taken.add(block);
  }
  expect(taken.size).toBe(29);
  expect(someFreeBlock(small, taken, 0.5)).toBeUndefined();
});

test('any free block is one of all, wherever the search begins', () => {
  const small = pool('10.0.0.0/24');
  const found = new Set(Array.from({ length: 320 }, (_, i) => someFreeBlock(small, none, i / 320)));
  expect(found.size).toBe(32);
  const [only] = [...found].slice(-1);
  const others = new Set([...found].filter((block) => block !== only)) as Set<Cidr>;
  expect(someFreeBlock(small, others, 0.01)).toBe(only);
});

test('a subnet of 2^64 addresses is searched in no time', () => {
  expect(someFreeBlock(pool('fd00::/64'), none, 0.999)).toMatch(/^fd00::.*\/112$/);
});
