// The calls of two versions of dockerd, replayed against a real netd: everything else dockerd does is done with ip(8).
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CapturedRequest, readDockerCapture, Translation } from '../support/docker-captures.ts';
import { expectNoRecords } from '../support/no-records.ts';
import { callPlugin, mustCall } from '../support/plugin-caller.ts';
import { ScriptedContainers } from '../support/scripted-containers.ts';
import { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Options of the captured commands that mean nothing to us are refused; see below. */
const edits: readonly (readonly [string, string])[] = [
  ['"Options":{"i":"2"}', '"Options":{}'],
  ['"com.example.x":"1"', '"com.docker.network.driver.mtu":"1400"'],
  [',"k":"v"', ''],
];

/** What is different each time it is asked. */
function isAskedOnce({ path, body }: CapturedRequest): boolean {
  if (path === '/IpamDriver.RequestPool') return JSON.parse(body).Pool === '';
  return path === '/IpamDriver.RequestAddress' && !body.includes('com.docker.network.gateway');
}

class Replay {
  readonly containers: ScriptedContainers;
  readonly #host: TestHost;
  readonly #joinsFirst: boolean;
  readonly #translation = new Translation();
  readonly #described = new Map<string, { readonly addresses: readonly string[]; readonly mac: string }>();
  /** How often somebody was reached by another container, and at a port of the host. */
  readonly reached = { containers: 0, ports: 0 };
  /** Ports of the host, by the endpoint that has them. */
  readonly #published = new Map<string, readonly number[]>();

  /** @param joinsFirst Join is called before the container's namespace is there. */
  constructor(host: TestHost, joinsFirst: boolean) {
    this.#host = host;
    this.#joinsFirst = joinsFirst;
    this.containers = new ScriptedContainers(host);
  }

  /** Sends a call twice, as dockerd does when it had no answer, and does what dockerd does after it. */
  async send(request: CapturedRequest): Promise<void> {
    const text = edits.reduce(
      (text, [from, to]) => text.replace(from, to),
      this.#translation.bodyOf(request),
    );
    const body = text === '' ? {} : JSON.parse(text);
    const method = request.path.slice(1);
    if (method === 'NetworkDriver.Join' && !this.#joinsFirst) await this.containers.start(body.SandboxKey);
    const answer = await mustCall(this.#host, method, text);
    if (!isAskedOnce(request)) expect(await mustCall(this.#host, method, text), method).toEqual(answer);
    this.#translation.learn(request, answer);
    await this.#follow(method, body, answer);
  }

  /** Fails unless containers reach each other and their ports answer, and netd finds nothing wrong. */
  async expectHealthy(): Promise<void> {
    await waitUntil('net check finds nothing', () => this.#host.net('check').then(() => true));
    this.reached.containers += await this.containers.expectTraffic();
    for (const [endpoint, ports] of this.#published) {
      for (const port of ports) await this.containers.expectPublished(endpoint, port);
      this.reached.ports += ports.length;
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: bodies as they were captured
  async #follow(method: string, body: any, answer: any): Promise<void> {
    const { EndpointID: endpoint, NetworkID: network, SandboxKey: key } = body;
    switch (method) {
      case 'NetworkDriver.CreateEndpoint': {
        const { Address, AddressIPv6, MacAddress } = body.Interface;
        const addresses = [Address, AddressIPv6].filter((address) => address !== '');
        this.#described.set(endpoint, { addresses, mac: answer.Interface.MacAddress ?? MacAddress });
        return;
      }
      case 'NetworkDriver.Join': {
        await this.containers.start(key);
        const gateways = [answer.Gateway, answer.GatewayIPv6].filter((gateway) => gateway !== '');
        const { addresses = [], mac = '' } = this.#described.get(endpoint) ?? {};
        const source = answer.InterfaceName.SrcName;
        return this.containers.take({ endpoint, network, key, source, addresses, mac, gateways });
      }
      case 'NetworkDriver.ProgramExternalConnectivity': {
        const map: readonly { HostPort: number }[] = body.Options['com.docker.network.portmap'];
        this.#published.set(
          endpoint,
          map.map(({ HostPort }) => HostPort),
        );
        return;
      }
      case 'NetworkDriver.RevokeExternalConnectivity':
        this.#published.delete(endpoint);
        return;
      case 'NetworkDriver.Leave':
        return this.containers.left(endpoint);
    }
  }
}

describe.each([
  ['dockerd-20.10.jsonl', true],
  ['dockerd-29.jsonl', false],
])('%s', (file, joinsFirst) => {
  test('works throughout, and leaves nothing', { timeout: 120_000 }, async () => {
    await using host = await TestHost.start();
    const netd = await host.netd();
    const empty = await host.state();
    const requests = readDockerCapture(file);
    const replay = new Replay(host, joinsFirst);
    for (const [i, request] of requests.entries()) {
      await replay.send(request);
      if (requests[i + 1]?.command !== request.command) await replay.expectHealthy();
    }
    expect(replay.reached.containers).toBeGreaterThan(5);
    expect(replay.reached.ports).toBeGreaterThan(1);
    expect(await host.netJson('sandbox', 'ls')).toEqual([]);
    expect(await host.state()).toEqual(empty);
    await netd.stop();
    await expectNoRecords(host);
  });
});

test('netd does not start where another plugin of its name answers', async () => {
  await using host = await TestHost.start();
  const socket = '/run/docker/plugins/fairlead.sock';
  await host.run(['mkdir', '-p', '/run/docker/plugins']);
  host.spawn(['socat', `UNIX-LISTEN:${socket},fork`, 'SYSTEM:cat']);
  await waitUntil('the other plugin listens', () => host.run(['test', '-S', socket]).then(() => true));
  const { status, stderr } = await host.startNetd().ended;
  expect(status).toBe(1);
  expect(stderr).toContain(`another daemon answers at ${socket}`);
});

describe('a netd that dockerd knows', () => {
  let host: TestHost;
  const NetworkID = 'a'.repeat(64);
  const EndpointID = 'e'.repeat(64);
  const ids = { NetworkID, EndpointID };

  beforeAll(async () => {
    host = await TestHost.start();
    await host.netd();
  });
  afterAll(() => host[Symbol.asyncDispose]());

  test('has a socket for root alone', async () => {
    expect(await host.run(['stat', '-c', '%a %U %G', '/run/docker/plugins/fairlead.sock'])).toBe(
      '600 root root',
    );
    expect(await host.run(['ls', '-A', '/run/docker/plugins'])).toBe('fairlead.sock');
  });

  test.each([
    ['Leave', ids],
    ['DeleteEndpoint', ids],
    ['RevokeExternalConnectivity', ids],
    ['DeleteNetwork', { NetworkID }],
    ['FreeNetwork', { NetworkID }],
  ])('has nothing against %s of what is not there', async (method, body) => {
    expect(await callPlugin(host, `NetworkDriver.${method}`, body)).toEqual({ status: 200, body: {} });
  });

  test.each([
    ['ReleasePool', { PoolID: 'fairlead-10.9.0.0/24' }],
    ['ReleaseAddress', { PoolID: 'fairlead-10.9.0.0/24', Address: '10.9.0.1' }],
    ['ReleasePool', { PoolID: 'somebody' }],
    ['ReleaseAddress', { PoolID: 'somebody', Address: 'fd00::1' }],
  ])('has nothing against %s of %j', async (method, body) => {
    expect(await callPlugin(host, `IpamDriver.${method}`, body)).toEqual({ status: 200, body: {} });
  });

  test.each([
    ['CreateEndpoint', { ...ids, Interface: { Address: '10.9.0.2/24' } }, 'create it again'],
    ['Join', { ...ids, SandboxKey: '/run/docker/netns/x' }, 'connect it again'],
    ['ProgramExternalConnectivity', ids, 'connect it to its network again'],
  ])('says what to do when %s is of what it does not know', async (method, body, advice) => {
    const answer = await callPlugin(host, `NetworkDriver.${method}`, body);
    expect([answer.status, answer.body.Err]).toEqual([200, expect.stringContaining(advice)]);
  });

  test.each([
    [
      'CreateNetwork',
      { NetworkID, Options: { 'com.docker.network.generic': { 'com.example.x': '1' } }, IPv4Data: [] },
      'com.example.x',
    ],
    [
      'CreateNetwork',
      { NetworkID, Options: { 'com.docker.network.generic': { driver: 'host' } } },
      'bridge, macvlan',
    ],
    [
      'CreateNetwork',
      { NetworkID, Options: { 'com.docker.network.generic': { driver: 'ipvlan' } } },
      'ipvlan',
    ],
    ['GwAllocCheck', { Options: { 'com.docker.network.generic': { mtu: 'much' } } }, 'much'],
  ])('refuses what it cannot do: %s %j', async (method, body, reason) => {
    const answer = await callPlugin(host, `NetworkDriver.${method}`, body);
    expect([answer.status, answer.body.Err]).toEqual([200, expect.stringContaining(reason)]);
    expect(await host.netJson('ls')).toHaveLength(3);
  });

  test.each([
    ['half a body', '{"NetworkID":"aaaa'],
    ['no body', undefined],
    ['a list', []],
    ['an id that is a path', { NetworkID: '../../../../run', EndpointID, SandboxKey: '/run/x' }],
    ['ids that are lists', { NetworkID: [NetworkID], EndpointID: [EndpointID] }],
    ['bytes that are no text', '\u0000\u0001\u0002'],
  ])('does not do by halves what it does not understand: %s', async (_name, body) => {
    const before = await host.state();
    for (const method of ['CreateNetwork', 'DeleteNetwork', 'CreateEndpoint', 'Join', 'Leave']) {
      const answer = await callPlugin(host, `NetworkDriver.${method}`, body);
      expect([method, answer.status, typeof answer.body.Err]).toEqual([method, 400, 'string']);
    }
    for (const method of ['RequestPool', 'ReleasePool', 'RequestAddress', 'ReleaseAddress']) {
      const answer = await callPlugin(host, `IpamDriver.${method}`, body);
      expect([method, answer.status, typeof answer.body.Error]).toEqual([method, 400, 'string']);
    }
    expect(await host.state()).toEqual(before);
    expect(await host.tryNet('check')).toMatchObject({ status: 0 });
  });
});
