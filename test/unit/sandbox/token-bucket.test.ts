import { expect, test } from 'vitest';
import { tokenBucket } from '../../../src/sandbox/token-bucket.ts';

const mtuBytes = 1500;

test('bits become bytes, and what passes in 25 ms may wait beside the burst', () => {
  expect(tokenBucket({ bitsPerSecond: 100_000_000, burstBits: 1_000_000 }, mtuBytes)).toEqual({
    bytesPerSecond: 12_500_000,
    burstBytes: 125_000,
    limitBytes: 125_000 + 312_500,
  });
});

test.each([
  ['what passes in 100 ms', { bitsPerSecond: 100_000_000, burstBits: 0xffff_ffff }, 1_250_000],
  ['one whole packet at low rates', { bitsPerSecond: 1_000_000, burstBits: 0xffff_ffff }, 65_536],
  ['what the kernel can count', { bitsPerSecond: 1e12, burstBits: 1e12 }, 0xffff_ffff],
])('a burst is at most %s', (_, limit, burstBytes) => {
  expect(tokenBucket(limit, mtuBytes).burstBytes).toBe(burstBytes);
});

test('a smaller burst is taken as it is', () => {
  expect(tokenBucket({ bitsPerSecond: 1_000_000, burstBits: 80_000 }, mtuBytes).burstBytes).toBe(10_000);
});

test.each([1500, 9000, 65_535])('a burst lets a frame of MTU %i through', (mtu) => {
  const { burstBytes } = tokenBucket({ bitsPerSecond: 8000, burstBits: 8 }, mtu);
  expect(burstBytes).toBeGreaterThanOrEqual(mtu + 18);
});

test('the slowest limit is one byte a second, and no number leaves 32 bits where the kernel has but those', () => {
  expect(tokenBucket({ bitsPerSecond: 1, burstBits: 1 }, mtuBytes).bytesPerSecond).toBe(1);
  const fast = tokenBucket({ bitsPerSecond: 1e13, burstBits: 1e13 }, mtuBytes);
  expect(fast).toEqual({
    bytesPerSecond: 1.25e12,
    burstBytes: 0xffff_ffff,
    limitBytes: 0xffff_ffff,
  });
});
