import { expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { BridgeDriver } from '../../../src/drivers/bridge/bridge.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';

const driver = new BridgeDriver();
const network = makeNetwork({
  driver: 'bridge',
  ipv6: true,
  options: { bridge: 'br-lab', mtu: '1400' },
  pools: [
    { subnet: '10.5.0.0/24', gateway: '10.5.0.1' },
    { subnet: 'fd05::/64', gateway: 'fd05::1' },
  ],
});
const endpoint = makeEndpoint(network, ['10.5.0.2/24', 'fd05::2/64']);

test('an endpoint becomes a port of the bridge, with its id in the name of the host end', () => {
  expect(driver.attachment(network, endpoint)).toEqual({
    link: {
      kind: 'veth',
      hostIfname: `fv${endpoint.id.slice(0, 10)}`,
      bridge: 'br-lab',
      isolated: false,
      hairpin: true,
      guarded: true,
    },
    ifname: 'eth0',
    mac: endpoint.mac,
    mtuBytes: 1400,
    addresses: ['10.5.0.2/24', 'fd05::2/64'],
    routes: [],
    gateways: { ipv4: '10.5.0.1', ipv6: 'fd05::1' },
  });
});

test.for([
  { options: { anti_spoofing: 'false' }, guarded: undefined },
  { options: { anti_spoofing: 'true' }, guarded: true },
  { options: { inhibit_ipv4: 'true' }, guarded: undefined },
  { options: { inhibit_ipv4: 'true', anti_spoofing: 'true' }, guarded: true },
])('with options $options the guard over what an endpoint sends is $guarded', ({ options, guarded }) => {
  const changed = { ...network, options: { ...network.options, ...options } };
  const { link } = driver.attachment(changed, endpoint);
  expect(link.kind === 'veth' && link.guarded).toBe(guarded);
});

test('without communication between endpoints ports are isolated, and hairpin can be switched off', () => {
  const strict = { ...network, options: { ...network.options, icc: 'false', hairpin: 'false' } };
  expect(driver.attachment(strict, endpoint).link).toMatchObject({ isolated: true, hairpin: false });
});

test('a gateway is offered only in the families the endpoint has', () => {
  expect(driver.attachment(network, makeEndpoint(network, ['fd05::3/64'])).gateways).toEqual({
    ipv6: 'fd05::1',
  });
});

test('several subnets of a family each have their gateway, that of the endpoint’s first address counts', () => {
  const pools = [
    { subnet: '10.5.0.0/24', gateway: '10.5.0.1' },
    { subnet: '10.6.0.0/24', gateway: '10.6.0.1' },
    { subnet: '10.7.0.0/24' },
  ];
  const several = makeNetwork({ driver: 'bridge', options: { bridge: 'br-lab', mtu: '1400' }, pools });
  const gateways = (...addresses: string[]) =>
    driver.attachment(several, makeEndpoint(several, addresses)).gateways;
  expect(gateways('10.5.0.2/24')).toEqual({ ipv4: '10.5.0.1' });
  expect(gateways('10.6.0.2/24', '10.5.0.2/24')).toEqual({ ipv4: '10.6.0.1' });
  expect(gateways('10.7.0.2/24')).toEqual({});
  expect(gateways('10.7.0.2/24', '10.6.0.2/24')).toEqual({ ipv4: '10.6.0.1' });
  expect(gateways('10.8.0.2/24')).toEqual({});
  expect(driver.policy(several).subnets).toEqual(['10.5.0.0/24', '10.6.0.0/24', '10.7.0.0/24']);
});

test('what an endpoint asks for goes before what its network has, and the rest is handed on', () => {
  const asked = {
    gateways: { ipv6: 'fd05::99' as IpAddress },
    routes: [{ destination: '10.99.0.0/16' as Cidr, gateway: '10.5.0.77' as IpAddress }],
    tuning: { mtuBytes: 1300, txQueueLength: 500, checkSourceMac: true },
    shaping: { toSandbox: { bitsPerSecond: 1_000_000, burstBits: 80_000 } },
    cni: { network: 'pods', containerId: 'abc', netns: '/run/netns/x' },
  } as const;
  expect(driver.attachment(network, { ...endpoint, ...asked })).toMatchObject({
    mtuBytes: 1300,
    routes: asked.routes,
    gateways: asked.gateways,
    tuning: asked.tuning,
    shaping: { ...asked.shaping, ifbName: `fb${endpoint.id.slice(0, 10)}` },
    sharedWithOthers: true,
  });
  expect(driver.attachment(network, { ...endpoint, gateways: {} }).gateways).toEqual({});
  expect(driver.attachment({ ...network, internal: true }, { ...endpoint, ...asked }).gateways).toEqual({});
  expect(driver.attachment(network, { ...endpoint, tuning: { down: true } })).toMatchObject({
    mtuBytes: 1400,
    tuning: { down: true },
  });
});

test('the policy masquerades, lets endpoints talk and trusts nobody unless told otherwise', () => {
  const policy = {
    networkId: network.id,
    ifname: 'br-lab',
    subnets: ['10.5.0.0/24', 'fd05::/64'],
    internal: false,
    icc: true,
    source: { ipv4: 'masquerade', ipv6: 'masquerade' },
    direct: { ipv4: 'none', ipv6: 'none' },
    trustedInterfaces: [],
  };
  expect(driver.policy(network)).toEqual(policy);
  const options = {
    ...network.options,
    icc: 'false',
    trusted_host_interfaces: 'eth1:wg0',
    host_ipv4: '192.0.2.7',
  };
  expect(driver.policy({ ...network, options })).toEqual({
    ...policy,
    icc: false,
    source: { ipv4: { address: '192.0.2.7' }, ipv6: 'masquerade' },
    trustedInterfaces: ['eth1', 'wg0'],
  });
});

test.each([
  ['nat', 'nat-unprotected', { ipv4: 'none', ipv6: 'all' }],
  ['nat-unprotected', 'nat', { ipv4: 'all', ipv6: 'none' }],
  ['routed', 'nat', { ipv4: 'ports', ipv6: 'none' }],
  ['isolated', 'routed', { ipv4: 'none', ipv6: 'ports' }],
])('gateway modes %s and %s say by which family endpoints are reached directly', (ipv4, ipv6, direct) => {
  const options = { ...network.options, gateway_mode_ipv4: ipv4, gateway_mode_ipv6: ipv6 };
  expect(driver.policy({ ...network, options }).direct).toEqual(direct);
});

test('sources are kept on internal networks and without masquerading', () => {
  const keep = { ipv4: 'keep', ipv6: 'keep' };
  expect(driver.policy({ ...network, internal: true }).source).toEqual(keep);
  const options = { ...network.options, masquerade: 'false', host_ipv4: '192.0.2.7' };
  expect(driver.policy({ ...network, options }).source).toEqual(keep);
});

test('sources are kept in a family that is routed, whatever they would be otherwise', () => {
  const options = { ...network.options, gateway_mode_ipv4: 'routed', host_ipv4: '192.0.2.7' };
  expect(driver.policy({ ...network, options }).source).toEqual({ ipv4: 'keep', ipv6: 'masquerade' });
});

test.each(['4', '6'])('a network isolated over IPv%s must be internal', async (family) => {
  const { createdAt: _, ...draft } = network;
  const options = { ...network.options, bridge: 'br-none', [`gateway_mode_ipv${family}`]: 'isolated' };
  const resolve = (internal: boolean) => driver.resolve({ ...draft, options, internal }, []);
  await expect(resolve(false)).rejects.toMatchObject({
    code: 'invalid_parameter',
    message: `option gateway_mode_ipv${family}: gateway mode isolated can only be used for an internal network`,
  });
  await expect(resolve(true)).resolves.toEqual(options);
});

test('a port without a host port is open at the endpoint’s address of that family', () => {
  const port = { protocol: 'tcp', port: 80, hostPort: 0 } as const;
  const ports = [
    { ...port, hostAddress: '0.0.0.0' as IpAddress },
    { ...port, hostAddress: '::' as IpAddress },
  ];
  expect(driver.forwards(network, { ...endpoint, ports })).toEqual([
    { protocol: 'tcp', port: 80, hostAddress: '10.5.0.2', hostPort: 80, address: '10.5.0.2' },
    { protocol: 'tcp', port: 80, hostAddress: 'fd05::2', hostPort: 80, address: 'fd05::2' },
  ]);
});

test('a port leads to the address of the family of its host address', () => {
  const port = { protocol: 'tcp', port: 80, hostPort: 8080 } as const;
  const ports = [
    { ...port, hostAddress: '0.0.0.0' as IpAddress },
    { ...port, hostAddress: '::' as IpAddress },
    { ...port, hostAddress: '127.0.0.1' as IpAddress, hostPort: 8081 },
  ];
  const addresses = (one: Endpoint) => driver.forwards(network, one).map(({ address }) => address);
  expect(addresses({ ...endpoint, ports })).toEqual(['10.5.0.2', 'fd05::2', '10.5.0.2']);
  expect(addresses({ ...makeEndpoint(network, ['10.5.0.3/24']), ports })).toEqual(['10.5.0.3', '10.5.0.3']);
});
