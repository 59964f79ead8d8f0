import { describe, expect, test } from 'vitest';
import { cniError, config } from './requests.ts';

describe('rate limits', () => {
  const shaping = (bandwidth: object) => config({ runtimeConfig: { bandwidth } }).shaping;

  test('are of each direction', () => {
    expect(shaping({ IngressRate: 8_000_000, IngressBurst: 900_000 })).toEqual({
      toSandbox: { bitsPerSecond: 8_000_000, burstBits: 900_000 },
    });
    expect(shaping({ egressRate: 8_000_000, egressBurst: 900_000, ingressRate: 0 })).toEqual({
      fromSandbox: { bitsPerSecond: 8_000_000, burstBits: 900_000 },
    });
  });

  test.each([
    ['absent', 10_000_000, {}, 1_000_000],
    ['absent at a low rate', 8_000, {}, 72_144],
    ['the largest of 32 bits', 10_000_000, { ingressBurst: 0xffff_ffff }, 1_000_000],
    ['the largest of 64 bits', 10_000_000, { ingressBurst: 2 ** 64 }, 1_000_000],
  ])('have a burst of their own when it is %s', (_, ingressRate, burst, burstBits) => {
    expect(shaping({ ingressRate, ...burst })?.toSandbox?.burstBits).toBe(burstBits);
  });

  test('of the runtime stand in place of the configured ones', () => {
    const configured = { ingressRate: 1_000, ingressBurst: 90_000, egressRate: 2_000, egressBurst: 90_000 };
    expect(config(configured).shaping?.fromSandbox?.bitsPerSecond).toBe(2_000);
    const runtimeConfig = { bandwidth: { ingressRate: 5_000, ingressBurst: 90_000 } };
    expect(config({ ...configured, runtimeConfig }).shaping).toEqual({
      toSandbox: { bitsPerSecond: 5_000, burstBits: 90_000 },
    });
  });

  test('of nothing are none', () => {
    expect(shaping({ ingressRate: 0, ingressBurst: 0 })).toBeUndefined();
  });

  test.each([
    [{ ingressBurst: 5 }, 'bandwidth\\.ingressBurst: 5 has no meaning without ingressRate'],
    [{ egressBurst: 5, egressRate: 0 }, 'egressBurst: 5 has no meaning'],
    [{ egressRate: -8 }, 'egressRate: -8 is not 0 or more'],
    [{ egressRate: 7 }, 'egressRate: 7 is not 0 or at least 8'],
    [{ ingressRate: 8, ingressBurst: -1 }, 'ingressBurst: -1 is not 0'],
  ])('of %j are refused', (bandwidth, message) => {
    expect(() => shaping(bandwidth)).toThrow(cniError(7, new RegExp(message)));
  });
});
