// What the core relies on, whichever driver gives the addresses.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressOf,
  type Cidr,
  contains,
  type InterfaceAddress,
  type IpAddress,
  parseCidr,
  prefixOf,
  rangeOf,
  toCidr,
  toInteger,
} from '../../src/base/cidr.ts';
import { NetError } from '../../src/base/errors.ts';
import { DefaultIpam } from '../../src/ipam/default-ipam.ts';
import { ForeignIpam } from '../../src/ipam/foreign-ipam.ts';
import type { IpamDriver, LeaseRange, PoolRequest } from '../../src/ipam/ipam-driver.ts';
import { NullIpam } from '../../src/ipam/null-ipam.ts';
import { SharedIpam } from '../../src/ipam/shared-ipam.ts';
import type { Pool } from '../../src/model/network.ts';

const subnet = parseCidr('10.88.0.0/28', 'x');
const request: PoolRequest = { family: 4, wantsGateway: true, reserved: {}, networkName: 'lab' };
const openDefault = () =>
  new DefaultIpam({ pools: [], hostSubnets: async () => [], ulaPrefix: 'fd00:1:2::/48' as Cidr });

/** Of a cluster of one host: blocks of four addresses each, which nobody else wants. */
const openShared = () => {
  const held = new Map<Cidr, Cidr[]>();
  return new SharedIpam(openDefault(), {
    blocksOf: (shared) => held.get(shared) ?? [],
    claimBlock: async (shared, wanted) => {
      const blocks = held.get(shared) ?? [];
      const { first, last } = rangeOf(shared);
      let at = wanted === undefined ? first : toInteger(wanted) & ~3n;
      while (wanted === undefined && blocks.includes(toCidr(at, 30, 4))) at += 4n;
      if (at > last) throw new NetError('exhausted', `all of ${shared} is held`);
      const block = toCidr(at, 30, 4);
      held.set(shared, [...blocks, block]);
      return block;
    },
  });
};

/** At once or after a while. */
async function ask(
  driver: IpamDriver,
  pool: Pool,
  wanted?: IpAddress | LeaseRange,
): Promise<InterfaceAddress> {
  return driver.requestAddress(pool, wanted);
}

const drivers: readonly { name: string; open: () => IpamDriver }[] = [
  { name: 'default', open: openDefault },
  { name: 'default', open: openShared },
  { name: 'null', open: () => new NullIpam() },
  { name: 'foreign', open: () => new ForeignIpam() },
];
/** `null` has no pools, and those of `foreign` are somebody else's. */
const leasing = drivers.filter(({ name }) => name === 'default');

/** By the last byte. */
function between(first: number, last: number): LeaseRange {
  return { first: `10.88.0.${first}` as IpAddress, last: `10.88.0.${last}` as IpAddress };
}

async function pooled(driver: IpamDriver, asked: Partial<PoolRequest> = { subnet }): Promise<Pool> {
  const pool = await driver.requestPool({ ...request, ...asked });
  if (pool === undefined) throw new Error('no pool');
  return pool;
}

describe.each(drivers)('every IPAM driver ($name)', ({ name, open }) => {
  test('has its name', () => expect(open().name).toBe(name));

  test('takes no options it does not know', () => {
    const driver = open();
    expect(driver.parseOptions({})).toEqual({});
    expect(() => driver.parseOptions({ nonsense: '1' })).toThrow(
      expect.objectContaining({ code: 'invalid_parameter' }),
    );
  });

  test('refuses a subnet it cannot give, with invalid_parameter', async () => {
    const impossible = parseCidr('224.0.0.0/4', 'x');
    await expect(open().requestPool({ ...request, subnet: impossible })).rejects.toMatchObject({
      code: 'invalid_parameter',
    });
  });

  test('does not mind releases of what it does not hold', () => {
    const driver = open();
    driver.releaseAddress({ subnet, reserved: {} }, addressOf('10.88.0.5/28' as InterfaceAddress));
    driver.releasePool({ subnet, reserved: {} });
  });
});

describe.each(leasing)('a leasing IPAM driver ($name)', ({ open }) => {
  test('never leases an address twice, also not after a restart, and is full exactly at its capacity', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constant('lease' as const) },
      { weight: 4, arbitrary: fc.nat(20) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (script) => {
        let driver = open();
        const pool = await pooled(driver);
        const capacity = Number(driver.status(pool).capacity);
        const kept = driver.status(pool).leased;
        const held: InterfaceAddress[] = [];
        for (const one of script) {
          if (one === 'restart') {
            driver = open();
            driver.restore('lab', pool, held.map(addressOf));
          } else if (typeof one === 'number') {
            const [released] = held.splice(one, 1);
            if (released !== undefined) driver.releaseAddress(pool, addressOf(released));
          } else if (held.length + kept === capacity) {
            await expect(ask(driver, pool)).rejects.toMatchObject({ code: 'exhausted' });
          } else {
            const leased = await ask(driver, pool);
            expect(held).not.toContain(leased);
            expect(contains(pool.subnet, addressOf(leased))).toBe(true);
            expect(prefixOf(leased)).toBe(prefixOf(pool.subnet));
            expect(addressOf(leased)).not.toBe(pool.gateway);
            held.push(leased);
          }
          expect(driver.status(pool).leased).toBe(held.length + kept);
        }
      }),
    );
  });

  test('never leases an address of overlapping ranges twice, and each is full exactly at its capacity', async () => {
    const ranges = [between(1, 6), between(4, 14), between(9, 9)];
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom(...ranges) },
      { weight: 3, arbitrary: fc.nat(20) },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (script) => {
        let driver = open();
        const pool = await pooled(driver);
        const held: InterfaceAddress[] = [];
        for (const one of script) {
          if (one === 'restart') {
            driver = open();
            driver.restore('lab', pool, held.map(addressOf));
          } else if (typeof one === 'number') {
            const [released] = held.splice(one, 1);
            if (released !== undefined) driver.releaseAddress(pool, addressOf(released));
          } else if (BigInt(driver.status(pool, one).leased) === driver.status(pool, one).capacity) {
            await expect(ask(driver, pool, one)).rejects.toMatchObject({ code: 'exhausted' });
          } else {
            const leased = await ask(driver, pool, one);
            expect(held).not.toContain(leased);
            expect(addressOf(leased)).not.toBe(pool.gateway);
            const value = toInteger(addressOf(leased));
            expect(value).toBeGreaterThanOrEqual(toInteger(one.first));
            expect(value).toBeLessThanOrEqual(toInteger(one.last));
            held.push(leased);
          }
        }
        expect(driver.status(pool).leased).toBe(held.length + 1);
      }),
    );
  });

  test('refuses a range outside the subnet', async () => {
    const driver = open();
    const pool = await pooled(driver);
    await expect(ask(driver, pool, between(9, 20))).rejects.toMatchObject({ code: 'invalid_parameter' });
    expect(driver.status(pool).leased).toBe(1);
  });

  test('gives pools that do not overlap, and refuses one that would', async () => {
    const driver = open();
    const chosen = await pooled(driver, {});
    await expect(driver.requestPool({ ...request, subnet: chosen.subnet })).rejects.toMatchObject({
      code: 'conflict',
    });
    driver.releasePool(chosen);
    expect(await pooled(driver, { subnet: chosen.subnet })).toEqual(chosen);
  });

  test('gives the address asked for, once', async () => {
    const driver = open();
    const pool = await pooled(driver);
    const wanted = addressOf('10.88.0.9/28' as InterfaceAddress);
    expect(await ask(driver, pool, wanted)).toBe('10.88.0.9/28');
    await expect(ask(driver, pool, wanted)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('tells what is leased', async () => {
    const driver = open();
    const pool = await pooled(driver);
    const leased = addressOf(await ask(driver, pool));
    expect(driver.holds(pool, leased)).toBe(true);
    if (pool.gateway !== undefined) expect(driver.holds(pool, pool.gateway)).toBe(false);
    driver.releaseAddress(pool, leased);
    expect(driver.holds(pool, leased)).toBe(false);
    driver.releasePool(pool);
    expect(driver.holds(pool, leased)).toBe(false);
  });
});
