import { describe, expect, test } from 'vitest';
import type { InterfaceAddress } from '../../../src/base/cidr.ts';
import { resultRoutes } from '../../../src/cni/plan-addresses.ts';
import { default4, default6, fixed, hostLocal, ips, plan, v4, v6 } from './requests.ts';

const addresses = (...texts: string[]) => texts as InterfaceAddress[];

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
