import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { listeningPlugin, testPlugin } from '../../../support/test-plugin.ts';

const NetworkID = 'a'.repeat(64);
const EndpointID = 'e'.repeat(64);
const ids = { NetworkID, EndpointID };
const pools = [{ AddressSpace: 'other', Pool: '10.9.0.0/24' }];
const nothing = { pools: [], leases: [], networks: [], endpoints: [] };

/** Sends bytes, half-closes, and returns everything that comes back. */
async function talk(socket: string, bytes: string): Promise<string> {
  const connection = connect(socket);
  connection.end(bytes);
  return text(connection);
}

function post(path: string, headers: string, body = ''): string {
  return `POST ${path} HTTP/1.1\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

describe('the socket', () => {
  test('is for root alone', async () => {
    const { socket } = await listeningPlugin();
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
  });

  test('of a daemon that answers is left alone', async () => {
    const { socket } = await listeningPlugin();
    await expect(testPlugin().server.listen(socket)).rejects.toMatchObject({
      code: 'conflict',
      message: `another daemon answers at ${socket}`,
    });
  });

  test('is gone when the server has closed', async () => {
    const { socket, server } = await listeningPlugin();
    await server.close();
    await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

const agent = 'User-Agent: Go-http-client/1.1\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n';

describe.each([
  ['no name of a host', 'Host: \r\n'],
  ['no name of a host and no space', 'Host:\r\n'],
  ['a name of dockerd 29', 'Host: plugin.moby.localhost\r\n'],
  ['the name of the socket', 'Host: %2Frun%2Fdocker%2Fplugins%2Ffairlead.sock\r\n'],
])('bytes with %s', (_name, host) => {
  test('and without a body are answered', async () => {
    const { socket } = await listeningPlugin();
    const answer = await talk(socket, post('/Plugin.Activate', host + agent));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toContain('content-type: application/vnd.docker.plugins.v1.2+json\r\n');
    expect(answer).toContain('{"Implements":["NetworkDriver","IpamDriver"]}');
  });

  test('and with a body are answered', async () => {
    const { socket, engines } = await listeningPlugin();
    const body = `${JSON.stringify({ NetworkID, Options: {}, IPv4Data: pools, IPv6Data: [] })}\n`;
    const answer = await talk(socket, post('/NetworkDriver.CreateNetwork', host + agent, body));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer.split('\r\n\r\n')[1]).toBe('{}');
    expect(engines.holdings().networks).toHaveLength(1);
  });
});

test('several calls may come over one connection', async () => {
  const { socket } = await listeningPlugin();
  const one = post('/NetworkDriver.GetCapabilities', `Host: \r\n${agent}`);
  const answers = await talk(socket, one + one + one);
  expect(answers.match(/"Scope":"local"/g)).toHaveLength(3);
});

test('a body in chunks is read', async () => {
  const { socket } = await listeningPlugin();
  const body = JSON.stringify({ NetworkID });
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const head = `POST /NetworkDriver.DeleteNetwork HTTP/1.1\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n`;
  expect(await talk(socket, head + chunked)).toMatch(/^HTTP\/1\.1 200 OK/);
});

test('a body cut short changes nothing', async () => {
  const { socket, engines, call } = await listeningPlugin();
  const body = JSON.stringify({ NetworkID, IPv4Data: pools });
  const head = `POST /NetworkDriver.CreateNetwork HTTP/1.1\r\nHost: \r\nContent-Length: ${body.length + 1}\r\n\r\n`;
  await talk(socket, head + body);
  expect(engines.holdings()).toEqual(nothing);
  expect((await call('Plugin.Activate')).status).toBe(200);
});

describe('methods without arguments', () => {
  const methods = [
    ['Plugin.Activate', { Implements: ['NetworkDriver', 'IpamDriver'] }],
    ['NetworkDriver.GetCapabilities', { Scope: 'local', ConnectivityScope: 'local', GwAllocChecker: true }],
    ['IpamDriver.GetCapabilities', { RequiresMACAddress: false, RequiresRequestReplay: false }],
    [
      'IpamDriver.GetDefaultAddressSpaces',
      { LocalDefaultAddressSpace: 'fairlead-local', GlobalDefaultAddressSpace: 'fairlead-global' },
    ],
  ] as const;

  test.each(methods)('%s takes a body or none', async (method, body) => {
    for (const sent of [undefined, {}, null, '\n']) {
      expect(await testPlugin().call(method, sent)).toEqual({ status: 200, body });
    }
  });
});

const withBody: readonly (readonly [string, object])[] = [
  ['NetworkDriver.CreateNetwork', { NetworkID, IPv4Data: pools }],
  ['NetworkDriver.DeleteNetwork', { NetworkID }],
  ['NetworkDriver.AllocateNetwork', { NetworkID }],
  ['NetworkDriver.FreeNetwork', { NetworkID }],
  ['NetworkDriver.GwAllocCheck', { Options: {} }],
  ['NetworkDriver.CreateEndpoint', ids],
  ['NetworkDriver.EndpointOperInfo', ids],
  ['NetworkDriver.DeleteEndpoint', ids],
  ['NetworkDriver.Join', { ...ids, SandboxKey: '/run/netns/x' }],
  ['NetworkDriver.Leave', ids],
  ['NetworkDriver.ProgramExternalConnectivity', ids],
  ['NetworkDriver.RevokeExternalConnectivity', ids],
  ['NetworkDriver.DiscoverNew', { DiscoveryType: 1 }],
  ['NetworkDriver.DiscoverDelete', { DiscoveryType: 1 }],
  ['IpamDriver.RequestPool', { AddressSpace: 'fairlead-local' }],
  ['IpamDriver.ReleasePool', { PoolID: 'p' }],
  ['IpamDriver.RequestAddress', { PoolID: 'p' }],
  ['IpamDriver.ReleaseAddress', { PoolID: 'p' }],
];

describe.each(withBody)('%s', (method, good) => {
  test.each([
    ['no body', undefined],
    ['a blank body', ' \n'],
    ['half a body', JSON.stringify(good).slice(0, -1)],
    ['no JSON', 'NetworkID=a'],
    ['null', null],
    ['a list', []],
    ['a number', 7],
    ['every member of a wrong type', Object.fromEntries(Object.keys(good).map((key) => [key, [[7]]]))],
  ])('with %s is not understood, and changes nothing', async (_name, body) => {
    const { engines, call } = testPlugin();
    const answer = await call(method, body);
    expect([answer.status, answer.body.Err]).toEqual([400, expect.stringMatching(/^[a-zA-Z0-9]/)]);
    if (method.startsWith('IpamDriver')) expect(answer.body.Error).toBe(answer.body.Err);
    expect(engines.holdings()).toEqual(nothing);
  });

  test('with members of a dockerd to come is understood', async () => {
    const answer = await testPlugin().call(method, { ...good, Future: { a: [1, null] } });
    expect(answer.status).toBe(200);
  });
});

test.each([
  ['an id that is a path', 'NetworkDriver.CreateNetwork', { NetworkID: '../../etc' }, 'NetworkID'],
  ['an id with capitals', 'NetworkDriver.DeleteNetwork', { NetworkID: 'A'.repeat(64) }, 'NetworkID'],
  ['an id that is no number', 'NetworkDriver.DeleteNetwork', { NetworkID: 'g'.repeat(64) }, 'NetworkID'],
  ['a short id', 'NetworkDriver.Leave', { NetworkID, EndpointID: 'e' }, 'EndpointID'],
  ['no id', 'NetworkDriver.Leave', { NetworkID }, 'body: field EndpointID is missing'],
  ['no pool', 'NetworkDriver.CreateNetwork', { NetworkID, IPv4Data: [{}] }, 'field Pool is missing'],
  [
    'a flag in words',
    'NetworkDriver.CreateNetwork',
    { NetworkID, Options: { 'com.docker.network.internal': 'yes' } },
    '"yes" must be boolean',
  ],
  [
    'an option that is no text',
    'NetworkDriver.CreateNetwork',
    { NetworkID, Options: { 'com.docker.network.generic': { mtu: 1400 } } },
    '1400 must be string',
  ],
  ['no place to join', 'NetworkDriver.Join', { ...ids, SandboxKey: '' }, 'SandboxKey'],
  [
    'port 0',
    'NetworkDriver.ProgramExternalConnectivity',
    { ...ids, Options: { 'com.docker.network.portmap': [{ Proto: 6, Port: 0 }] } },
    '0 must be >= 1',
  ],
  [
    'a port beyond the last',
    'NetworkDriver.ProgramExternalConnectivity',
    { ...ids, Options: { 'com.docker.network.portmap': [{ Proto: 6, Port: 1, HostPort: 65536 }] } },
    '65536 must be <= 65535',
  ],
])('%s is told by its field and value', async (_name, method, body, reason) => {
  const answer = await testPlugin().call(method, body);
  expect([answer.status, answer.body.Err]).toEqual([400, expect.stringContaining(reason)]);
});

test.each(['NetworkDriver.Nothing', 'VolumeDriver.Create', 'Plugin.Activate/', 'x'])(
  'there is no method %s',
  async (method) => {
    const answer = await testPlugin().call(method, {});
    expect(answer).toEqual({ status: 404, body: { Err: `no such method: POST /${method}` } });
  },
);

test('a body of more than a mebibyte is refused', async () => {
  const answer = await testPlugin().call('NetworkDriver.DeleteNetwork', {
    NetworkID,
    x: 'x'.repeat(1024 * 1024),
  });
  expect(answer).toEqual({ status: 413, body: { Err: 'the body is larger than 1048576 bytes' } });
});
