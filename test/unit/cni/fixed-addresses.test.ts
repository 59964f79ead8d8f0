import { describe, expect, test } from 'vitest';
import type { InterfaceAddress } from '../../../src/base/cidr.ts';
import { resultIps } from '../../../src/cni/plan-addresses.ts';
import { cniError, default4, fixed, ips, plan } from './requests.ts';

const addresses = (...texts: string[]) => texts as InterfaceAddress[];

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
