import { expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { ForeignDriver } from '../../../src/drivers/foreign.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';

const driver = new ForeignDriver();
const network = makeNetwork({
  driver: 'foreign',
  ipv6: true,
  options: { bridge: 'cni0' },
  pools: [{ subnet: '10.5.0.0/24', gateway: '10.5.0.1' }, { subnet: '10.6.0.0/24' }, { subnet: 'fd05::/64' }],
});
const former = { mtuBytes: 1450, promiscuous: false };
const endpoint = makeEndpoint(network, ['10.5.0.2/24', 'fd05::2/64'], { former });

test('an interface stays as it is, and is put back to what it was', () => {
  expect(driver.attachment(network, endpoint)).toEqual({
    link: { kind: 'foreign', former },
    ifname: 'eth0',
    mac: endpoint.mac,
    mtuBytes: 1450,
    addresses: ['10.5.0.2/24', 'fd05::2/64'],
    routes: [],
    gateways: { ipv4: '10.5.0.1' },
  });
  expect(driver.attachment(network, { ...endpoint, tuning: { mtuBytes: 1300 } }).mtuBytes).toBe(1300);
  const options = { ...network.options, mtu: '1400' };
  expect(driver.attachment({ ...network, options }, endpoint).mtuBytes).toBe(1400);
});

test('the policy leaves to others who reaches the endpoints and how they leave', () => {
  expect(driver.policy(network)).toEqual({
    networkId: network.id,
    ifname: 'cni0',
    subnets: ['10.5.0.0/24', '10.6.0.0/24', 'fd05::/64'],
    internal: false,
    icc: true,
    source: { ipv4: 'keep', ipv6: 'keep' },
    direct: { ipv4: 'all', ipv6: 'all' },
    trustedInterfaces: [],
  });
});

test('without a bridge there is no policy, but ports lead to the endpoint', () => {
  const unknown = { ...network, options: {} };
  const port = { protocol: 'tcp', port: 80, hostPort: 8080, hostAddress: '0.0.0.0' as IpAddress } as const;
  const published = { ...endpoint, ports: [port] };
  expect(driver.policy(unknown)).toBeUndefined();
  const forwards = [{ ...port, address: '10.5.0.2' }];
  expect(driver.forwards(unknown, published)).toEqual(forwards);
  expect(driver.forwards(network, published)).toEqual(forwards);
});

test('a network is what it is asked to be, but cannot be internal', async () => {
  expect(await driver.resolve(network, [])).toMatchObject({ bridge: 'cni0' });
  expect(await driver.resolve({ ...network, options: {} }, [])).toEqual({});
  await expect(driver.resolve({ ...network, internal: true }, [])).rejects.toMatchObject({
    code: 'invalid_parameter',
  });
});

test('networks may share a bridge of somebody else’s, and not one of ours', async () => {
  const sibling = makeNetwork({ driver: 'foreign', options: { bridge: 'cni0' } });
  const ours = makeNetwork({ driver: 'bridge', name: 'pods', options: { bridge: 'cni0' } });
  expect(await driver.resolve(network, [sibling])).toMatchObject({ bridge: 'cni0' });
  await expect(driver.resolve(network, [sibling, ours])).rejects.toMatchObject({
    code: 'conflict',
    message: 'bridge cni0 belongs to network pods',
  });
  const nameless = { ...network, options: {} };
  expect(await driver.resolve(nameless, [makeNetwork({ driver: 'bridge' })])).toEqual({});
});
