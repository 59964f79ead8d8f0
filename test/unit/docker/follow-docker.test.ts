// Following Docker: names as they are given, and what it forgot given back. Docker is an HTTP server, time is the test's.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Cidr, InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import { createLog } from '../../../src/base/log.ts';
import type { EngineContainer } from '../../../src/core/engine-requests.ts';
import { type DockerFollowing, followDocker } from '../../../src/docker/follow-docker.ts';
import { FakeDockerd } from '../../support/fake-dockerd.ts';
import { FakeEngineController } from '../../support/fake-engine-controller.ts';

const subnet = '10.91.7.0/24' as Cidr;
const gateway = '10.91.7.1' as IpAddress;
const networkId = 'a'.repeat(64);
const containerId = 'c1'.padEnd(64, '0');

/** Remembers what containers it was told of. */
class ToldEngines extends FakeEngineController {
  readonly told: EngineContainer[] = [];
  refusal: Error | undefined;

  override async nameContainer(container: EngineContainer): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal;
    this.told.push(container);
  }
}

let directory: string;
let socket: string;
let dockerd: FakeDockerd;
let engines: ToldEngines;
let following: DockerFollowing | undefined;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  directory = mkdtempSync(join(tmpdir(), 'follow-docker-'));
  socket = join(directory, 'docker.sock');
  dockerd = await FakeDockerd.listen(socket);
  engines = new ToldEngines();
  following = undefined;
});

afterEach(async () => {
  await following?.close();
  await dockerd[Symbol.asyncDispose]();
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

function follow(): DockerFollowing {
  following = followDocker({ socket, engines, log: createLog('error', 'json') });
  return following;
}

/** Lets everything else in the process go on, without any time going by, until that is so. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`gave up waiting until ${condition}`);
    await vi.advanceTimersByTimeAsync(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Until nothing more is asked or told unless time goes by. */
async function quiet(): Promise<void> {
  let asked = -1;
  for (let turns = 0; turns < 50; turns = asked === dockerd.asked.length ? turns + 1 : 0) {
    asked = dockerd.asked.length;
    await vi.advanceTimersByTimeAsync(0);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Until Docker has been compared with, so often in all. */
async function compared(times: number): Promise<void> {
  await until(() => dockerd.count('/networks') >= times);
  await quiet();
}

async function makeNetwork(): Promise<void> {
  await engines.requestPool({ family: 4, subnet, options: {} });
  await engines.createNetwork({
    id: networkId,
    internal: false,
    ipv4: true,
    ipv6: false,
    options: {},
    pools: [{ subnet, gateway, reserved: {}, leasedHere: true }],
  });
}

async function makeEndpoint(number: number): Promise<string> {
  const id = `e${number}`.padEnd(64, '0');
  const address = `10.91.7.${number}` as IpAddress;
  await engines.requestAddress({ poolId: subnet, address, gateway: false });
  await engines.createEndpoint({
    id,
    networkId,
    addresses: [`${address}/24` as InterfaceAddress],
    exposed: [],
    options: {},
  });
  await engines.join(id, `/run/docker/netns/${number}`);
  return id;
}

const inDocker = (id = networkId, name = 'lab') => ({
  Id: id,
  Name: name,
  IPAM: { Config: [{ Subnet: subnet, Gateway: gateway }] },
});

/** As a container has an endpoint made by `makeEndpoint`. */
const onLab = (number: number, aliases: readonly string[] | null = null) => ({
  EndpointID: `e${number}`.padEnd(64, '0'),
  IPAddress: `10.91.7.${number}`,
  Aliases: aliases,
});

test('nobody is asked anything before there is something to follow', async () => {
  const { wake } = follow();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(dockerd.asked).toEqual([]);
  wake.call(following);
  await until(() => dockerd.followers === 1);
});

test('what is there when netd starts gets its names', async () => {
  await makeNetwork();
  const endpoint = await makeEndpoint(2);
  dockerd.networks = [inDocker(), inDocker('b'.repeat(64), 'other')];
  const aliases = ['db', 'web', containerId.slice(0, 12), 'w'];
  dockerd.containers = [
    {
      id: containerId,
      name: 'web',
      hostname: 'w',
      networks: { lab: onLab(2, aliases), other: { EndpointID: 'x' } },
    },
    { id: 'c2', name: 'elsewhere', networks: { other: { EndpointID: 'y' } } },
  ];
  follow();
  await compared(1);
  expect(engines.names.get(networkId)).toBe('lab');
  expect(engines.names.has('b'.repeat(64))).toBe(false);
  expect(engines.told).toEqual([
    { id: containerId, name: 'web', hostname: 'w', endpoints: [{ id: endpoint, aliases: ['db', 'w'] }] },
  ]);
  expect(dockerd.asked[0]).toBe('/events');
  expect(dockerd.count('/containers/c2/json')).toBe(0);
});

test('a network and a container are named as soon as they are made, connected and renamed', async () => {
  follow().wake();
  await until(() => dockerd.followers === 1);
  await makeNetwork();
  dockerd.networks = [inDocker()];
  dockerd.emit('network', 'create', networkId, { name: 'lab', type: 'fairlead' });
  await until(() => engines.names.get(networkId) === 'lab');

  await makeEndpoint(2);
  const container = { id: containerId, name: 'web', networks: { lab: onLab(2) } };
  dockerd.containers = [container];
  dockerd.emit('network', 'connect', networkId, { container: containerId, name: 'lab', type: 'fairlead' });
  await until(() => engines.told.at(-1)?.name === 'web');

  container.name = 'shop';
  dockerd.emit('container', 'rename', containerId, { name: 'shop', oldName: '/web' });
  await until(() => engines.told.at(-1)?.name === 'shop');
});

test('containers and networks that have nothing of ours are left alone', async () => {
  await makeNetwork();
  dockerd.networks = [inDocker()];
  dockerd.containers = [{ id: containerId, name: 'web', networks: { other: { EndpointID: 'x' } } }];
  follow();
  await compared(1);
  dockerd.emit('network', 'create', 'b'.repeat(64), { name: 'other', type: 'bridge' });
  dockerd.emit('network', 'connect', 'b'.repeat(64), { container: 'c9' });
  dockerd.emit('container', 'rename', containerId, { name: 'shop' });
  await until(() => dockerd.count(`/containers/${containerId}/json`) === 1);
  await quiet();
  expect(dockerd.count('/containers/c9/json')).toBe(0);
  expect(engines.told).toEqual([]);
  expect([...engines.names]).toEqual([[networkId, 'lab']]);
});

test('a container is asked about once at a time, and once more for all that happened meanwhile', async () => {
  await makeNetwork();
  await makeEndpoint(2);
  dockerd.networks = [inDocker()];
  follow();
  await compared(1);
  const container = { id: containerId, name: 'old', networks: { lab: onLab(2) } };
  dockerd.containers = [container];
  const path = `/containers/${containerId}/json`;
  const before = dockerd.count(path);
  const held: (() => void)[] = [];
  dockerd.answer = (asked, response) => {
    if (asked !== path) return false;
    const body = JSON.stringify({
      Id: containerId,
      Name: `/${container.name}`,
      NetworkSettings: { Networks: container.networks },
    });
    held.push(() => response.end(body));
    return true;
  };
  dockerd.emit('network', 'connect', networkId, { container: containerId });
  await until(() => held.length === 1);
  container.name = 'new';
  for (let again = 0; again < 5; again++) dockerd.emit('container', 'rename', containerId);
  await quiet();
  expect(dockerd.count(path) - before).toBe(1);
  held[0]?.();
  await until(() => held.length === 2);
  held[1]?.();
  await until(() => engines.told.length === 2);
  expect(engines.told.map(({ name }) => name)).toEqual(['old', 'new']);
  await quiet();
  expect(dockerd.count(path) - before).toBe(2);
});

test('a container that is gone when it is asked about is no trouble', async () => {
  await makeNetwork();
  dockerd.networks = [inDocker()];
  follow();
  await compared(1);
  dockerd.emit('network', 'connect', networkId, { container: containerId });
  await until(() => dockerd.count(`/containers/${containerId}/json`) === 1);
  await makeEndpoint(2);
  dockerd.containers = [{ id: 'c2', name: 'next', networks: { lab: onLab(2) } }];
  dockerd.emit('network', 'connect', networkId, { container: 'c2' });
  await until(() => engines.told.at(-1)?.name === 'next');
});

test('what could not be named is named soon after', async () => {
  await makeNetwork();
  await makeEndpoint(2);
  dockerd.networks = [inDocker()];
  dockerd.containers = [{ id: containerId, name: 'web', networks: { lab: onLab(2) } }];
  engines.refusal = new Error('not now');
  follow();
  await compared(1);
  engines.refusal = undefined;
  await vi.advanceTimersByTimeAsync(5_000);
  await until(() => engines.told.at(-1)?.name === 'web');
});

test('an event nobody can read is made up for by comparing', async () => {
  await makeNetwork();
  follow();
  await compared(1);
  dockerd.networks = [inDocker(networkId, 'lab')];
  dockerd.write(`{"Type":"network","Action":"create","Actor":{"Attributes":"${'x'.repeat(2 ** 21)}"}}\n`);
  await quiet();
  await vi.advanceTimersByTimeAsync(1_000);
  await until(() => engines.names.get(networkId) === 'lab');
});

test('without events all is compared once a minute', async () => {
  await makeNetwork();
  dockerd.networks = [inDocker()];
  follow();
  await compared(1);
  dockerd.networks = [inDocker(networkId, 'renamed')];
  await vi.advanceTimersByTimeAsync(59_000);
  await quiet();
  expect(dockerd.count('/networks')).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  await until(() => engines.names.get(networkId) === 'renamed');
});

test('events that end are followed anew, and what happened meanwhile is learned', async () => {
  await makeNetwork();
  dockerd.networks = [inDocker()];
  follow();
  await compared(1);
  dockerd.write('{"Type":"network","Act');
  dockerd.cut();
  await until(() => dockerd.followers === 0);
  dockerd.networks = [inDocker(networkId, 'meanwhile')];
  await quiet();
  await vi.advanceTimersByTimeAsync(1_000);
  await until(() => dockerd.followers === 1);
  await until(() => engines.names.get(networkId) === 'meanwhile');
});

test('a Docker that does not answer is asked less and less often, and again soon when it asks us', async () => {
  let attempts = 0;
  dockerd.answer = (path, response) => {
    if (path !== '/events') return false;
    attempts++;
    response.writeHead(503).end();
    return true;
  };
  await makeNetwork();
  follow();
  const waits: number[] = [];
  for (const expected of [1, 2, 3, 4, 5, 6, 7, 8]) {
    await until(() => attempts === expected);
    await quiet();
    let waited = 0;
    while (attempts === expected) {
      await vi.advanceTimersByTimeAsync(1_000);
      waited += 1;
      await quiet();
    }
    waits.push(waited);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  const before = attempts;
  for (let call = 0; call < 100; call++) following?.wake();
  await quiet();
  expect(attempts).toBe(before);
  await vi.advanceTimersByTimeAsync(1_000);
  await until(() => attempts === before + 1);
  await quiet();
  dockerd.answer = () => false;
  following?.wake();
  await vi.advanceTimersByTimeAsync(1_000);
  await until(() => dockerd.followers === 1);
}, 60_000);

test('what Docker forgot is given back when it was not there twice, half a minute apart', async () => {
  await makeNetwork();
  await makeEndpoint(2);
  await makeEndpoint(3);
  await engines.requestAddress({ poolId: subnet, address: '10.91.7.9' as IpAddress, gateway: false });
  await engines.requestPool({ family: 4, subnet: '10.92.0.0/24' as Cidr, options: {} });
  dockerd.networks = [inDocker()];
  dockerd.containers = [{ id: containerId, name: 'web', networks: { lab: onLab(3) } }];
  const before = engines.holdings();
  follow();
  await compared(1);
  await vi.advanceTimersByTimeAsync(29_999);
  await quiet();
  expect(engines.holdings()).toEqual(before);
  await vi.advanceTimersByTimeAsync(1);
  await until(() => !engines.holdings().endpoints.some(({ id }) => id.startsWith('e2')));
  await compared(2);
  const after = engines.holdings();
  expect(after.endpoints.map(({ id }) => id)).toEqual(['e3'.padEnd(64, '0')]);
  expect(after.leases.map(({ address }) => address)).toEqual(['10.91.7.3']);
  expect(after.networks.map(({ id }) => id)).toEqual([networkId]);
  expect(after.pools.map((pool) => pool.subnet)).toEqual([subnet]);
  expect(engines.endpoint('e2'.padEnd(64, '0'))).toBeUndefined();
});

test('a network Docker forgot goes with what is on it', async () => {
  await makeNetwork();
  await makeEndpoint(2);
  follow();
  await compared(1);
  await vi.advanceTimersByTimeAsync(30_000);
  await until(() => Object.values(engines.holdings()).every((some) => some.length === 0));
});

test('what is there again the second time stays', async () => {
  await makeNetwork();
  await makeEndpoint(2);
  dockerd.networks = [inDocker()];
  follow();
  await compared(1);
  dockerd.containers = [{ id: containerId, name: 'web', networks: { lab: onLab(2) } }];
  await vi.advanceTimersByTimeAsync(30_000);
  await compared(2);
  dockerd.containers = [];
  await vi.advanceTimersByTimeAsync(60_000);
  await compared(3);
  // Gone for the first time, once more.
  expect(engines.holdings().endpoints).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(30_000);
  await until(() => engines.holdings().endpoints.length === 0);
});

test('an endpoint stays whose container only looks stopped in the list', async () => {
  await makeNetwork();
  await makeEndpoint(2);
  dockerd.networks = [inDocker()];
  dockerd.containers = [{ id: containerId, name: 'web', networks: { lab: onLab(2) } }];
  dockerd.answer = (path, response) => {
    if (path !== '/containers/json') return false;
    response.end(
      JSON.stringify([{ Id: containerId, NetworkSettings: { Networks: { lab: { EndpointID: '' } } } }]),
    );
    return true;
  };
  const before = engines.holdings();
  follow();
  for (let times = 1; times < 5; times++) {
    await compared(times);
    await vi.advanceTimersByTimeAsync(60_000);
  }
  expect(engines.holdings()).toEqual(before);
});

test.each([
  ['refuses', 500, '{"message":"out of order"}'],
  ['answers nonsense', 200, '[{"Id":"c1","NetworkSettings":"none"}]'],
  ['answers half a list', 200, '[{"Id":"c1",'],
])('nothing is given back while Docker %s', async (_, status, body) => {
  for (const broken of ['/containers/json', '/networks', `/containers/${containerId}/json`]) {
    if (broken === '/networks' && body.includes('NetworkSettings')) continue; // that is a network without a name
    engines = new ToldEngines();
    await makeNetwork();
    await makeEndpoint(2);
    dockerd.containers = [{ id: containerId, name: 'web', networks: {} }];
    dockerd.answer = (path, response) => {
      if (path !== broken) return false;
      response.writeHead(status).end(body);
      return true;
    };
    const before = engines.holdings();
    const times = dockerd.count(broken);
    const follower = follow();
    for (let round = 1; round <= 10; round++) {
      await until(() => dockerd.count(broken) >= times + round);
      await quiet();
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(engines.holdings()).toEqual(before);
    await follower.close();
  }
});

test('what cannot be given back is tried again', async () => {
  await makeNetwork();
  let refusals = 2;
  const deleteNetwork = engines.deleteNetwork.bind(engines);
  engines.deleteNetwork = async (id) => {
    if (refusals-- > 0) throw new Error('not now');
    await deleteNetwork(id);
  };
  follow();
  for (let times = 1; times <= 4; times++) {
    await compared(times);
    await vi.advanceTimersByTimeAsync(30_000);
  }
  await until(() => engines.holdings().networks.length === 0);
});

test('closing ends it at once, whatever Docker is at', async () => {
  await makeNetwork();
  await makeEndpoint(2);
  dockerd.networks = [inDocker()];
  dockerd.containers = [{ id: containerId, name: 'web', networks: { lab: onLab(2) } }];
  dockerd.answer = (path) => path === `/containers/${containerId}/json`;
  const follower = follow();
  await until(() => dockerd.count(`/containers/${containerId}/json`) === 1);
  await follower.close();
  const asked = dockerd.asked.length;
  follower.wake();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(dockerd.asked).toHaveLength(asked);
});
