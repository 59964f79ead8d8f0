import { describe, expect, test } from 'vitest';
import { networkRequest } from '../../../src/cni/network-request.ts';
import { planAddresses } from '../../../src/cni/plan-addresses.ts';
import { config } from './requests.ts';

function ask(keys: object) {
  const parsed = config(keys);
  return networkRequest(parsed, planAddresses(parsed));
}

describe('the network of a configuration', () => {
  test('is a bridge with the options it describes', () => {
    const keys = { bridge: 'br9', isGateway: true, ipMasq: true, hairpinMode: true, mtu: 1400 };
    expect(ask({ ...keys, ipam: { type: 'host-local', subnet: '10.9.0.0/24' } })).toEqual({
      name: 'lab',
      driver: 'bridge',
      internal: false,
      ipv4: true,
      ipv6: false,
      pools: [{ subnet: '10.9.0.0/24', gateway: '10.9.0.1', reserved: {} }],
      options: {
        bridge: 'br9',
        masquerade: 'true',
        hairpin: 'true',
        icc: 'true',
        gateway_mode_ipv4: 'nat-unprotected',
        gateway_mode_ipv6: 'nat-unprotected',
        mtu: '1400',
      },
    });
  });

  test('is a macvlan beside its parent', () => {
    const ipam = { type: 'host-local', subnet: 'fd99::/64' };
    expect(ask({ driver: 'macvlan', master: 'eth9', mode: 'private', ipMasq: true, ipam })).toMatchObject({
      driver: 'macvlan',
      ipv4: false,
      ipv6: true,
      options: { parent: 'eth9', mode: 'private' },
    });
    expect(ask({ driver: 'macvlan' }).options).toEqual({});
  });

  test.each([
    ['open', {}, { gateway_mode_ipv4: 'nat-unprotected', icc: 'true' }],
    ['same-bridge', {}, { gateway_mode_ipv4: 'nat', icc: 'true' }],
    ['isolated', {}, { gateway_mode_ipv4: 'nat', icc: 'false' }],
    ['open', { portIsolation: true }, { gateway_mode_ipv4: 'nat-unprotected', icc: 'false' }],
  ])('of ingress policy %s with %j has options %j', (ingressPolicy, keys, options) => {
    expect(ask({ ingressPolicy, ...keys }).options).toMatchObject(options);
  });

  test.each([
    ['gateway_mode_ipv4', { gateway_mode_ipv4: 'routed', gateway_mode_ipv6: 'nat' }],
    [
      'com.docker.network.bridge.gateway_mode_ipv4',
      { 'com.docker.network.bridge.gateway_mode_ipv4': 'routed', gateway_mode_ipv6: 'nat' },
    ],
  ])('takes %s among options of its driver, before what the ingress policy says', (name, expected) => {
    const { options } = ask({ ingressPolicy: 'same-bridge', options: { [name]: 'routed' } });
    expect(Object.fromEntries(Object.entries(options ?? {}).filter(([key]) => key.includes('mode')))).toEqual(
      expected,
    );
  });

  test.each([
    [{}, undefined],
    [{ macspoofchk: true }, undefined],
    [{ macspoofchk: false }, 'false'],
    [{ macspoofchk: false, options: { anti_spoofing: 'true' } }, 'true'],
  ])('with %j says of who may send what: %s', (keys, expected) => {
    expect(ask(keys).options?.['anti_spoofing']).toBe(expected);
  });

  test('hears everything only when told', () => {
    expect(ask({ promiscMode: true }).options).toMatchObject({ promiscuous: 'true' });
    expect(ask({}).options).not.toHaveProperty('promiscuous');
  });

  test.each([
    ['nobody', {}, 'null'],
    ['somebody else', { type: 'static', addresses: [{ address: '10.9.0.5/24' }] }, 'null'],
    ['the daemon', { type: 'fairlead' }, undefined],
  ])('whose addresses %s chooses has no pools', (_, ipam, driver) => {
    const { pools, ipamDriver } = ask({ ipam });
    expect({ pools, ipamDriver }).toEqual({ pools: [], ipamDriver: driver });
  });
});
