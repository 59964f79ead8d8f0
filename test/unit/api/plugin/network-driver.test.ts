import { describe, expect, test } from 'vitest';
import { NetError } from '../../../../src/base/errors.ts';
import { testPlugin } from '../../../support/test-plugin.ts';

const NetworkID = 'a'.repeat(64);
const EndpointID = 'e'.repeat(64);
const ids = { NetworkID, EndpointID };
const generic = 'com.docker.network.generic';
const portmap = 'com.docker.network.portmap';
const exposedports = 'com.docker.network.endpoint.exposedports';
const network = {
  NetworkID,
  Options: null,
  IPv4Data: [{ AddressSpace: 'other', Pool: '10.9.0.0/24', Gateway: '10.9.0.1/24' }],
  IPv6Data: null,
};

/** A network, and on it an endpoint that has joined. */
async function joined() {
  const plugin = testPlugin();
  const Interface = { Address: '10.9.0.2/24', AddressIPv6: '', MacAddress: '' };
  await plugin.call('NetworkDriver.CreateNetwork', network);
  await plugin.call('NetworkDriver.CreateEndpoint', { ...ids, Interface, Options: {} });
  await plugin.call('NetworkDriver.Join', { ...ids, SandboxKey: '/run/docker/netns/web', Options: {} });
  return plugin;
}

describe('CreateNetwork', () => {
  test.each([
    ['no options', null, { internal: false, ipv4: true, ipv6: false, options: {} }],
    ['no options of -o', { [generic]: null }, { options: {} }],
    [
      'options',
      { [generic]: { 'com.docker.network.driver.mtu': '1400', x: 'y' } },
      { options: { 'com.docker.network.driver.mtu': '1400', x: 'y' } },
    ],
    [
      'a driver',
      { [generic]: { driver: 'macvlan', parent: 'eth0' } },
      { driver: 'macvlan', options: { parent: 'eth0' } },
    ],
    ['a network that is there', { [generic]: { network: 'lab' } }, { network: 'lab', options: {} }],
    [
      'what dockerd adds',
      { 'com.docker.network.new': { a: [1] }, 'com.docker.network.enable_ipv6': true },
      { ipv6: true, options: {} },
    ],
    [
      'IPv6 alone',
      { 'com.docker.network.enable_ipv4': false, 'com.docker.network.enable_ipv6': true },
      { ipv4: false, ipv6: true },
    ],
    ['no way out', { 'com.docker.network.internal': true }, { internal: true }],
  ])('takes %s', async (_name, Options, expected) => {
    const { engines, call } = testPlugin();
    expect(await call('NetworkDriver.CreateNetwork', { ...network, Options })).toEqual({
      status: 200,
      body: {},
    });
    expect(engines.networkRequests.get(NetworkID)).toMatchObject({ id: NetworkID, ...expected });
  });

  test('takes driver and network out of the options', async () => {
    const { engines, call } = testPlugin();
    const Options = { [generic]: { driver: 'bridge', network: 'lab' } };
    await call('NetworkDriver.CreateNetwork', { ...network, Options });
    expect(engines.networkRequests.get(NetworkID)).toMatchObject({ driver: 'bridge', network: 'lab' });
    expect(engines.networkRequests.get(NetworkID)?.options).toEqual({});
  });

  test('tells pools of ours from those of others', async () => {
    const { engines, call } = testPlugin();
    const IPv4Data = [
      {
        AddressSpace: 'fairlead-local',
        Pool: '10.1.0.0/24',
        Gateway: '10.1.0.1/24',
        AuxAddresses: { r: '10.1.0.9/24' },
      },
      { AddressSpace: 'fairlead-global', Pool: '10.2.0.0/24', Gateway: '10.2.0.1', AuxAddresses: null },
    ];
    const IPv6Data = [{ AddressSpace: 'LocalDefault', Pool: 'fd00::/64', Gateway: '' }];
    await call('NetworkDriver.CreateNetwork', { NetworkID, IPv4Data, IPv6Data });
    expect(engines.networkRequests.get(NetworkID)?.pools).toEqual([
      { subnet: '10.1.0.0/24', gateway: '10.1.0.1', reserved: { r: '10.1.0.9' }, leasedHere: true },
      { subnet: '10.2.0.0/24', gateway: '10.2.0.1', reserved: {}, leasedHere: true },
      { subnet: 'fd00::/64', reserved: {}, leasedHere: false },
    ]);
  });

  test.each(['host', 'none', 'foreign'])('refuses driver %s', async (driver) => {
    const { engines, call } = testPlugin();
    const Options = { [generic]: { driver } };
    const refusal = `option driver: ${driver} makes no interface for a container; those that do are bridge, macvlan, overlay`;
    for (const method of ['CreateNetwork', 'GwAllocCheck']) {
      const answer = await call(`NetworkDriver.${method}`, { ...network, Options });
      expect(answer).toEqual({ status: 200, body: { Err: refusal } });
    }
    expect(engines.holdings().networks).toEqual([]);
  });
});

test('GwAllocCheck tells which families need no gateway', async () => {
  const { engines, call } = testPlugin();
  engines.withoutGateway = ({ driver, options, internal }) => ({
    ipv4: driver === 'macvlan' && internal,
    ipv6: options['x'] === 'y',
  });
  const Options = { [generic]: { driver: 'macvlan', x: 'z' }, 'com.docker.network.internal': true };
  const check = (options: unknown) => call('NetworkDriver.GwAllocCheck', { Options: options });
  expect((await check(Options)).body).toEqual({ SkipIPv4: true, SkipIPv6: false });
  expect((await check(null)).body).toEqual({ SkipIPv4: false, SkipIPv6: false });
});

describe('CreateEndpoint', () => {
  const given = { Address: '10.9.0.2/24', AddressIPv6: 'fd00::2/64', MacAddress: '02:11:22:33:44:55' };

  test.each([
    ['everything given', given, {}],
    ['no MAC address', { ...given, MacAddress: '' }, { MacAddress: 'ee:ee:ee:ee:ee:ee' }],
    ['null', { ...given, MacAddress: null }, { MacAddress: 'ee:ee:ee:ee:ee:ee' }],
    ['no interface', null, { MacAddress: 'ee:ee:ee:ee:ee:ee' }],
  ])('with %s tells what was not said', async (_name, Interface, expected) => {
    const { call } = testPlugin();
    await call('NetworkDriver.CreateNetwork', network);
    const body = { ...ids, Interface, Options: null };
    const answer = { status: 200, body: { Interface: expected } };
    expect(await call('NetworkDriver.CreateEndpoint', body)).toEqual(answer);
    expect(await call('NetworkDriver.CreateEndpoint', body)).toEqual(answer);
  });

  test('tells addresses the core has chosen', async () => {
    const { engines, call } = testPlugin();
    await call('NetworkDriver.CreateNetwork', network);
    const create = engines.createEndpoint.bind(engines);
    const addresses = ['10.9.0.7/24', 'fd00::7/64'] as never;
    engines.createEndpoint = (request) => create({ ...request, addresses });
    const { body } = await call('NetworkDriver.CreateEndpoint', {
      ...ids,
      Interface: { Address: '10.9.0.7/24' },
    });
    expect(body.Interface).toEqual({ AddressIPv6: 'fd00::7/64', MacAddress: 'ee:ee:ee:ee:ee:ee' });
  });

  test('passes on what was asked for, and nothing dockerd adds', async () => {
    const { engines, call } = testPlugin();
    await call('NetworkDriver.CreateNetwork', network);
    const Options = {
      [exposedports]: [
        { Proto: 6, Port: 80 },
        { Proto: 17, Port: 53 },
        { Proto: 132, Port: 9 },
      ],
      [portmap]: [{ Proto: 6, Port: 80, HostPort: 8080 }],
      'com.docker.network.endpoint.macaddress': 'AhEiM0RV',
      'com.docker.network.endpoint.dnsservers': ['9.9.9.9'],
      k: 'v',
      later: { a: 1 },
    };
    await call('NetworkDriver.CreateEndpoint', { ...ids, Interface: given, Options });
    expect(engines.endpointRequests.get(EndpointID)).toEqual({
      id: EndpointID,
      networkId: NetworkID,
      addresses: ['10.9.0.2/24', 'fd00::2/64'],
      mac: '02:11:22:33:44:55',
      exposed: [
        { protocol: 'tcp', port: 80 },
        { protocol: 'udp', port: 53 },
        { protocol: 'sctp', port: 9 },
      ],
      options: { k: 'v', later: '{"a":1}' },
    });
  });

  test('may say that no port is exposed in any way', async () => {
    const { engines, call } = testPlugin();
    await call('NetworkDriver.CreateNetwork', network);
    await call('NetworkDriver.CreateEndpoint', {
      ...ids,
      Interface: given,
      Options: { [exposedports]: null },
    });
    expect(engines.endpointRequests.get(EndpointID)?.exposed).toEqual([]);
  });
});

describe('Join', () => {
  const offer = { ifname: 'fpeeeeeeeeee', prefix: 'eth', gateways: {}, routes: [] };
  const join = { ...ids, SandboxKey: '/run/docker/netns/web', Options: null };

  test.each([
    [
      'a gateway',
      { gateways: { ipv4: '10.9.0.1' } },
      { Gateway: '10.9.0.1', GatewayIPv6: '', DisableGatewayService: false },
    ],
    [
      'a gateway for IPv6 alone',
      { gateways: { ipv6: 'fd00::1' } },
      { Gateway: '', GatewayIPv6: 'fd00::1', DisableGatewayService: false },
    ],
    ['no gateway', {}, { Gateway: '', GatewayIPv6: '', DisableGatewayService: true }],
    [
      'routes',
      { routes: [{ destination: '10.8.0.0/16', gateway: '10.9.0.3' }, { destination: '10.7.0.0/16' }] },
      {
        StaticRoutes: [
          { Destination: '10.8.0.0/16', RouteType: 0, NextHop: '10.9.0.3' },
          { Destination: '10.7.0.0/16', RouteType: 1, NextHop: '' },
        ],
      },
    ],
  ])('is answered with %s', async (_name, part, expected) => {
    const { engines, call } = testPlugin();
    engines.join = async () => ({ ...offer, ...part }) as never;
    const { body } = await call('NetworkDriver.Join', join);
    expect(body).toMatchObject({ InterfaceName: { SrcName: 'fpeeeeeeeeee', DstPrefix: 'eth' }, ...expected });
    expect(body).not.toHaveProperty('Err');
  });

  test('of an endpoint nobody made is refused in words', async () => {
    const { call, logged } = testPlugin();
    const body = { Err: `no endpoint ${EndpointID}` };
    expect(await call('NetworkDriver.Join', join)).toEqual({ status: 200, body });
    expect(JSON.parse(logged())).toMatchObject({
      method: 'NetworkDriver.Join',
      network: NetworkID,
      endpoint: EndpointID,
      reason: body.Err,
    });
  });
});

describe('ports', () => {
  test.each([
    ['one', { HostPort: 8080, HostPortEnd: 8080 }, [8080, 8080]],
    ['an end that is none', { HostPort: 8080, HostPortEnd: 0 }, [8080, 8080]],
    ['no end', { HostPort: 8080 }, [8080, 8080]],
    ['a range', { HostPort: 8080, HostPortEnd: 8090 }, [8080, 8090]],
  ])('on the host may be %s', async (_name, binding, [first, last]) => {
    const { engines, call } = await joined();
    const asked: unknown[] = [];
    engines.publish = async (_id, ports) => void asked.push(...ports);
    const Options = { [portmap]: [{ Proto: 6, IP: '', Port: 80, HostIP: '', ...binding }] };
    expect((await call('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options })).body).toEqual({});
    expect(asked).toEqual([{ protocol: 'tcp', port: 80, hostPort: { first, last } }]);
  });

  test('may be of any number and on one address', async () => {
    const { engines, call } = await joined();
    const asked: unknown[] = [];
    engines.publish = async (_id, ports) => void asked.push(...ports);
    const Options = {
      [portmap]: [{ Proto: 17, IP: '10.9.0.2', Port: 53, HostIP: '::1', HostPort: 0, HostPortEnd: 0 }],
      'com.docker.network.driver.private.no_proxy_6to4': false,
    };
    await call('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options });
    expect(asked).toEqual([{ protocol: 'udp', port: 53, hostAddress: '::1' }]);
  });

  test('of a protocol nobody publishes are refused', async () => {
    const { call } = await joined();
    const Options = { [portmap]: [{ Proto: 33, Port: 53 }] };
    const { status, body } = await call('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options });
    expect([status, body.Err]).toEqual([
      200,
      'protocol 33 cannot be published; 6 (tcp), 17 (udp) and 132 (sctp) can',
    ]);
  });

  test('are told and revoked', async () => {
    const { call, engines } = await joined();
    const info = async () => (await call('NetworkDriver.EndpointOperInfo', ids)).body.Value;
    expect(await info()).toEqual({ network: NetworkID, sandbox: 'web' });
    const Options = {
      [portmap]: [
        { Proto: 6, Port: 80, HostPort: 8080 },
        { Proto: 6, Port: 81, HostIP: '::', HostPort: 8081 },
      ],
    };
    await call('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options });
    expect(await info()).toEqual({
      network: NetworkID,
      sandbox: 'web',
      ports: '80/tcp -> 0.0.0.0:8080, 81/tcp -> [::]:8081',
    });
    await call('NetworkDriver.RevokeExternalConnectivity', ids);
    expect(engines.endpoint(EndpointID)?.ports).toEqual([]);
  });

  test('none at all may be said in any way', async () => {
    const { call, engines } = await joined();
    for (const Options of [null, {}, { [portmap]: null }, { [portmap]: [] }]) {
      const { body } = await call('NetworkDriver.ProgramExternalConnectivity', { ...ids, Options });
      expect(body).toEqual({});
    }
    expect(engines.endpoint(EndpointID)?.ports).toEqual([]);
  });
});

test('an endpoint nobody knows has no particulars', async () => {
  const { call } = testPlugin();
  expect(await call('NetworkDriver.EndpointOperInfo', ids)).toEqual({ status: 200, body: { Value: {} } });
});

test.each([
  ['Leave', ids],
  ['DeleteEndpoint', ids],
  ['RevokeExternalConnectivity', ids],
  ['DeleteNetwork', { NetworkID }],
  ['FreeNetwork', { NetworkID }],
  ['DiscoverNew', { DiscoveryType: 1, DiscoveryData: { Address: '10.0.0.1', Self: true } }],
  ['DiscoverDelete', { DiscoveryType: 1, DiscoveryData: null }],
])('%s of what is not there is fine', async (method, body) => {
  expect(await testPlugin().call(`NetworkDriver.${method}`, body)).toEqual({ status: 200, body: {} });
});

test.each([
  [{ a: 'b' }, { a: 'b' }],
  [null, {}],
])('AllocateNetwork gives options %j back', async (Options, expected) => {
  const body = { NetworkID, Options, IPv4Data: network.IPv4Data, IPv6Data: [] };
  const answer = await testPlugin().call('NetworkDriver.AllocateNetwork', body);
  expect(answer).toEqual({ status: 200, body: { Options: expected } });
});

test('what dockerd takes back is gone', async () => {
  const { engines, call } = await joined();
  expect(engines.endpoint(EndpointID)?.sandboxName).toBe('web');
  for (const method of ['Leave', 'DeleteEndpoint']) {
    expect((await call(`NetworkDriver.${method}`, ids)).body).toEqual({});
  }
  expect((await call('NetworkDriver.DeleteNetwork', { NetworkID })).body).toEqual({});
  expect(engines.holdings()).toEqual({ pools: [], leases: [], networks: [], endpoints: [] });
});

test('failures of ours have another status, and are logged', async () => {
  const { engines, call, logged } = testPlugin();
  engines.createNetwork = () => Promise.reject(new Error('the disk is on fire'));
  const answer = await call('NetworkDriver.CreateNetwork', network);
  expect(answer).toEqual({ status: 500, body: { Err: 'the disk is on fire' } });
  expect(logged()).toContain('the disk is on fire');
});

test.each(['not_found', 'conflict', 'not_implemented', 'unavailable', 'exhausted'] as const)(
  'a refusal for %s is an answer like any other',
  async (code) => {
    const { engines, call } = testPlugin();
    engines.deleteNetwork = () => Promise.reject(new NetError(code, 'do this'));
    const answer = await call('NetworkDriver.DeleteNetwork', { NetworkID });
    expect(answer).toEqual({ status: 200, body: { Err: 'do this' } });
  },
);
