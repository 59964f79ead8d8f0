// What a container engine holds when it, the daemon or somebody else comes in between: nothing acknowledged is lost, and nothing
// is left behind.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Cidr, InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import type { MacAddress } from '../../../src/base/mac.ts';
import { randomId } from '../../../src/base/random-id.ts';
import { CoreController } from '../../../src/core/controller.ts';
import { defaultRoutes, policyState } from '../../../src/core/desired.ts';
import { endpointsOfSandbox } from '../../../src/core/lookup.ts';
import type { HostPortOwner, HostPorts } from '../../../src/firewall/host-ports.ts';
import type { EndpointId, NetworkId } from '../../../src/model/ids.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import type { Change, Store } from '../../../src/store/store.ts';
import {
  gateway,
  joinNetwork,
  key,
  makeEndpoint,
  makeNetwork,
  networkRequest,
  subnet,
  take,
} from '../../support/engine-calls.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';
import { waitUntil } from '../../support/wait-until.ts';

let store: Store;
let parts: FakeParts;
let core: CoreController;

beforeEach(() => start(openMemoryStore()));
afterEach(() => vi.useRealTimers());

async function start(records: Store): Promise<void> {
  store = records;
  parts = fakeParts(store);
  core = new CoreController(parts);
  await core.start();
}

/** A death right after that commit of a request: nothing is written any more. */
async function dieAfter(isLast: (change: Change) => boolean, request: () => Promise<unknown>): Promise<void> {
  const records = store;
  let dead = false;
  parts = fakeParts({
    ...records,
    commit: async (changes, options) => {
      if (dead) return new Promise(() => undefined);
      await records.commit(changes, options);
      dead = changes.some(isLast);
    },
  });
  core = new CoreController(parts);
  await core.start();
  void request();
  await waitUntil('the daemon is dead', () => dead);
  await start(records);
}

function endpointOf(id: string) {
  return store.state.endpoints.get(id as EndpointId);
}

describe('a death while a network is made', () => {
  const range = '10.90.0.64/26' as Cidr;
  const putsNetwork = (pending: boolean) => (change: Change) =>
    'put' in change &&
    change.put === 'network' &&
    !change.value.builtin &&
    (change.value.pending === true) === pending;

  test('leaves the engine its pool, with range and gateway, to make it on', async () => {
    const id = randomId();
    const { id: poolId } = await core.engines.requestPool({ family: 4, subnet, range, options: {} });
    await core.engines.requestAddress({ poolId, gateway: true });
    const before = core.engines.holdings();
    await dieAfter(putsNetwork(true), () => core.engines.createNetwork(networkRequest(id)));
    expect(core.engines.holdings()).toEqual(before);
    expect(await core.engines.requestAddress({ poolId, gateway: false })).toBe('10.90.0.64/24');
    await core.engines.createNetwork(networkRequest(id));
    expect(core.network(id).ipam.pools).toMatchObject([{ subnet, range }]);
  });

  test('leaves none that the engine does not have, once it is complete', async () => {
    const id = randomId();
    await core.engines.requestPool({ family: 4, subnet, options: {} });
    await dieAfter(putsNetwork(false), () => core.engines.createNetwork(networkRequest(id)));
    expect(core.engines.holdings()).toMatchObject({ pools: [], networks: [{ id, made: true }] });
    await core.engines.deleteNetwork(id);
    expect(core.networks()).toHaveLength(3);
  });
});

describe('a network the engine has by two ids', () => {
  test('is deleted by one with the containers of the other left alone', async () => {
    const first = await makeNetwork(core);
    const second = await joinNetwork(core, first.id);
    const id = await makeEndpoint(core, second);
    await core.engines.join(id, key);
    await expect(core.engines.deleteNetwork(first.id)).rejects.toThrow(
      'stays, as it is used by another network',
    );
    expect(endpointOf(id)).toBeDefined();
    expect(core.engines.holdings()).toMatchObject({ networks: [{ id: second.id }], endpoints: [{ id }] });
    await core.engines.deleteNetwork(second.id);
    expect(core.sandboxes()).toEqual([]);
  });
});

describe('a network that stays when the engine has deleted its own', () => {
  beforeEach(async () => {
    await core.createNetwork({ name: 'lab', pools: [{ subnet, reserved: {} }] });
  });

  test('has the addresses back that the engine had taken', async () => {
    const { id, poolId } = await joinNetwork(core, 'lab');
    const address = '10.90.0.9' as IpAddress;
    await core.engines.requestAddress({ poolId, gateway: false, address });
    await core.engines.deleteNetwork(id);
    await core.createSandbox({ name: 'web' });
    expect(await core.connect({ network: 'lab', target: 'web', addresses: [address] })).toMatchObject({
      addresses: ['10.90.0.9/24'],
    });
  });

  test('has none of its containers any more', async () => {
    const network = await joinNetwork(core, 'lab');
    const id = await makeEndpoint(core, network);
    await core.engines.join(id, key);
    await core.engines.deleteNetwork(network.id);
    expect(core.sandboxes()).toEqual([]);
    expect(core.engines.holdings().endpoints).toEqual([]);
  });

  test('is joined by the subnet it has, as an engine asks for ever for one it did not name', async () => {
    const options = { network: 'lab' };
    await expect(core.engines.requestPool({ family: 4, options })).rejects.toThrow('--subnet 10.90.0.0/24');
    await expect(core.engines.requestPool({ family: 6, options })).rejects.toThrow('--subnet 10.90.0.0/24');
    const other = { family: 4, subnet: '10.91.0.0/24' as Cidr, options } as const;
    await expect(core.engines.requestPool(other)).rejects.toThrow('gives out no addresses of 10.91.0.0/24');
  });
});

describe('a network nobody is on', () => {
  test('is not pruned while an engine has it, and may be about to use it', async () => {
    const id = await makeEndpoint(core, await makeNetwork(core));
    expect(await core.pruneNetworks(() => false)).toEqual([]);
    await core.engines.join(id, key);
  });

  test('is not made anew for a container runtime while an engine has it', async () => {
    const wanted = { name: 'lab', pools: [{ subnet, reserved: {} }] };
    const { id } = await core.runtimes.ensureNetwork(wanted);
    await joinNetwork(core, 'lab');
    const other = { ...wanted, options: { mtu: '1400' } };
    await expect(core.runtimes.ensureNetwork(other)).rejects.toThrow('cannot be changed');
    expect(core.network('lab').id).toBe(id);
  });
});

test('what is held of networks and pools that damage has cost is forgotten', async () => {
  const [id, networkId] = [randomId(), randomId() as NetworkId];
  const createdAt = '2026-11-21T00:00:00Z';
  const common = { createdAt, bootId: parts.bootId };
  const address = '10.91.0.2' as IpAddress;
  const addresses = ['10.91.0.2/24' as InterfaceAddress];
  const mac = '02:00:00:00:00:01' as MacAddress;
  await store.commit([
    { put: 'engineNetwork', value: { id, networkId, made: true, createdAt } },
    {
      put: 'engineEndpoint',
      value: { id: id as EndpointId, networkId, addresses, mac, exposed: [], ...common },
    },
    {
      put: 'engineLease',
      value: { id: 'fairlead-10.91.0.0/24/10.91.0.2', subnet: '10.91.0.0/24' as Cidr, address, ...common },
    },
  ]);
  await start(store);
  expect(core.engines.holdings()).toEqual({ pools: [], leases: [], networks: [], endpoints: [] });
});

describe('an interface whose taker is slow to configure it', () => {
  let id: string;
  let ifname: string;

  beforeEach(async () => {
    id = await makeEndpoint(core, await makeNetwork(core));
    ({ ifname } = await core.engines.join(id, key));
    vi.useFakeTimers();
    parts.changeLink({ ifname });
    await vi.advanceTimersByTimeAsync(20_000);
    expect(endpointOf(id)?.engine).toBe('offered');
  });

  test('is followed until it has', async () => {
    parts.world.namespaces.set(key, new Set());
    parts.world.taken.set(ifname, { path: key, ifname: 'eth0' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(endpointOf(id)?.engine).toBe('taken');
  });

  test('is looked at when the kernel tells of it, whenever it would have been', async () => {
    take(parts, ifname);
    await vi.advanceTimersByTimeAsync(1);
    expect(endpointOf(id)?.engine).toBe('taken');
  });
});

test('a reboot leaves an engine its networks and pools, and takes its containers with their addresses', async () => {
  const network = await makeNetwork(core);
  const id = await makeEndpoint(core, network);
  await core.engines.join(id, key);
  const { id: poolId } = await core.engines.requestPool({
    family: 4,
    subnet: '10.91.0.0/24' as Cidr,
    options: {},
  });
  await core.engines.requestAddress({ poolId, gateway: true });
  core = new CoreController({ ...fakeParts(store), bootId: 'next-boot' });
  await core.start();
  expect(core.sandboxes()).toEqual([]);
  expect(core.engines.holdings()).toMatchObject({
    pools: [{ id: poolId }],
    leases: [{ address: '10.91.0.1', gateway: true }],
    networks: [{ id: network.id }],
    endpoints: [],
  });
  const address = '10.90.0.2' as IpAddress;
  expect(await core.engines.requestAddress({ ...network, gateway: false, address })).toBe('10.90.0.2/24');
});

test.each([
  ['10.90.0.0/30', ['10.90.0.1/30', '10.90.0.2/30']],
  ['10.90.0.0/31', ['10.90.0.0/31', '10.90.0.1/31']],
  ['10.90.0.0/32', ['10.90.0.0/32']],
])('of %s no more addresses are given than there are, and the last says so', async (small, given) => {
  const { id } = await core.engines.requestPool({ family: 4, subnet: small as Cidr, options: {} });
  const addresses = [await core.engines.requestAddress({ poolId: id, gateway: true })];
  for (const _ of given.slice(1))
    addresses.push(await core.engines.requestAddress({ poolId: id, gateway: false }));
  expect(addresses).toEqual(given);
  await expect(core.engines.requestAddress({ poolId: id, gateway: false })).rejects.toThrow(
    `pool ${small} is full`,
  );
});

describe('a container of an engine that is connected to a further network without the engine', () => {
  const path = '/run/docker/netns/1';
  const routesOf = (name: string) => {
    const { id } = core.sandbox(name);
    return defaultRoutes(parts, endpointsOfSandbox(store.state, id));
  };

  beforeEach(async () => {
    await core.createNetwork({ name: 'lab', pools: [{ subnet, gateway, reserved: {} }] });
    parts.world.namespaces.set(path, new Set(['eth0']));
    parts.world.containers.set('web', path);
  });

  test('gets an interface the engine will not want to name its own', async () => {
    expect(await core.connect({ network: 'lab', target: 'docker:web' })).toMatchObject({ ifname: 'fl0' });
  });

  test('keeps its way out, unless it is connected with a priority', async () => {
    await core.connect({ network: 'lab', target: 'docker:web' });
    expect(routesOf('web')).toEqual({});
    await core.disconnect('lab', 'web', { force: false });
    await core.connect({ network: 'lab', target: 'docker:web', gatewayPriority: 1 });
    expect(routesOf('web')).toEqual({ ipv4: { gateway, ifname: 'fl0' } });
  });

  test('publishes ports as it answers: not by the way the question came', async () => {
    const { id } = await core.connect({ network: 'lab', target: 'docker:web' });
    const ports = [{ protocol: 'tcp', port: 80, hostPort: { first: 8080, last: 8080 } }] as const;
    await core.publish('web', ports);
    expect(policyState(parts).endpoints).toMatchObject([
      { endpointId: id, forwards: [{ keepSource: false }] },
    ]);
  });
});

test('whoever wants a port is told the name its owner has by now', async () => {
  const owners: HostPortOwner[] = [];
  const { hostPorts } = parts;
  const reserve: HostPorts['reserve'] = (owner, requests) => {
    owners.push(owner);
    return hostPorts.reserve(owner, requests);
  };
  core = new CoreController({ ...parts, hostPorts: { ...hostPorts, reserve } });
  const id = await makeEndpoint(core, await makeNetwork(core));
  await core.engines.join(id, key);
  await core.engines.publish(id, [{ protocol: 'tcp', port: 80 }]);
  const endpoints = [{ id, aliases: [] }];
  await core.engines.nameContainer({ id: 'c0ffee'.repeat(10), name: 'web', hostname: 'web', endpoints });
  expect(owners.map(({ sandboxName }) => sandboxName)).toEqual(['web']);
});
