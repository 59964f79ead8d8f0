import { describe, expect, test } from 'vitest';
import type { InterfaceAddress } from '../../../src/base/cidr.ts';
import type { AddressPlan } from '../../../src/cni/address-plan.ts';
import { type PlanInput, planAddresses, resultIps, resultRoutes } from '../../../src/cni/plan-addresses.ts';
import { cniError, config, type RequestOptions } from './requests.ts';

function plan(keys: object, options?: RequestOptions, input?: PlanInput): AddressPlan {
  return planAddresses(config(keys, options), input);
}

const v4 = { subnet: '10.9.0.0/24' };
const v6 = { subnet: 'fd99::/64' };
const [default4, default6] = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }];
const hostLocal = (ipam: object, keys: object = {}) => ({
  isGateway: true,
  ...keys,
  ipam: { type: 'host-local', ...ipam },
});
const fixed = (ipam: object, keys: object = {}) => ({ ...keys, ipam: { type: 'static', ...ipam } });
const addresses = (...texts: string[]) => texts as InterfaceAddress[];
const ips = (...texts: string[]) => ({ runtimeConfig: { ips: texts } });

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

describe('routes', () => {
  const dual = { ranges: [[v4], [v6]] };
  const endpoint = (routes: object[], keys: object = {}) =>
    plan(hostLocal({ ...dual, routes }, keys)).endpoint;

  test('make no default route of their own', () => {
    expect(endpoint([])).toMatchObject({ gateways: {} });
    expect(endpoint([default6]).gateways).toEqual({ ipv6: 'fd99::1' });
  });

  test('of an isDefaultGateway are default ones, for the families there are', () => {
    const added = plan(
      hostLocal({ ...dual, routes: [default6] }, { isGateway: false, isDefaultGateway: true }),
    );
    expect(added.endpoint.gateways).toEqual({ ipv4: '10.9.0.1', ipv6: 'fd99::1' });
    expect(resultRoutes(added, addresses('10.9.0.5/24', 'fd99::5/64'))).toEqual([
      default6,
      { dst: '0.0.0.0/0', gw: '10.9.0.1' },
    ]);
    const single = plan(hostLocal({ ranges: [[v4]] }, { isDefaultGateway: true }));
    expect(single.endpoint.gateways).toEqual({ ipv4: '10.9.0.1' });
    expect(single.addedDefaults).toEqual([4]);
  });

  test('by a gateway of their own count', () => {
    const own = { dst: '0.0.0.0/0', gw: '10.9.0.9' };
    expect(endpoint([own]).gateways).toEqual({ ipv4: '10.9.0.9' });
    expect(endpoint([default4, own], { isDefaultGateway: true }).gateways).toEqual({
      ipv4: '10.9.0.9',
      ipv6: 'fd99::1',
    });
  });

  test('lead by the gateway of their family, by one of their own, or on the link', () => {
    const routes = [
      { dst: '10.1.0.0/16' },
      { dst: 'fd01::/64', gw: 'fd99::9' },
      { dst: '10.2.0.0/16', scope: 253 },
      { dst: '10.3.0.0/16', mtu: 1300, advmss: 1200, priority: 5, table: 0, scope: 0 },
    ];
    expect(endpoint(routes).routes).toEqual([
      { destination: '10.1.0.0/16', gateway: '10.9.0.1' },
      { destination: 'fd01::/64', gateway: 'fd99::9' },
      { destination: '10.2.0.0/16', scope: 253 },
      {
        destination: '10.3.0.0/16',
        gateway: '10.9.0.1',
        mtuBytes: 1300,
        advertisedMssBytes: 1200,
        metric: 5,
        table: 0,
        scope: 0,
      },
    ]);
  });

  test('to everywhere with attributes of their own stand beside the default ones', () => {
    const routes = [default4, { ...default4, priority: 50 }, { ...default4, table: 100, gw: '10.9.0.9' }];
    expect(endpoint(routes)).toMatchObject({
      gateways: { ipv4: '10.9.0.1' },
      routes: [
        { destination: '0.0.0.0/0', gateway: '10.9.0.1', metric: 50 },
        { destination: '0.0.0.0/0', gateway: '10.9.0.9', table: 100 },
      ],
    });
    expect(endpoint([{ ...default4, table: 254, scope: 0 }]).gateways).toEqual({ ipv4: '10.9.0.1' });
  });

  test('of a family without addresses are left out', () => {
    const single = plan(hostLocal({ ranges: [[v4]], routes: [default4, default6, { dst: 'fd01::/64' }] }));
    expect(single.endpoint).toMatchObject({ gateways: { ipv4: '10.9.0.1' } });
    expect(single.endpoint).not.toHaveProperty('routes');
    expect(single.routes).toEqual([default4]);
  });

  test('without any gateway lead straight on the link', () => {
    const keys = fixed({
      addresses: [{ address: '10.9.0.5/24' }],
      routes: [default4, { dst: '10.1.0.0/16' }],
    });
    expect(plan(keys).endpoint).toMatchObject({
      gateways: {},
      routes: [{ destination: '0.0.0.0/0' }, { destination: '10.1.0.0/16' }],
    });
  });

  describe('where an address may be of several subnets', () => {
    const ranges = [[v4, { subnet: '10.8.0.0/24' }]];

    test('are the network’s', () => {
      expect(plan(hostLocal({ ranges, routes: [default4] })).endpoint).not.toHaveProperty('gateways');
      expect(plan(hostLocal({ ranges })).endpoint.gateways).toEqual({});
    });

    test('are known when the address is', () => {
      const keys = { ...hostLocal({ ranges, routes: [default4] }), ...ips('10.8.0.5') };
      expect(plan(keys).endpoint.gateways).toEqual({ ipv4: '10.8.0.1' });
    });

    test.each([
      ['the network has no gateway', { ranges, routes: [default4] }, { isGateway: false }],
      ['another family has no default route', { ranges: [...ranges, [v6]], routes: [default4] }, {}],
      ['a route is no default route', { ranges, routes: [{ dst: '10.1.0.0/16' }] }, {}],
    ])('are refused when %s', (_, ipam, keys) => {
      expect(() => plan(hostLocal(ipam, keys))).toThrow(
        expect.objectContaining({
          code: 'not_implemented',
          message: expect.stringContaining('10.9.0.1, 10.8.0.1'),
        }),
      );
    });
  });
});

describe('addresses of static', () => {
  const both = { addresses: [{ address: '10.9.0.5/24', gateway: '10.9.0.9' }, { address: 'fd99::5/64' }] };

  test('are given as they are where the bridge is no gateway', () => {
    const given = plan(fixed({ ...both, routes: [default4], dns: { nameservers: ['10.9.0.9'] } }));
    expect(given).toMatchObject({
      source: 'static',
      pools: [],
      endpoint: { leases: [], given: ['10.9.0.5/24', 'fd99::5/64'], gateways: { ipv4: '10.9.0.9' } },
      dns: { nameservers: ['10.9.0.9'] },
    });
    expect(resultIps(given, addresses('10.9.0.5/24', 'fd99::5/64'), 2)).toEqual([
      { address: '10.9.0.5/24', gateway: '10.9.0.9', interface: 2 },
      { address: 'fd99::5/64', interface: 2 },
    ]);
  });

  test('are leases of their subnets where it is one', () => {
    expect(plan(fixed(both, { isGateway: true }))).toMatchObject({
      pools: [
        { subnet: '10.9.0.0/24', gateway: '10.9.0.9', reserved: {} },
        { subnet: 'fd99::/64', gateway: 'fd99::1', reserved: {} },
      ],
      endpoint: { leases: ['10.9.0.5', 'fd99::5'], gateways: {} },
    });
  });

  test.each([
    ['alone in their subnet', '10.9.0.5/32', undefined],
    ['apart from their gateway', '10.9.0.5/24', '169.254.1.1'],
  ])('that are %s stay given', (_, address, gateway) => {
    const keys = fixed({ addresses: [{ address, gateway }], routes: [default4] }, { isGateway: true });
    const { pools, endpoint } = plan(keys);
    expect(pools).toEqual([]);
    expect(endpoint).toMatchObject({ leases: [], given: [address] });
    expect(endpoint.gateways).toEqual(gateway === undefined ? {} : { ipv4: gateway });
  });

  test('beside a parent are given', () => {
    const keys = fixed(both, { driver: 'macvlan', isGateway: true });
    expect(plan(keys).endpoint.given).toHaveLength(2);
  });

  test('asked for stand in place of the configured ones', () => {
    const env = { environment: { CNI_ARGS: 'IP=10.9.0.6,10.7.0.6/16;GATEWAY=10.7.0.1,10.6.0.1' } };
    const { endpoint, gateways } = plan(fixed(both), env);
    expect(endpoint.given).toEqual(['10.9.0.6/24', '10.7.0.6/16']);
    expect(gateways).toEqual([
      { subnet: '10.9.0.0/24', gateway: '10.9.0.9' },
      { subnet: '10.7.0.0/16', gateway: '10.7.0.1' },
    ]);
  });

  test.each([
    [fixed({}), 'ipam\\.type static gives no address'],
    [fixed({ addresses: [{}] }), 'ipam\\.addresses\\[0\\]\\.address is missing'],
    [
      { ...fixed(both), ...ips('10.6.0.5') },
      'address 10\\.6\\.0\\.5 has no prefix length and is in no subnet',
    ],
    [
      fixed({ addresses: [{ address: '10.9.0.1/24' }] }, { isGateway: true }),
      'address 10\\.9\\.0\\.1/24 is that of the gateway',
    ],
    [
      fixed(
        { addresses: [{ address: '10.9.0.5/24' }, { address: '10.9.0.6/24', gateway: '10.9.0.9' }] },
        { isGateway: true },
      ),
      'subnet 10\\.9\\.0\\.0/24 has several gateways \\(10\\.9\\.0\\.1, 10\\.9\\.0\\.9\\)',
    ],
    [
      {
        ...fixed({ addresses: [{ address: '10.9.0.5/24' }, { address: '10.8.0.5/24' }] }),
        cniVersion: '0.2.0',
      },
      'one IPv4 address, not 2',
    ],
  ])('of %j are refused', (keys, message) => {
    expect(() => plan(keys)).toThrow(cniError(7, new RegExp(message)));
  });
});

describe('addresses of another IPAM plugin', () => {
  const keys = { isDefaultGateway: true, ipam: { type: 'dhcp' } };
  const printed = {
    cniVersion: '1.1.0',
    ips: [{ address: '10.9.0.5/24', gateway: '10.9.0.1' }],
    routes: [{ dst: '10.1.0.0/16' }],
    dns: { nameservers: ['10.9.0.1'] },
  };

  test('are taken from what it printed', () => {
    expect(plan(keys, {}, { delegated: JSON.stringify(printed) })).toMatchObject({
      source: 'delegated',
      pools: [{ subnet: '10.9.0.0/24', gateway: '10.9.0.1', reserved: {} }],
      endpoint: {
        leases: ['10.9.0.5'],
        gateways: { ipv4: '10.9.0.1' },
        routes: [{ destination: '10.1.0.0/16', gateway: '10.9.0.1' }],
      },
      dns: { nameservers: ['10.9.0.1'] },
    });
  });

  test('may be printed in the version of the configuration', () => {
    const old = JSON.stringify({ ip4: { ip: '10.9.0.5/24' } });
    expect(plan({ ...keys, cniVersion: '0.2.0' }, {}, { delegated: old }).endpoint.leases).toEqual([
      '10.9.0.5',
    ]);
  });

  test.each([
    [undefined, 7, 'the result of ipam\\.type dhcp is missing'],
    ['oops', 6, 'the result of ipam\\.type dhcp is not JSON'],
    ['{"cniVersion":"1.1.0"}', 7, 'ipam\\.type dhcp gives no address'],
  ])('that are %j are refused', (delegated, code, message) => {
    const input = delegated === undefined ? {} : { delegated };
    expect(() => plan(keys, {}, input)).toThrow(cniError(code, new RegExp(message)));
  });
});

describe('addresses of the daemon’s own pools', () => {
  const pools = [
    { subnet: '10.9.0.0/24', gateway: '10.9.0.1' },
    { subnet: 'fd99::/64', gateway: 'fd99::1' },
  ] as unknown as NonNullable<PlanInput['pools']>;

  test.each([
    { network: 'office' },
    { network: 'office', ipam: { type: 'fairlead' } },
    { ipam: { type: 'fairlead' } },
  ])('of %j are one of each, by the gateways there are', (keys) => {
    const own = plan(keys, {}, { pools });
    expect(own).toMatchObject({ source: 'fairlead', pools: [], endpoint: {} });
    expect(Object.keys(own.endpoint)).toEqual([]);
    expect(resultIps(own, addresses('10.9.0.5/24', 'fd99::5/64'), 0).map(({ gateway }) => gateway)).toEqual([
      '10.9.0.1',
      'fd99::1',
    ]);
  });

  test('may be asked for', () => {
    expect(plan({ network: 'office', ...ips('10.9.0.5') }, {}, { pools }).endpoint).toEqual({
      addresses: ['10.9.0.5'],
    });
  });

  test('with routes have no others', () => {
    const keys = { ipam: { type: 'fairlead', routes: [default6, { dst: '10.1.0.0/16' }] } };
    expect(plan(keys, {}, { pools }).endpoint).toEqual({
      gateways: { ipv6: 'fd99::1' },
      routes: [{ destination: '10.1.0.0/16', gateway: '10.9.0.1' }],
    });
  });

  test('cannot be had from another IPAM', () => {
    expect(() => plan({ network: 'office', ...hostLocal(v4) })).toThrow(
      cniError(7, /ipam\.type: host-local cannot be had on network office/),
    );
  });
});

describe('a configuration without ipam', () => {
  test.each([{}, { ipam: {} }, { ipam: null }, { ipam: { type: '' } }])(
    'like %j gives no addresses',
    (keys) => {
      expect(plan(keys)).toMatchObject({
        source: 'none',
        pools: [],
        endpoint: { leases: [], gateways: {} },
        routes: [],
      });
    },
  );

  test('refuses an address that is asked for', () => {
    expect(() => plan(ips('10.9.0.5'))).toThrow(
      cniError(7, /address 10\.9\.0\.5 is asked for, but .* no ipam/),
    );
  });

  test('alone may leave the interface down', () => {
    expect(plan({ disableContainerInterface: true }).source).toBe('none');
    expect(() => plan({ disableContainerInterface: true, ...hostLocal(v4) })).toThrow(
      cniError(7, /disableContainerInterface and ipam exclude each other/),
    );
  });
});

test('DNS settings of the configuration count before those of its IPAM', () => {
  const keys = fixed({
    addresses: [{ address: '10.9.0.5/24' }],
    dns: { nameservers: ['1.1.1.1'] },
    resolvConf: '/etc/x',
  });
  expect(plan(keys)).toMatchObject({ dns: { nameservers: ['1.1.1.1'] }, resolvConf: '/etc/x' });
  expect(plan({ ...keys, dns: { search: ['lab'] } }).dns).toEqual({ search: ['lab'] });
});
