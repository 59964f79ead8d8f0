import { describe, expect, test } from 'vitest';
import type { InterfaceAddress } from '../../../src/base/cidr.ts';
import { type PlanInput, resultIps } from '../../../src/cni/plan-addresses.ts';
import { cniError, default6, fixed, hostLocal, ips, plan, v4 } from './requests.ts';

const addresses = (...texts: string[]) => texts as InterfaceAddress[];

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

  test('before CNI 0.3.0 cannot be answered', () => {
    expect(() => plan({ cniVersion: '0.2.0' })).toThrow(cniError(1, /0\.2\.0 cannot be without addresses/));
    expect(() => plan({ cniVersion: '0.2.0', network: 'office' }, {}, { pools: [] })).toThrow(
      cniError(1, /0\.2\.0/),
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
