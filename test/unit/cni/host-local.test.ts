import { describe, expect, test } from 'vitest';
import { cniError, default4, default6, hostLocal, ips, plan, v4, v6 } from './requests.ts';

describe('addresses of host-local', () => {
  test('are one of each set of ranges, the gateway being on the bridge', () => {
    const keys = hostLocal({ ranges: [[v4], [v6]], routes: [default4, default6] });
    expect(plan(keys)).toMatchObject({
      source: 'host-local',
      pools: [
        { subnet: '10.9.0.0/24', gateway: '10.9.0.1', reserved: {} },
        { subnet: 'fd99::/64', gateway: 'fd99::1', reserved: {} },
      ],
      endpoint: {
        leases: [
          [{ first: '10.9.0.1', last: '10.9.0.254' }],
          [{ first: 'fd99::1', last: 'fd99::ffff:ffff:ffff:ffff' }],
        ],
        gateways: { ipv4: '10.9.0.1', ipv6: 'fd99::1' },
      },
      routes: [default4, default6],
    });
  });

  test('come from the ranges of the runtime, then the single one, then the others', () => {
    const keys = {
      ...hostLocal({
        subnet: '10.2.0.0/24',
        rangeStart: '10.2.0.5',
        rangeEnd: '10.2.0.6',
        ranges: [[{ subnet: '10.3.0.0/24' }]],
      }),
      runtimeConfig: { ipRanges: [[{ subnet: '10.1.0.0/24', gateway: '10.1.0.254' }]] },
    };
    expect(plan(keys).pools.map(({ gateway }) => gateway)).toEqual(['10.1.0.254', '10.2.0.1', '10.3.0.1']);
    expect(plan(keys).endpoint.leases?.[1]).toEqual([{ first: '10.2.0.5', last: '10.2.0.6' }]);
  });

  test('may be of several ranges in one subnet', () => {
    const ranges = [
      [
        { ...v4, rangeStart: '10.9.0.5', rangeEnd: '10.9.0.9' },
        { ...v4, rangeStart: '10.9.0.20', rangeEnd: '10.9.0.29' },
      ],
    ];
    expect(plan(hostLocal({ ranges, routes: [default4] }))).toMatchObject({
      pools: [{ subnet: '10.9.0.0/24', gateway: '10.9.0.1' }],
      endpoint: {
        leases: [
          [
            { first: '10.9.0.5', last: '10.9.0.9' },
            { first: '10.9.0.20', last: '10.9.0.29' },
          ],
        ],
        gateways: { ipv4: '10.9.0.1' },
      },
    });
  });

  test('keep the gateway free where the bridge is not to have it', () => {
    const keys = hostLocal(
      { ranges: [[{ ...v4, gateway: '10.9.0.7' }]], routes: [default4] },
      { isGateway: false },
    );
    expect(plan(keys)).toMatchObject({
      pools: [{ subnet: '10.9.0.0/24', withoutGateway: true, reserved: { gateway: '10.9.0.7' } }],
      endpoint: { gateways: { ipv4: '10.9.0.7' } },
    });
    expect(plan(keys).pools[0]).not.toHaveProperty('gateway');
  });

  test('beside a parent have the gateway of its network', () => {
    const keys = hostLocal({ ranges: [[v4]], routes: [default4] }, { driver: 'macvlan', isGateway: false });
    expect(plan(keys)).toMatchObject({
      pools: [{ subnet: '10.9.0.0/24', gateway: '10.9.0.1' }],
      endpoint: { gateways: { ipv4: '10.9.0.1' } },
    });
  });

  test('may have a gateway outside their subnet, if it is not ours', () => {
    const ranges = [[{ ...v4, gateway: '10.1.1.1' }]];
    expect(plan(hostLocal({ ranges }, { isGateway: false })).pools).toEqual([
      { subnet: '10.9.0.0/24', withoutGateway: true, reserved: {} },
    ]);
    expect(() => plan(hostLocal({ ranges }))).toThrow(
      cniError(7, /gateway 10\.1\.1\.1 is outside subnet 10\.9\.0\.0\/24/),
    );
  });

  test.each([
    ['a prefix', ips('fd99::5/64', '10.9.0.5/16'), {}],
    ['none', ips('fd99::5', '10.9.0.5'), {}],
    ['one in CNI_ARGS', {}, { environment: { CNI_ARGS: 'IP=fd99::5,10.9.0.5' } }],
  ])('asked for with %s are those of their sets', (_, keys, options) => {
    const { leases } = plan({ ...hostLocal({ ranges: [[v4], [v6]] }), ...keys }, options).endpoint;
    expect(leases).toEqual(['10.9.0.5', 'fd99::5']);
  });

  test('asked for leave the other sets to chance', () => {
    const ranges = [[v4], [{ subnet: '10.8.0.0/24' }]];
    const { leases } = plan({ ...hostLocal({ ranges }), ...ips('10.8.0.5') }).endpoint;
    expect(leases).toEqual([[{ first: '10.9.0.1', last: '10.9.0.254' }], '10.8.0.5']);
  });

  test.each([
    [
      ['10.7.0.5'],
      'address 10\\.7\\.0\\.5 is in none of the ranges: 10\\.9\\.0\\.1-10\\.9\\.0\\.254, fd99::1-',
    ],
    [['10.9.0.255'], 'address 10\\.9\\.0\\.255 is in none of the ranges'],
    [['10.9.0.1'], 'address 10\\.9\\.0\\.1 is the gateway of 10\\.9\\.0\\.0/24'],
    [['10.9.0.5', '10.9.0.6'], 'addresses 10\\.9\\.0\\.5 and 10\\.9\\.0\\.6 are of one set'],
  ])('asked for as %j are refused', (wanted, message) => {
    expect(() => plan({ ...hostLocal({ ranges: [[v4], [v6]] }), ...ips(...wanted) })).toThrow(
      cniError(7, new RegExp(message)),
    );
  });

  test.each([
    [{}, 'neither subnet nor ranges'],
    [{ ranges: [] }, 'neither subnet nor ranges'],
    [{ rangeStart: '10.9.0.5' }, 'ipam\\.rangeStart has no meaning without ipam\\.subnet'],
    [{ ranges: [[]] }, 'set of ranges is empty'],
    [{ ranges: [[{}]] }, 'ipam\\.ranges\\[0\\]\\[0\\]\\.subnet is missing'],
    [{ ranges: [[v4, v6]] }, 'are of two families'],
    [{ subnet: '10.9.0.0/31' }, 'ipam\\.subnet: 10\\.9\\.0\\.0/31 is too small'],
    [{ subnet: '10.9.0.1/32' }, '/32 is too small'],
    [{ subnet: 'fd99::/127' }, '/127 is too small'],
    [{ subnet: 'fd99::1/128' }, '/128 is too small'],
    [
      { ...v4, rangeStart: '10.8.0.5' },
      'ipam\\.rangeStart: "10\\.8\\.0\\.5" is not in subnet 10\\.9\\.0\\.0/24',
    ],
    [{ ...v4, rangeEnd: 'fd99::5' }, 'ipam\\.rangeEnd: "fd99::5" is not in subnet'],
    [{ ...v4, rangeStart: '10.9.0.9', rangeEnd: '10.9.0.5' }, 'rangeStart: 10\\.9\\.0\\.9 is behind the end'],
    [{ ...v4, gateway: 'fd99::1' }, 'ipam\\.gateway: "fd99::1" is not an IPv4 address'],
    [{ ranges: [[v4], [v4]] }, 'range 10\\.9\\.0\\.1-10\\.9\\.0\\.254 of .* overlaps'],
    [{ ranges: [[{ ...v4, rangeStart: '10.9.0.5', rangeEnd: '10.9.0.9' }], [v4]] }, 'overlaps'],
    [{ ranges: [[v4, { ...v4, rangeStart: '10.9.0.5' }]] }, 'overlaps'],
    [
      {
        ranges: [
          [
            { ...v4, rangeEnd: '10.9.0.9' },
            { ...v4, rangeStart: '10.9.0.10', gateway: '10.9.0.9' },
          ],
        ],
      },
      'several gateways \\(10\\.9\\.0\\.1, 10\\.9\\.0\\.9\\)',
    ],
  ])('of %j are refused', (ipam, message) => {
    expect(() => plan(hostLocal(ipam))).toThrow(cniError(7, new RegExp(message)));
  });

  test('of a subnet with host bits are refused', () => {
    expect(() => plan(hostLocal({ subnet: '10.9.0.1/24' }))).toThrow(
      /ipam\.subnet: 10\.9\.0\.1\/24 has host bits set/,
    );
  });

  test('before CNI 0.3.0 are one of each family', () => {
    const old = { cniVersion: '0.2.0' };
    expect(plan({ ...hostLocal({ ranges: [[v4], [v6]] }), ...old }).pools).toHaveLength(2);
    const two = hostLocal({ ranges: [[v4], [{ subnet: '10.8.0.0/24' }]] });
    expect(() => plan({ ...two, ...old })).toThrow(cniError(7, /one IPv4 address, not 2/));
  });
});
