import { describe, expect, test } from 'vitest';
import { type Cidr, type IpAddress, parseCidr, parseIp } from '../../../src/base/cidr.ts';
import { DefaultIpam } from '../../../src/ipam/default-ipam.ts';
import { ForeignIpam } from '../../../src/ipam/foreign-ipam.ts';
import type { LeaseRange, PoolRequest } from '../../../src/ipam/ipam-driver.ts';
import { NullIpam } from '../../../src/ipam/null-ipam.ts';
import { parsePoolSpace } from '../../../src/ipam/pool-allocator.ts';

const cidr = (text: string): Cidr => parseCidr(text, 'test');
const ip = (text: string): IpAddress => parseIp(text, 'test');

function ipam({ pools = [] as string[], host = [] as string[] } = {}): DefaultIpam {
  return new DefaultIpam({
    pools: pools.map((text) => parsePoolSpace(text, '--pool')),
    hostSubnets: async () => host.map(cidr),
    ulaPrefix: cidr('fd12:3456:789a::/48'),
  });
}

interface Asked {
  readonly family?: 4 | 6;
  readonly subnet?: string;
  readonly range?: string;
  readonly gateway?: string;
  readonly reserved?: Record<string, string>;
  readonly wantsGateway?: boolean;
  readonly networkName?: string;
}

function request({
  family,
  subnet,
  range,
  gateway,
  reserved = {},
  wantsGateway = true,
  networkName = 'lab',
}: Asked): PoolRequest {
  return {
    family: family ?? (subnet?.includes(':') ? 6 : 4),
    ...(subnet === undefined ? {} : { subnet: cidr(subnet) }),
    ...(range === undefined ? {} : { range: cidr(range) }),
    ...(gateway === undefined ? {} : { gateway: ip(gateway) }),
    reserved: Object.fromEntries(Object.entries(reserved).map(([name, text]) => [name, ip(text)])),
    wantsGateway,
    networkName,
  };
}

type Pool = Awaited<ReturnType<DefaultIpam['requestPool']>>;

const lease = (driver: DefaultIpam, pool: Pool, count: number, range?: LeaseRange) =>
  Array.from({ length: count }, () => driver.requestAddress(pool, range));

const between = (first: string, last: string): LeaseRange => ({ first: ip(first), last: ip(last) });

describe('subnets', () => {
  test('are the first free of the default pools, apart from what the host and other networks use', async () => {
    const driver = ipam({
      host: ['10.209.0.0/24', '10.209.2.53/32', '0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1'],
    });
    expect((await driver.requestPool(request({}))).subnet).toBe('10.209.1.0/24');
    expect((await driver.requestPool(request({}))).subnet).toBe('10.209.3.0/24');
    await driver.requestPool(request({ subnet: '10.209.4.0/22' }));
    expect((await driver.requestPool(request({}))).subnet).toBe('10.209.8.0/24');
  });

  test('go on in the next default pool when a route covers the first', async () => {
    const driver = ipam({ host: ['10.0.0.0/8', '172.16.0.0/12'] });
    expect((await driver.requestPool(request({}))).subnet).toBe('192.168.192.0/24');
  });

  test('of IPv6 are /64s of the ULA prefix', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ family: 6 }));
    expect(pool).toEqual({ subnet: 'fd12:3456:789a::/64', gateway: 'fd12:3456:789a::1', reserved: {} });
    expect((await driver.requestPool(request({ family: 6 }))).subnet).toBe('fd12:3456:789a:1::/64');
  });

  test('asked for at once are different', async () => {
    const driver = ipam();
    const pools = await Promise.all(Array.from({ length: 20 }, () => driver.requestPool(request({}))));
    expect(new Set(pools.map((pool) => pool.subnet)).size).toBe(20);
  });

  test('when used up: the error names the pools, the networks and the routes in the way', async () => {
    const driver = ipam({ pools: ['10.1.0.0/23,24'], host: ['10.1.1.0/28', '10.7.0.0/16'] });
    await driver.requestPool(request({ networkName: 'old' }));
    await expect(driver.requestPool(request({}))).rejects.toMatchObject({
      code: 'exhausted',
      message:
        'network lab: no subnet is left in the default pools 10.1.0.0/23 (held by networks old; used by the host 10.1.1.0/28)',
    });
  });

  test('that overlap are refused, naming both and the network', async () => {
    const driver = ipam();
    await driver.requestPool(request({ subnet: '10.88.0.0/16', networkName: 'old' }));
    await expect(driver.requestPool(request({ subnet: '10.88.5.0/24' }))).rejects.toMatchObject({
      code: 'conflict',
      message: 'network lab: subnet 10.88.5.0/24 overlaps 10.88.0.0/16 of network old',
    });
  });

  test('that are released can be had again', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ subnet: '10.88.0.0/16' }));
    driver.releasePool(pool);
    driver.releasePool(pool);
    await expect(driver.requestPool(request({ subnet: '10.88.0.0/16' }))).resolves.toEqual(pool);
  });

  test.each<[string, Asked, string]>([
    [
      'a gateway outside',
      { subnet: '10.0.0.0/24', gateway: '10.0.1.1' },
      'gateway: 10.0.1.1 is outside subnet 10.0.0.0/24',
    ],
    [
      'a gateway of the other family',
      { subnet: '10.0.0.0/24', gateway: '::a00:1' },
      'gateway: ::a00:1 is outside subnet',
    ],
    [
      'the network address as gateway',
      { subnet: '10.0.0.0/24', gateway: '10.0.0.0' },
      'is the network address of 10.0.0.0/24',
    ],
    [
      'the broadcast address as gateway',
      { subnet: '10.0.0.0/24', gateway: '10.0.0.255' },
      'is the broadcast address of',
    ],
    [
      'the anycast address as gateway',
      { subnet: 'fd00::/64', gateway: 'fd00::' },
      'is the subnet-router anycast address of',
    ],
    [
      'a range outside',
      { subnet: '10.0.0.0/24', range: '10.0.1.0/28' },
      'range 10.0.1.0/28 is outside subnet 10.0.0.0/24',
    ],
    ['a range larger than the subnet', { subnet: '10.0.0.0/24', range: '10.0.0.0/16' }, 'is outside subnet'],
    [
      'a range of the network address',
      { subnet: '10.0.0.0/24', range: '10.0.0.0/32' },
      'has no usable address',
    ],
    [
      'a reserved address outside',
      { subnet: '10.0.0.0/24', reserved: { a: '10.1.0.1' } },
      'reserved address a: 10.1.0.1 is outside',
    ],
    [
      'one address reserved twice',
      { subnet: '10.0.0.0/24', reserved: { a: '10.0.0.9', b: '10.0.0.9' } },
      'b: 10.0.0.9 is also reserved as a',
    ],
    [
      'the gateway reserved',
      { subnet: '10.0.0.0/24', gateway: '10.0.0.9', reserved: { a: '10.0.0.9' } },
      'is also the gateway',
    ],
    ['a subnet of the other family', { subnet: '10.0.0.0/24', family: 6 }, 'is not an IPv6 subnet'],
    ['loopback', { subnet: '127.5.0.0/16' }, 'overlaps 127.0.0.0/8 (loopback)'],
    ['everything', { subnet: '0.0.0.0/0' }, 'which no network can use'],
    ['multicast', { subnet: 'ff05::/64' }, '(multicast)'],
    ['IPv4-mapped space', { subnet: '::/64' }, 'which no network can use'],
    [
      'a gateway without its subnet',
      { gateway: '10.0.0.1' },
      '10.0.0.1 is given without the subnet it is in',
    ],
    [
      'a subnet all reserved',
      { subnet: '10.0.0.0/32', reserved: { a: '10.0.0.0' } },
      'leave none of subnet 10.0.0.0/32 for the gateway',
    ],
  ])('refuse %s', async (_, asked, message) => {
    await expect(ipam().requestPool(request(asked))).rejects.toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringContaining(message),
    });
  });
});

describe('addresses', () => {
  test.each<[string, Asked, string[]]>([
    [
      'a /29',
      { subnet: '10.88.0.0/29' },
      ['10.88.0.2/29', '10.88.0.3/29', '10.88.0.4/29', '10.88.0.5/29', '10.88.0.6/29'],
    ],
    ['a /30 with its gateway at the end', { subnet: '10.0.0.0/30', gateway: '10.0.0.2' }, ['10.0.0.1/30']],
    ['a /31 without gateway', { subnet: '10.0.0.0/31', wantsGateway: false }, ['10.0.0.0/31', '10.0.0.1/31']],
    ['a /31 with gateway', { subnet: '10.0.0.0/31' }, ['10.0.0.1/31']],
    ['a /32', { subnet: '10.0.0.9/32', wantsGateway: false }, ['10.0.0.9/32']],
    ['a /127', { subnet: 'fd00::/127' }, ['fd00::1/127']],
    ['a /128', { subnet: 'fd00::7/128', wantsGateway: false }, ['fd00::7/128']],
    ['a /126', { subnet: 'fd00::/126' }, ['fd00::2/126', 'fd00::3/126']],
    [
      'a range',
      { subnet: '10.0.0.0/24', range: '10.0.0.8/30' },
      ['10.0.0.8/24', '10.0.0.9/24', '10.0.0.10/24', '10.0.0.11/24'],
    ],
    ['a range at the start', { subnet: '10.0.0.0/24', range: '10.0.0.0/30' }, ['10.0.0.2/24', '10.0.0.3/24']],
    [
      'a range with a reserved address',
      { subnet: '10.0.0.0/24', range: '10.0.0.8/31', reserved: { a: '10.0.0.8' } },
      ['10.0.0.9/24'],
    ],
  ])('of %s are given until the last', async (_, asked, expected) => {
    const driver = ipam();
    const pool = await driver.requestPool(request(asked));
    expect(lease(driver, pool, expected.length)).toEqual(expected);
    const { leased, capacity } = driver.status(pool);
    expect(BigInt(leased)).toBe(capacity);
    expect(() => driver.requestAddress(pool)).toThrow(`is full (${capacity} of ${capacity} leased`);
  });

  test('of a full pool: the error counts them and names unused networks that hold pools', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ subnet: '10.88.0.0/29', networkName: 'web' }));
    await driver.requestPool(request({ subnet: '10.89.0.0/24', networkName: 'lab' }));
    await driver.requestPool(
      request({ subnet: '10.90.0.0/24', networkName: 'old', reserved: { a: '10.90.0.9' } }),
    );
    const busy = await driver.requestPool(request({ subnet: '10.91.0.0/24', networkName: 'busy' }));
    lease(driver, busy, 1);
    lease(driver, pool, 5);
    expect(() => driver.requestAddress(pool)).toThrow(
      'pool 10.88.0.0/29 is full (6 of 6 leased; unused networks that hold pools: lab, old)',
    );
  });

  test('that are released are the last to be given again', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ subnet: '10.0.0.0/29' }));
    lease(driver, pool, 3);
    driver.releaseAddress(pool, ip('10.0.0.4'));
    driver.releaseAddress(pool, ip('10.0.0.2'));
    driver.releaseAddress(pool, ip('10.0.0.2'));
    expect(lease(driver, pool, 4)).toEqual(['10.0.0.5/29', '10.0.0.6/29', '10.0.0.4/29', '10.0.0.2/29']);
  });

  test('asked for by name may lie outside of the range', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ subnet: '10.0.0.0/24', range: '10.0.0.128/25' }));
    expect(driver.requestAddress(pool, ip('10.0.0.7'))).toBe('10.0.0.7/24');
    expect(() => driver.requestAddress(pool, ip('10.0.0.7'))).toThrow('is already leased');
    driver.releaseAddress(pool, ip('10.0.0.7'));
    expect(driver.requestAddress(pool, ip('10.0.0.7'))).toBe('10.0.0.7/24');
  });

  test.each([
    ['outside', '10.0.1.7', 'invalid_parameter', 'network lab: 10.0.1.7 is outside subnet 10.0.0.0/24'],
    ['of the other family', 'fd00::1', 'invalid_parameter', 'is outside subnet'],
    ['network', '10.0.0.0', 'invalid_parameter', 'is the network address of 10.0.0.0/24'],
    ['broadcast', '10.0.0.255', 'invalid_parameter', 'is the broadcast address of 10.0.0.0/24'],
    [
      'gateway',
      '10.0.0.1',
      'invalid_parameter',
      '10.0.0.1 is the gateway in pool 10.0.0.0/24 of network lab',
    ],
    ['reserved', '10.0.0.9', 'conflict', '10.0.0.9 is reserved as router in pool 10.0.0.0/24'],
    ['leased', '10.0.0.2', 'conflict', '10.0.0.2 is already leased from pool 10.0.0.0/24 of network lab'],
  ])('that are %s are refused', async (_, wanted, code, message) => {
    const driver = ipam();
    const pool = await driver.requestPool(
      request({ subnet: '10.0.0.0/24', reserved: { router: '10.0.0.9' } }),
    );
    lease(driver, pool, 1);
    expect(() => driver.requestAddress(pool, ip(wanted))).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test('the gateway and reserved ones stay taken whoever releases them', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ subnet: '10.0.0.0/30', reserved: { a: '10.0.0.2' } }));
    driver.releaseAddress(pool, ip('10.0.0.1'));
    driver.releaseAddress(pool, ip('10.0.0.2'));
    expect(() => driver.requestAddress(pool)).toThrow('pool 10.0.0.0/30 is full (2 of 2 leased)');
  });

  test('of a pool nobody holds are not found', () => {
    const pool = { subnet: cidr('10.0.0.0/24'), reserved: {} };
    expect(() => ipam().requestAddress(pool)).toThrow(expect.objectContaining({ code: 'not_found' }));
    ipam().releaseAddress(pool, ip('10.0.0.4'));
  });

  test('restored are never given again', async () => {
    const before = ipam();
    const pool = await before.requestPool(request({ subnet: '10.0.0.0/28', reserved: { a: '10.0.0.9' } }));
    const leased = lease(before, pool, 6).map((text) => ip(text.replace('/28', '')));
    const after = ipam();
    after.restore('lab', pool, leased);
    expect(after.status(pool)).toEqual(before.status(pool));
    const rest = lease(after, pool, 6);
    expect(new Set([...rest, ...leased.map((address) => `${address}/28`)]).size).toBe(12);
    expect(() => after.requestAddress(pool)).toThrow('14 of 14 leased');
    await expect(after.requestPool(request({ subnet: '10.0.0.0/8' }))).rejects.toThrow('of network lab');
  });

  test('of huge pools cost nothing', async () => {
    const driver = ipam();
    for (const subnet of ['10.0.0.0/8', 'fd00::/64', 'fd01:2::/32']) {
      const pool = await driver.requestPool(request({ subnet: parseCidr(subnet, 'x') }));
      lease(driver, pool, 2000);
      expect(driver.status(pool).leased).toBe(2001);
    }
  });
});

describe('ranges', () => {
  test('are each gone through in turn, released addresses last, and share what is leased', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(
      request({ subnet: '10.0.0.0/24', gateway: '10.0.0.6', reserved: { a: '10.0.0.9' } }),
    );
    const low = between('10.0.0.4', '10.0.0.8');
    const high = between('10.0.0.7', '10.0.0.11');
    expect(lease(driver, pool, 2, low)).toEqual(['10.0.0.4/24', '10.0.0.5/24']);
    expect(lease(driver, pool, 2, high)).toEqual(['10.0.0.7/24', '10.0.0.8/24']);
    driver.releaseAddress(pool, ip('10.0.0.5'));
    driver.releaseAddress(pool, ip('10.0.0.4'));
    driver.releaseAddress(pool, ip('10.0.0.7'));
    expect(lease(driver, pool, 3, low)).toEqual(['10.0.0.5/24', '10.0.0.4/24', '10.0.0.7/24']);
    expect(lease(driver, pool, 2, high)).toEqual(['10.0.0.10/24', '10.0.0.11/24']);
    expect(lease(driver, pool, 3)).toEqual(['10.0.0.1/24', '10.0.0.2/24', '10.0.0.3/24']);
    expect(driver.status(pool, low)).toEqual({ leased: 5, capacity: 5n });
    expect(driver.status(pool, high)).toEqual({ leased: 5, capacity: 5n });
    expect(() => driver.requestAddress(pool, low)).toThrow(
      'range 10.0.0.4-10.0.0.8 of pool 10.0.0.0/24 is full (5 of 5 leased)',
    );
    expect(() => driver.requestAddress(pool, low)).toThrow(expect.objectContaining({ code: 'exhausted' }));
  });

  test('leave out the network and the broadcast address', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ subnet: '10.0.0.0/29', wantsGateway: false }));
    const all = between('10.0.0.0', '10.0.0.7');
    expect(driver.status(pool, all)).toEqual({ leased: 0, capacity: 6n });
    expect(lease(driver, pool, 6, all).at(-1)).toBe('10.0.0.6/29');
    expect(() => driver.requestAddress(pool, all)).toThrow('(6 of 6 leased)');
  });

  test('of a pool with a range of its own may lie outside of that one', async () => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ subnet: '10.0.0.0/24', range: '10.0.0.128/25' }));
    expect(lease(driver, pool, 1, between('10.0.0.10', '10.0.0.20'))).toEqual(['10.0.0.10/24']);
    expect(lease(driver, pool, 1)).toEqual(['10.0.0.128/24']);
  });

  test.each([
    ['ends outside the subnet', '10.0.0.250', '10.0.1.5', 'is outside subnet 10.0.0.0/24'],
    ['is of the other family', 'fd00::1', 'fd00::9', 'is outside subnet 10.0.0.0/24'],
    ['mixes families', '10.0.0.5', 'fd00::9', 'is outside subnet 10.0.0.0/24'],
    ['is the wrong way round', '10.0.0.9', '10.0.0.8', '10.0.0.9-10.0.0.8 ends before it begins'],
    ['is the broadcast address', '10.0.0.255', '10.0.0.255', 'has no usable address of subnet 10.0.0.0/24'],
  ])('are refused where one %s', async (_, first, last, message) => {
    const driver = ipam();
    const pool = await driver.requestPool(request({ subnet: '10.0.0.0/24' }));
    const refusal = expect.objectContaining({
      code: 'invalid_parameter',
      message: expect.stringMatching(new RegExp(`^network lab: range .*${message}$`)),
    });
    expect(() => driver.requestAddress(pool, between(first, last))).toThrow(refusal);
    expect(() => driver.status(pool, between(first, last))).toThrow(refusal);
    expect(driver.status(pool).leased).toBe(1);
  });

  test('go on where they were after a restart', async () => {
    const pool = await ipam().requestPool(request({ subnet: '10.0.0.0/24', gateway: '10.0.0.254' }));
    const after = ipam();
    after.restore('lab', pool, ['10.0.0.12', '10.0.0.11', '10.0.0.200'].map(ip));
    const range = between('10.0.0.10', '10.0.0.14');
    expect(lease(after, pool, 3, range)).toEqual(['10.0.0.13/24', '10.0.0.14/24', '10.0.0.10/24']);
  });

  test('of large subnets cost nothing, and can be leased to the last address', async () => {
    const driver = ipam();
    const wide = await driver.requestPool(request({ subnet: 'fd00::/64' }));
    const half = between('fd00::8000:0:0:0', 'fd00::ffff:ffff:ffff:ffff');
    lease(driver, wide, 2000, half);
    expect(driver.status(wide, half)).toEqual({ leased: 2000, capacity: 1n << 63n });
    const large = await driver.requestPool(request({ subnet: '10.0.0.0/15' }));
    const inner = between('10.0.128.0', '10.1.127.255');
    expect(new Set(lease(driver, large, 65_536, inner)).size).toBe(65_536);
    expect(() => driver.requestAddress(large, inner)).toThrow('(65536 of 65536 leased)');
  });
});

test('one network may hold several subnets of a family, each with addresses of its own', async () => {
  const driver = ipam();
  const one = await driver.requestPool(request({ subnet: '10.0.0.0/24', wantsGateway: false }));
  const two = await driver.requestPool(request({ subnet: '10.0.1.0/24', wantsGateway: false }));
  expect(one).toEqual({ subnet: '10.0.0.0/24', reserved: {} });
  expect([...lease(driver, one, 1), ...lease(driver, two, 1)]).toEqual(['10.0.0.1/24', '10.0.1.1/24']);
  driver.releasePool(one);
  expect(lease(driver, two, 1)).toEqual(['10.0.1.2/24']);
});

describe('options', () => {
  test.each([ipam(), new NullIpam(), new ForeignIpam()])('$name knows none', (driver) => {
    expect(driver.parseOptions({})).toEqual({});
    expect(() => driver.parseOptions({ size: '1' })).toThrow(
      `unknown IPAM option size: driver ${driver.name} has no options`,
    );
  });
});

describe('the null driver', () => {
  test('has no pools and refuses a subnet', async () => {
    const driver = new NullIpam();
    expect(await driver.requestPool(request({}))).toBeUndefined();
    await expect(driver.requestPool(request({ subnet: '10.0.0.0/24' }))).rejects.toMatchObject({
      code: 'invalid_parameter',
    });
  });
});

describe('the foreign driver', () => {
  test('takes subnets as they are, whoever else has them, and chooses nothing', async () => {
    const driver = new ForeignIpam();
    expect(await driver.requestPool(request({}))).toBeUndefined();
    for (let round = 0; round < 2; round++) {
      expect(await driver.requestPool(request({ subnet: '10.0.0.0/24' }))).toEqual({
        subnet: '10.0.0.0/24',
        reserved: {},
      });
    }
    for (const given of [
      { subnet: '10.0.0.0/16', gateway: '10.0.0.9' },
      { subnet: '10.0.0.5/32', gateway: '10.0.0.9' },
    ]) {
      expect(await driver.requestPool(request(given))).toEqual({ ...given, reserved: {} });
    }
  });

  test('leases nothing', async () => {
    const driver = new ForeignIpam();
    const pool = { subnet: cidr('10.0.0.0/24'), reserved: {} };
    driver.restore();
    expect(() => driver.requestAddress(pool)).toThrow(
      expect.objectContaining({
        code: 'invalid_parameter',
        message: 'the addresses of 10.0.0.0/24 are leased by somebody else',
      }),
    );
    expect(driver.holds()).toBe(true);
    expect(driver.status()).toEqual({ leased: 0, capacity: 0n });
  });

  test.each<[string, Asked, string]>([
    ['a range', { subnet: '10.0.0.0/24', range: '10.0.0.0/25' }, '10.0.0.0/25 has no meaning'],
    ['reserved addresses', { subnet: '10.0.0.0/24', reserved: { a: '10.0.0.7' } }, '10.0.0.7 has no meaning'],
    ['a gateway without its subnet', { gateway: '10.0.0.1' }, '10.0.0.1 has no meaning'],
    [
      'a gateway of the other family',
      { subnet: '10.0.0.0/24', gateway: 'fd00::1' },
      'gateway fd00::1 is not of the family of subnet 10.0.0.0/24',
    ],
    ['loopback', { subnet: '127.0.0.0/8' }, 'which no network can use'],
    ['a subnet of the other family', { subnet: '10.0.0.0/24', family: 6 }, 'is not an IPv6 subnet'],
  ])('refuses %s', async (_, asked, message) => {
    await expect(new ForeignIpam().requestPool(request(asked))).rejects.toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringContaining(message),
    });
  });
});
