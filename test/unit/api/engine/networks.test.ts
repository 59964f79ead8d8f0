import { describe, expect, test } from 'vitest';
import { NetError } from '../../../../src/base/errors.ts';
import { joinedCluster, samplePeer } from '../../../support/cluster-sample.ts';
import { testApi } from '../../../support/test-api.ts';

function engine() {
  const { controller, server } = testApi();
  const ask = async (method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) => {
    const answer = await server.inject({ method, url, ...(payload !== undefined && { payload }) });
    return { status: answer.statusCode, body: answer.body === '' ? '' : answer.json() };
  };
  return { controller, ask };
}

describe('a network', () => {
  test('is created with every field, and inspected', async () => {
    const { ask } = engine();
    const created = await ask('POST', '/v1.51/networks/create', {
      Name: 'lab',
      Driver: 'bridge',
      CheckDuplicate: true,
      Scope: 'local',
      Internal: true,
      Attachable: false,
      Ingress: false,
      ConfigOnly: false,
      ConfigFrom: null,
      EnableIPv4: true,
      EnableIPv6: false,
      IPAM: {
        Driver: 'default',
        Options: null,
        Config: [
          {
            Subnet: '10.5.0.0/24',
            IPRange: '10.5.0.128/25',
            Gateway: '10.5.0.1',
            AuxiliaryAddresses: { printer: '10.5.0.9' },
          },
        ],
      },
      Options: { 'com.docker.network.driver.mtu': '01400' },
      Labels: { team: 'net' },
    });
    expect(created).toEqual({
      status: 201,
      body: { Id: expect.stringMatching(/^[0-9a-f]{64}$/), Warning: '' },
    });
    expect(await ask('GET', '/networks/lab?verbose=true&scope=local')).toEqual({
      status: 200,
      body: {
        Name: 'lab',
        Id: created.body.Id,
        Created: expect.stringMatching(/Z$/),
        Scope: 'local',
        Driver: 'bridge',
        EnableIPv4: true,
        EnableIPv6: false,
        IPAM: {
          Driver: 'default',
          Options: {},
          Config: [
            {
              Subnet: '10.5.0.0/24',
              IPRange: '10.5.0.128/25',
              Gateway: '10.5.0.1',
              AuxiliaryAddresses: { printer: '10.5.0.9' },
            },
          ],
        },
        Internal: true,
        Attachable: false,
        Ingress: false,
        ConfigFrom: { Network: '' },
        ConfigOnly: false,
        Containers: {},
        Options: { 'com.docker.network.driver.mtu': '01400' },
        Labels: { team: 'net' },
      },
    });
  });

  test('has no field EnableIPv4 before 1.48', async () => {
    const { ask } = engine();
    expect((await ask('GET', '/v1.47/networks/bridge')).body).not.toHaveProperty('EnableIPv4');
    expect((await ask('GET', '/v1.48/networks/bridge')).body).toHaveProperty('EnableIPv4', true);
  });

  test('none has driver null', async () => {
    expect((await engine().ask('GET', '/networks/none')).body.Driver).toBe('null');
  });

  test('of several hosts names them, this one first when it has containers there', async () => {
    const { ask, controller } = engine();
    await controller.createNetwork({ name: 'wide' });
    controller.clusterView = joinedCluster;
    controller.share('wide', [samplePeer('web', '10.209.3.8/24'), samplePeer('db', '10.209.3.9/24')]);
    const other = { Name: 'beta', IP: '192.0.2.2' };
    expect((await ask('GET', '/networks/wide')).body).toMatchObject({ Scope: 'global', Peers: [other] });
    await controller.createSandbox({ name: 'here' });
    await controller.connect({ network: 'wide', target: 'here' });
    const self = { Name: 'alpha', IP: '192.0.2.1' };
    expect((await ask('GET', '/networks/wide')).body.Peers).toEqual([self, other]);
  });

  test('of several hosts is inspected without them when they cannot be read', async () => {
    const { ask, controller } = engine();
    await controller.createNetwork({ name: 'wide' });
    controller.share('wide', new NetError('unavailable', 'etcd does not answer'));
    const { status, body } = await ask('GET', '/networks/wide');
    expect({ status, name: body.Name, peers: body.Peers }).toEqual({ status: 200, name: 'wide' });
  });

  test.each([
    [{}, 400, 'body: field Name is missing'],
    [{ Name: 5 }, 400, 'Name: 5 must be string'],
    [{ Name: 'lab', IPAM: { Config: [{ Subnet: 'x' }] } }, 400, 'subnet: x is not in CIDR notation'],
    [{ Name: 'lab', Driver: 'token' }, 400, 'unknown driver token; known are bridge, host, none, macvlan'],
    [{ Name: 'bridge' }, 409, 'network bridge exists already'],
    [{ Name: 'lab', Scope: 'swarm' }, 501, 'network lab: scope swarm is not available; local is'],
    [{ Name: 'lab', Attachable: true }, 501, 'network lab: Attachable is not available'],
    [
      { Name: 'lab', Driver: 'overlay', Scope: 'swarm' },
      501,
      'network lab: scope swarm is not available; global is',
    ],
    [{ Name: 'lab', Ingress: true }, 501, 'network lab: Ingress is not available'],
    [{ Name: 'lab', ConfigOnly: true }, 501, 'network lab: ConfigOnly is not available'],
    [{ Name: 'lab', ConfigFrom: { Network: 'x' } }, 501, 'network lab: ConfigFrom is not available'],
  ])('%j is refused with %i', async (body, status, message) => {
    const { ask, controller } = engine();
    expect(await ask('POST', '/networks/create', body)).toEqual({ status, body: { message } });
    expect(controller.networks()).toHaveLength(3);
  });

  test.each([
    ['GET', '/networks/absent', 404, 'no network absent'],
    ['GET', '/networks/bridge?scope=swarm', 404, 'no network bridge of scope swarm'],
    ['DELETE', '/networks/absent', 404, 'no network absent'],
    ['DELETE', '/networks/bridge', 403, 'network bridge is built in'],
  ] as const)('%s %s is refused with %i', async (method, url, status, message) => {
    expect(await engine().ask(method, url)).toEqual({ status, body: { message } });
  });

  test('in use is kept', async () => {
    const { ask, controller } = engine();
    await controller.createNetwork({ name: 'lab' });
    await controller.createSandbox({ name: 'web' });
    await controller.connect({ network: 'lab', target: 'web' });
    expect(await ask('DELETE', '/networks/lab')).toEqual({
      status: 403,
      body: { message: 'network lab is in use by web' },
    });
    await controller.disconnect('lab', 'web', { force: false });
    expect(await ask('DELETE', '/networks/lab')).toEqual({ status: 204, body: '' });
  });
});

describe('a list', () => {
  test.each([
    [{}, ['bridge', 'host', 'none', 'lab', 'labor']],
    [{ driver: ['null'] }, ['none']],
    [{ driver: { bridge: true, host: false } }, ['bridge', 'lab', 'labor']],
    [{ name: ['lab'] }, ['lab', 'labor']],
    [{ label: ['team=net'] }, ['lab']],
    [{ label: ['team=net', 'tier'] }, []],
    [{ scope: ['swarm'] }, []],
    [{ scope: ['local'], type: ['builtin'] }, ['bridge', 'host', 'none']],
    [{ type: ['custom'] }, ['lab', 'labor']],
    [{ dangling: ['1'] }, ['lab', 'labor']],
  ])('with filters %j has %j', async (filters, names) => {
    const { ask, controller } = engine();
    await controller.createNetwork({ name: 'lab', labels: { team: 'net' } });
    await controller.createNetwork({ name: 'labor' });
    const { body } = await ask('GET', `/networks?filters=${encodeURIComponent(JSON.stringify(filters))}`);
    expect(body.map(({ Name }: { Name: string }) => Name)).toEqual(names);
  });

  test.each([
    ['{"colour":["red"]}', 'unknown filter colour'],
    ['{"name":"lab"}', 'filters: the values of name are not a list of texts'],
    ['["name"]', 'filters: ["name"] is not a JSON object'],
    ['{', 'filters: { is not a JSON object'],
  ])('with filters %s is refused', async (filters, message) => {
    const answer = await engine().ask('GET', `/networks?filters=${encodeURIComponent(filters)}`);
    expect(answer).toEqual({ status: 400, body: { message: expect.stringContaining(message) } });
  });
});

describe('connecting', () => {
  test('takes every field, and shows in the network', async () => {
    const { ask, controller } = engine();
    await controller.createNetwork({ name: 'lab' });
    for (const name of ['web', 'db']) await controller.createSandbox({ name });
    const EndpointConfig = {
      IPAMConfig: { IPv4Address: '10.209.1.77', IPv6Address: '', LinkLocalIPs: null },
      Links: ['db:store', 'db'],
      Aliases: ['www'],
      MacAddress: '02:00:00:00:00:77',
      DriverOpts: {
        'com.docker.network.endpoint.ifname': 'lan0',
        'com.docker.network.endpoint.sysctls':
          'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.neigh.ifname.gc_stale_time=30',
        other: 'x',
      },
      GwPriority: 5,
      NetworkID: '',
    };
    expect(await ask('POST', '/networks/lab/connect', { Container: 'web', EndpointConfig })).toEqual({
      status: 200,
      body: '',
    });
    const db = controller.sandbox('db').id;
    const [endpoint] = controller.sandbox('web').endpoints;
    expect(endpoint).toMatchObject({
      ifname: 'lan0',
      aliases: ['www'],
      links: [
        { target: db, alias: 'store' },
        { target: db, alias: 'db' },
      ],
      gatewayPriority: 5,
      options: { other: 'x' },
      tuning: {
        sysctls: {
          'net/ipv4/conf/IFNAME/log_martians': '1',
          'net/ipv6/neigh/IFNAME/gc_stale_time': '30',
        },
      },
    });
    expect((await ask('GET', '/networks/lab')).body.Containers).toEqual({
      [controller.sandbox('web').id]: {
        Name: 'web',
        EndpointID: endpoint?.id,
        MacAddress: '02:00:00:00:00:77',
        IPv4Address: '10.209.1.77/24',
        IPv6Address: '',
      },
    });
    expect(
      (await ask('POST', '/networks/lab/connect', { Container: 'web', EndpointConfig: null })).status,
    ).toBe(403);
  });

  test.each([
    ['connect', {}, 400, 'body: field Container is missing'],
    ['connect', { Container: 'absent' }, 404, 'no sandbox absent'],
    [
      'connect',
      { Container: 'web', EndpointConfig: { IPAMConfig: { IPv4Address: 'x' } } },
      400,
      'address: x is not an IP address',
    ],
    [
      'connect',
      { Container: 'web', EndpointConfig: { IPAMConfig: { LinkLocalIPs: ['169.254.1.1'] } } },
      501,
      'LinkLocalIPs 169.254.1.1: link-local addresses are not available',
    ],
    ['disconnect', { Container: 'web' }, 404, 'sandbox web is not on network bridge'],
  ])('%s %j is refused with %i', async (verb, body, status, message) => {
    const { ask, controller } = engine();
    await controller.createSandbox({ name: 'web' });
    expect(await ask('POST', `/networks/bridge/${verb}`, body)).toEqual({ status, body: { message } });
    expect(controller.endpoints()).toEqual([]);
  });

  test.each([
    ['net.ipv4.conf.eth0.log_martians=1'],
    ['net.ipv4.conf.IFNAME.log_martians'],
    ['net.core.dev.IFNAME.weight=1'],
    ['net.ipv4.IFNAME.conf.rp_filter=1'],
    ['kernel.ipv4.conf.IFNAME.rp_filter=1'],
    ['net.ipv4.conf.IFNAME.a/../../b=1'],
    [''],
  ])('with sysctl "%s" after a good one is refused', async (sysctl) => {
    const { ask, controller } = engine();
    await controller.createSandbox({ name: 'web' });
    const label = 'com.docker.network.endpoint.sysctls';
    const DriverOpts = { [label]: `net.ipv4.conf.IFNAME.log_martians=1,${sysctl}` };
    const body = { Container: 'web', EndpointConfig: { DriverOpts } };
    expect(await ask('POST', '/networks/bridge/connect', body)).toEqual({
      status: 400,
      body: {
        message: `${label}: ${JSON.stringify(sysctl)} is not net.X.Y.IFNAME.Z=VALUE with ipv4, ipv6 or mpls for X`,
      },
    });
    expect(controller.endpoints()).toEqual([]);
  });

  test('is undone by disconnecting, with force as often as one likes', async () => {
    const { ask, controller } = engine();
    await controller.createSandbox({ name: 'web' });
    await controller.connect({ network: 'bridge', target: 'web' });
    const url = '/v1.24/networks/bridge/disconnect';
    expect(await ask('POST', url, { Container: 'web' })).toEqual({ status: 200, body: '' });
    expect(controller.endpoints()).toEqual([]);
    expect((await ask('POST', url, { Container: 'web', Force: true })).status).toBe(200);
  });
});

describe('pruning', () => {
  test.each([
    [{}, ['lab', 'plain']],
    [{ label: ['team'] }, ['lab']],
    [{ 'label!': ['team=net'] }, ['plain']],
    [{ until: ['24h'] }, []],
    [{ until: ['2999-01-01'] }, ['lab', 'plain']],
    [{ until: ['1700000000.5'] }, []],
  ])('with filters %j deletes %j', async (filters, names) => {
    const { ask, controller } = engine();
    await controller.createNetwork({ name: 'lab', labels: { team: 'net' } });
    await controller.createNetwork({ name: 'plain' });
    const url = `/networks/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`;
    expect(await ask('POST', url)).toEqual({ status: 200, body: { NetworksDeleted: names } });
    expect(controller.networks()).toHaveLength(5 - names.length);
  });

  test.each([
    [{ name: ['lab'] }, 'unknown filter name; known are label, label!, until'],
    [{ until: ['soon'] }, 'filter until: soon is no time such as 1700000000, 2026-01-31 or 24h'],
  ])('with filters %j is refused', async (filters, message) => {
    const { ask, controller } = engine();
    await controller.createNetwork({ name: 'lab' });
    const url = `/networks/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`;
    expect(await ask('POST', url)).toEqual({ status: 400, body: { message } });
    expect(controller.networks()).toHaveLength(4);
  });
});
