import { describe, expect, test } from 'vitest';
import { testApi } from '../../../support/test-api.ts';

describe('networks', () => {
  test('a network is created, listed, inspected and deleted', async () => {
    const { call } = testApi();
    const created = await call('POST', '/networks', {
      name: 'lab',
      driver: 'bridge',
      internal: true,
      pools: [
        {
          subnet: '10.1.0.0/16',
          range: '10.1.2.0/24',
          gateway: '10.1.0.1',
          reserved: { printer: '10.1.2.9' },
        },
      ],
      options: { mtu: '1400' },
      labels: { tier: 'test' },
    });
    expect(created).toMatchObject({
      status: 201,
      body: {
        name: 'lab',
        internal: true,
        ipam: { pools: [{ subnet: '10.1.0.0/16', gateway: '10.1.0.1', reserved: { printer: '10.1.2.9' } }] },
        options: { mtu: '1400' },
      },
    });
    const { id } = created.body as { id: string };
    expect((await call('GET', `/networks/${id.slice(0, 12)}`)).body).toMatchObject({ id, endpoints: [] });
    expect(await call('DELETE', '/networks/lab')).toEqual({ status: 204, body: '' });
    expect(await call('GET', '/networks/lab')).toEqual({
      status: 404,
      body: { message: 'no network lab', code: 'not_found' },
    });
  });

  test.each([
    [{}, 'body: field name is missing'],
    [{ name: 5 }, 'name: 5 must be string'],
    [{ name: '' }, 'name: "" must NOT have fewer than 1 characters'],
    [
      { name: 'a', colour: 'red' },
      'body: unknown field colour; known are name, driver, internal, ipv4, ipv6, pools,',
    ],
    [{ name: 'a', internal: 'yes' }, 'internal: "yes" must be boolean'],
    [{ name: 'a', pools: [{ subnet: '10.0.0.1/24' }] }, 'subnet: 10.0.0.1/24 has host bits set'],
    [{ name: 'a', pools: [{ net: 'x' }] }, 'pools.0: unknown field net; known are subnet, range'],
    [{ name: 'a', pools: [{ gateway: 'x' }] }, 'gateway: x is not an IP address'],
    [{ name: 'a', pools: [{ reserved: { tv: 'x' } }] }, 'reserved address tv: x is not an IP address'],
    [{ name: 'a', options: { mtu: 1400 } }, 'options.mtu: 1400 must be string'],
  ])('%j is refused with the field and the value', async (body, message) => {
    const { call, controller } = testApi();
    const before = controller.networks();
    expect(await call('POST', '/networks', body)).toEqual({
      status: 400,
      body: { message: expect.stringContaining(message), code: 'invalid_parameter' },
    });
    expect(controller.networks()).toEqual(before);
  });

  test('a name that is taken is a conflict', async () => {
    const { call } = testApi();
    expect(await call('POST', '/networks', { name: 'bridge' })).toEqual({
      status: 409,
      body: { message: 'network bridge exists already', code: 'already_exists' },
    });
  });

  test('a network in use is deleted only by force', async () => {
    const { call, controller } = testApi();
    await controller.createNetwork({ name: 'lab' });
    await controller.createSandbox({ name: 'web' });
    await controller.connect({ network: 'lab', target: 'web' });
    expect(await call('DELETE', '/networks/lab')).toMatchObject({
      status: 409,
      body: { message: 'network lab is in use by web', code: 'conflict' },
    });
    expect(await call('DELETE', '/networks/lab?force=yes')).toMatchObject({
      status: 400,
      body: { message: 'force: "yes" must be equal to one of the allowed values: true,false' },
    });
    expect((await call('DELETE', '/networks/lab?force=true')).status).toBe(204);
  });

  test('pruning deletes what nobody is on and a filter selects', async () => {
    const { call, controller } = testApi();
    await controller.createNetwork({ name: 'used' });
    await controller.createNetwork({ name: 'old', labels: { keep: 'no' } });
    await controller.createNetwork({ name: 'older' });
    await controller.createSandbox({ name: 'web' });
    await controller.connect({ network: 'used', target: 'web' });
    expect(await call('POST', '/networks/prune', { filters: ['label=keep=no'] })).toMatchObject({
      status: 200,
      body: [{ name: 'old' }],
    });
    expect(await call('POST', '/networks/prune', {})).toMatchObject({ body: [{ name: 'older' }] });
  });

  test('a connect carries every property of the endpoint', async () => {
    const { call, controller } = testApi();
    await controller.createNetwork({ name: 'lab' });
    await controller.createSandbox({ name: 'web' });
    const other = await controller.createSandbox({ name: 'db' });
    const connected = await call('POST', '/networks/lab/connect', {
      target: 'web',
      addresses: ['10.209.3.77'],
      mac: '02:AA:00:00:00:01',
      ifname: 'lan0',
      aliases: ['www'],
      links: [{ target: 'db', alias: 'store' }],
      gatewayPriority: -3,
      ports: ['127.0.0.1:8080:80', '53/udp'],
      exposed: ['443'],
      options: { colour: 'red' },
    });
    expect(connected).toMatchObject({
      status: 200,
      body: {
        networkName: 'lab',
        sandboxName: 'web',
        addresses: ['10.209.3.77/24'],
        mac: '02:aa:00:00:00:01',
        ifname: 'lan0',
        aliases: ['www'],
        links: [{ target: other.id, alias: 'store' }],
        gatewayPriority: -3,
        ports: [
          { hostAddress: '127.0.0.1', hostPort: 8080, port: 80, protocol: 'tcp' },
          { port: 53, protocol: 'udp' },
        ],
        exposed: [{ port: 443, protocol: 'tcp' }],
        options: { colour: 'red' },
      },
    });
    expect((await call('GET', '/endpoints')).body).toEqual([connected.body]);
    expect((await call('POST', '/networks/lab/disconnect', { target: 'web' })).status).toBe(204);
    expect(await call('POST', '/networks/lab/disconnect', { target: 'web' })).toMatchObject({ status: 404 });
    expect((await call('POST', '/networks/lab/disconnect', { target: 'web', force: true })).status).toBe(204);
  });

  test.each([
    [{ target: 'web', ports: ['x'] }, 400, 'publish x: "x" is not a port'],
    [{ target: 'web', ports: ['target=80,from=lab'] }, 400, 'from: lab is not an IP address'],
    [{ target: 'web', mac: 'ff:ff:ff:ff:ff:ff' }, 400, 'is not a unicast MAC address'],
    [{ target: 'web', gatewayPriority: 1.5 }, 400, 'gatewayPriority: 1.5 must be integer'],
    [{ target: 'nobody' }, 404, 'no sandbox nobody'],
  ])('a connect with %j is refused', async (body, status, message) => {
    const { call, controller } = testApi();
    await controller.createNetwork({ name: 'lab' });
    await controller.createSandbox({ name: 'web' });
    expect(await call('POST', '/networks/lab/connect', body)).toMatchObject({
      status,
      body: { message: expect.stringContaining(message) },
    });
    expect(controller.endpoints()).toEqual([]);
  });
});
