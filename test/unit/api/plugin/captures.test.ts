import { describe, expect, test } from 'vitest';
import { type CapturedRequest, readDockerCapture, Translation } from '../../../support/docker-captures.ts';
import { type TestPlugin, testPlugin } from '../../../support/test-plugin.ts';

/** What dockerd decodes of each answer. */
const shapes: Readonly<Record<string, object>> = {
  '/Plugin.Activate': { Implements: ['NetworkDriver', 'IpamDriver'] },
  '/NetworkDriver.GetCapabilities': { Scope: 'local', ConnectivityScope: 'local', GwAllocChecker: true },
  '/NetworkDriver.GwAllocCheck': { SkipIPv4: expect.any(Boolean), SkipIPv6: expect.any(Boolean) },
  '/IpamDriver.GetCapabilities': { RequiresMACAddress: false, RequiresRequestReplay: false },
  '/IpamDriver.GetDefaultAddressSpaces': {
    LocalDefaultAddressSpace: 'fairlead-local',
    GlobalDefaultAddressSpace: 'fairlead-global',
  },
  '/IpamDriver.RequestPool': { PoolID: expect.any(String), Pool: expect.stringMatching(/\/\d+$/), Data: {} },
  '/IpamDriver.RequestAddress': { Address: expect.stringMatching(/\/\d+$/), Data: {} },
  '/NetworkDriver.Join': {
    InterfaceName: { SrcName: expect.stringMatching(/^fp[0-9a-f]{10}$/), DstPrefix: 'eth' },
    Gateway: expect.any(String),
    GatewayIPv6: expect.any(String),
    StaticRoutes: [],
    DisableGatewayService: expect.any(Boolean),
  },
  '/NetworkDriver.EndpointOperInfo': { Value: expect.any(Object) },
};

async function send(plugin: TestPlugin, request: CapturedRequest, translation: Translation): Promise<void> {
  const { path, headers } = request;
  const payload = translation.bodyOf(request);
  const answer = await plugin.server.inject({ method: 'POST', url: path, headers, payload });
  const body = answer.json();
  const expected = path === '/NetworkDriver.CreateEndpoint' ? endpointShape(request) : (shapes[path] ?? {});
  expect([path, answer.statusCode, body]).toEqual([path, 200, expected]);
  translation.learn(request, body);
}

/** A MAC address is told only if it was not given. */
function endpointShape({ answer }: CapturedRequest): object {
  const { Interface } = answer as { Interface: { MacAddress?: string } };
  return { Interface: Interface.MacAddress === undefined ? {} : { MacAddress: expect.any(String) } };
}

/** Sends what belongs to the commands up to and with the one that begins so, and returns the rest. */
async function sendUpTo(
  plugin: TestPlugin,
  requests: readonly CapturedRequest[],
  { command, translation }: { readonly command: string; readonly translation: Translation },
): Promise<readonly CapturedRequest[]> {
  const last = requests.findLastIndex((request) => request.command.startsWith(command));
  expect(last).toBeGreaterThanOrEqual(0);
  for (const request of requests.slice(0, last + 1)) await send(plugin, request, translation);
  return requests.slice(last + 1);
}

describe.each(['dockerd-20.10.jsonl', 'dockerd-29.jsonl'])('%s', (file) => {
  const requests = readDockerCapture(file);

  test('is answered throughout, and leaves nothing', async () => {
    const plugin = testPlugin();
    const translation = new Translation();
    const nothing = { pools: [], leases: [], networks: [], endpoints: [] };
    const rest = await sendUpTo(plugin, requests, { command: 'docker run', translation });
    expect(plugin.engines.holdings()).not.toEqual(nothing);
    await sendUpTo(plugin, rest, { command: 'docker network rm', translation });
    expect(plugin.engines.holdings()).toEqual(nothing);
    expect(plugin.logged()).toBe('');
  });

  test('holds every method of both interfaces that is sent on one host', () => {
    const sent = new Set(requests.map(({ path }) => path));
    const everywhere = Object.keys(shapes).filter((path) => path !== '/NetworkDriver.GwAllocCheck');
    expect([...sent]).toEqual(expect.arrayContaining(everywhere));
    for (const verb of ['CreateNetwork', 'DeleteNetwork', 'CreateEndpoint', 'DeleteEndpoint', 'Leave']) {
      expect(sent).toContain(`/NetworkDriver.${verb}`);
    }
  });
});

describe('of dockerd 20.10', () => {
  const requests = readDockerCapture('dockerd-20.10.jsonl');

  test('networks reach the core as they were asked for', async () => {
    const plugin = testPlugin();
    const translation = new Translation();
    await sendUpTo(plugin, requests, { command: 'docker network create', translation });
    const asked = [...plugin.engines.networkRequests.values()];
    expect(asked).toMatchObject([
      { options: { 'com.example.x': '1' }, internal: false, ipv4: true, ipv6: false },
      {
        pools: [
          {
            subnet: '10.202.0.0/16',
            gateway: '10.202.0.1',
            reserved: { r: '10.202.0.9' },
            leasedHere: true,
          },
        ],
      },
      {
        internal: true,
        ipv6: true,
        pools: [
          { subnet: '10.203.0.0/24', gateway: '10.203.0.1', leasedHere: false },
          { subnet: 'fd00:203::/64', gateway: 'fd00:203::1', leasedHere: false },
        ],
      },
    ]);
    expect(plugin.engines.holdings().pools).toMatchObject([
      { subnet: '10.91.1.0/24' },
      { subnet: '10.202.0.0/16', range: '10.202.5.0/24' },
    ]);
  });

  test('a container reaches the core as it was asked for', async () => {
    const plugin = testPlugin();
    const translation = new Translation();
    await sendUpTo(plugin, requests, { command: 'docker run -d --name c3', translation });
    const endpoint = plugin.engines.holdings().endpoints.at(-1);
    expect(plugin.engines.endpointRequests.get(endpoint?.id ?? '')).toMatchObject({
      addresses: ['10.202.7.7/16'],
      mac: '02:11:22:33:44:66',
      exposed: [{ protocol: 'tcp', port: 80 }],
      options: {},
    });
    expect(plugin.engines.endpoint(endpoint?.id ?? '')).toMatchObject({
      sandboxName: 'cff79fed16eb',
      ports: [{ protocol: 'tcp', port: 80, hostPort: 8081 }],
    });
  });
});

describe('of dockerd 29', () => {
  const requests = readDockerCapture('dockerd-29.jsonl');

  test('the address is asked for with the name of its container', async () => {
    const plugin = testPlugin();
    await sendUpTo(plugin, requests, { command: 'docker run -d --name c2', translation: new Translation() });
    const names = plugin.engines.holdings().leases.map(({ containerName }) => containerName);
    expect(names.filter(Boolean)).toEqual(['c1', 'c1', 'c2', 'c2', 'c2']);
  });

  test('a network may be of IPv6 alone', async () => {
    const plugin = testPlugin();
    await sendUpTo(plugin, requests, { command: 'docker network create', translation: new Translation() });
    expect([...plugin.engines.networkRequests.values()].at(-1)).toMatchObject({
      ipv4: false,
      ipv6: true,
      pools: [{ subnet: 'fd00:205::/64', gateway: 'fd00:205::1' }],
    });
  });
});
