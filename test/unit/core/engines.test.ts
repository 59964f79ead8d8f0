// A container engine's calls, in its order and out of it, against fakes that behave.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Cidr, InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import { randomId } from '../../../src/base/random-id.ts';
import { CoreController } from '../../../src/core/controller.ts';
import type { EndpointId } from '../../../src/model/ids.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import {
  gateway,
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

beforeEach(async () => {
  store = openMemoryStore();
  await start();
});

/** As after the death of the daemon: the records and the world outside stay. */
async function start(): Promise<void> {
  const before = parts?.world;
  parts = fakeParts(store);
  if (before !== undefined && store.state.networks.size > 0) Object.assign(parts.world, before);
  core = new CoreController(parts);
  await core.start();
}

function endpointOf(id: string) {
  return store.state.endpoints.get(id as EndpointId);
}

describe('pools and addresses', () => {
  test('a subnet asked for again is the same pool; one of our choice is another each time', async () => {
    const first = await core.engines.requestPool({ family: 4, subnet, options: {} });
    expect(await core.engines.requestPool({ family: 4, subnet, options: {} })).toEqual(first);
    const chosen = await core.engines.requestPool({ family: 4, options: {} });
    const other = await core.engines.requestPool({ family: 4, options: {} });
    expect(new Set([first.subnet, chosen.subnet, other.subnet]).size).toBe(3);
  });

  test('a pool that was given back can be had again, and giving it back twice is fine', async () => {
    const { id } = await core.engines.requestPool({ family: 4, subnet, options: {} });
    await core.engines.requestAddress({ poolId: id, gateway: true });
    await core.engines.releasePool(id);
    await core.engines.releasePool(id);
    expect(core.engines.holdings().leases).toEqual([]);
    await core.createNetwork({ name: 'lab', pools: [{ subnet, reserved: {} }] });
  });

  test('what is not known is refused by name', async () => {
    await expect(core.engines.requestPool({ family: 4, options: { speed: '9' } })).rejects.toThrow(
      'unknown IPAM option speed; known are network',
    );
    await expect(
      core.engines.requestAddress({ poolId: 'fairlead-10.1.0.0/24', gateway: false }),
    ).rejects.toThrow('no pool fairlead-10.1.0.0/24');
  });

  test('the gateway is the first address, also beside a range, and the same when it is asked for again', async () => {
    const range = '10.90.0.64/26' as Cidr;
    const { id } = await core.engines.requestPool({ family: 4, subnet, range, options: {} });
    expect(await core.engines.requestAddress({ poolId: id, gateway: true })).toBe('10.90.0.1/24');
    expect(await core.engines.requestAddress({ poolId: id, gateway: true })).toBe('10.90.0.1/24');
    expect(await core.engines.requestAddress({ poolId: id, gateway: false })).toBe('10.90.0.64/24');
  });

  test('an address stays taken until it is given back, whatever became of its endpoint', async () => {
    const network = await makeNetwork(core);
    const wanted = { poolId: network.poolId, gateway: false, address: '10.90.0.9' as IpAddress };
    await core.engines.requestAddress(wanted);
    const id = randomId();
    const addresses = ['10.90.0.9/24' as InterfaceAddress];
    await core.engines.createEndpoint({ id, networkId: network.id, addresses, exposed: [], options: {} });
    await core.engines.deleteEndpoint(id);
    await expect(core.engines.requestAddress(wanted)).rejects.toThrow('10.90.0.9 is already leased');
    await core.engines.releaseAddress(network.poolId, wanted.address);
    await core.engines.releaseAddress(network.poolId, wanted.address);
    expect(await core.engines.requestAddress(wanted)).toBe('10.90.0.9/24');
  });

  test('an address given back too early stays that of its endpoint', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    await core.engines.releaseAddress(network.poolId, '10.90.0.2' as IpAddress);
    const wanted = { poolId: network.poolId, gateway: false, address: '10.90.0.2' as IpAddress };
    await expect(core.engines.requestAddress(wanted)).rejects.toThrow('already leased');
    await core.engines.deleteEndpoint(id);
    expect(await core.engines.requestAddress(wanted)).toBe('10.90.0.2/24');
  });

  test('an address whose taker was never told is given out again after a restart', async () => {
    const network = await makeNetwork(core);
    const wanted = { poolId: network.poolId, gateway: false, address: '10.90.0.9' as IpAddress };
    await core.engines.requestAddress(wanted);
    await expect(core.engines.requestAddress(wanted)).rejects.toThrow('already leased');
    await start();
    expect(await core.engines.requestAddress(wanted)).toBe('10.90.0.9/24');
  });
});

describe('networks', () => {
  test('a network takes over its pool, and may be created again', async () => {
    const { id, poolId } = await makeNetwork(core);
    expect(core.engines.holdings()).toMatchObject({ pools: [], leases: [], networks: [{ id, made: true }] });
    expect(core.network(id)).toMatchObject({ name: id.slice(0, 12), ipam: { pools: [{ subnet, gateway }] } });
    await core.engines.createNetwork(networkRequest(id));
    await core.engines.releasePool(poolId);
    await expect(core.createNetwork({ name: 'lab', pools: [{ subnet, reserved: {} }] })).rejects.toThrow(
      'overlaps',
    );
    await core.engines.deleteNetwork(id);
    await core.engines.deleteNetwork(id);
    await core.createNetwork({ name: 'lab', pools: [{ subnet, reserved: {} }] });
  });

  test('one that cannot be made leaves the pool as it was', async () => {
    const pool = await core.engines.requestPool({ family: 4, subnet, options: {} });
    await core.engines.requestAddress({ poolId: pool.id, gateway: true });
    parts.failOn('driver.ensureNetwork');
    await expect(core.engines.createNetwork(networkRequest(randomId()))).rejects.toThrow('told to fail');
    expect(core.engines.holdings()).toMatchObject({
      pools: [{ id: pool.id }],
      leases: [{ address: gateway }],
      networks: [],
    });
    expect(await core.engines.requestAddress({ poolId: pool.id, gateway: false })).toBe('10.90.0.2/24');
    await core.engines.createNetwork(networkRequest(randomId()));
  });

  test('on a subnet of the engine’s own choice others get addresses from its end', async () => {
    const id = randomId();
    await core.engines.createNetwork(
      networkRequest(id, { pools: [{ subnet, gateway, reserved: {}, leasedHere: false }] }),
    );
    await core.createSandbox({ name: 'web' });
    const { addresses } = await core.connect({ network: id, target: 'web' });
    expect(addresses).toEqual(['10.90.0.192/24']);
    const endpoint = (address: string) => ({
      id: randomId(),
      networkId: id,
      addresses: [address as InterfaceAddress],
      exposed: [],
      options: {},
    });
    await core.engines.createEndpoint(endpoint('10.90.0.2/24'));
    await expect(core.engines.createEndpoint(endpoint('10.90.0.192/24'))).rejects.toThrow('is in use by web');
    await expect(core.engines.createEndpoint(endpoint('10.91.0.2/24'))).rejects.toThrow('in no subnet');
  });

  test('a network that is there can be joined, and stays when the engine deletes its own', async () => {
    const lab = await core.createNetwork({ name: 'lab', pools: [{ subnet, reserved: {} }] });
    const pool = await core.engines.requestPool({ family: 4, subnet, options: { network: 'lab' } });
    expect(pool.subnet).toBe(subnet);
    expect(await core.engines.requestAddress({ poolId: pool.id, gateway: true })).toBe('10.90.0.1/24');
    const id = randomId();
    await core.engines.createNetwork(networkRequest(id, { network: 'lab' }));
    const endpoint = await makeEndpoint(core, { id, poolId: pool.id });
    await core.engines.join(endpoint, key);
    expect(core.network('lab').endpoints).toHaveLength(1);
    await core.engines.leave(endpoint);
    await core.engines.deleteEndpoint(endpoint);
    await core.engines.releaseAddress(pool.id, '10.90.0.1' as IpAddress);
    await core.engines.releasePool(pool.id);
    await core.engines.deleteNetwork(id);
    expect(core.network('lab').id).toBe(lab.id);
    expect(core.engines.holdings().networks).toEqual([]);
  });

  test.each([
    ['driver', { driver: 'macvlan' }, 'its driver is bridge, not macvlan'],
    ['options', { options: { mtu: '1400' } }, 'option mtu has no meaning'],
    ['internal', { internal: true }, 'it is not internal'],
    [
      'addresses',
      { pools: [{ subnet, gateway, reserved: {}, leasedHere: false }] },
      '--ipam-opt network=lab --subnet 10.90.0.0/24',
    ],
  ])('one that differs in its %s cannot be joined', async (_, changes, problem) => {
    await core.createNetwork({ name: 'lab', pools: [{ subnet, reserved: {} }] });
    const request = networkRequest(randomId(), { network: 'lab', ...changes });
    await expect(core.engines.createNetwork(request)).rejects.toThrow(problem);
  });

  test('a network others are on stays, and is no more the engine’s', async () => {
    const { id } = await makeNetwork(core);
    await core.createSandbox({ name: 'web' });
    await core.connect({ network: id, target: 'web' });
    await expect(core.engines.deleteNetwork(id)).rejects.toThrow('stays, as it is used by web');
    expect(core.network(id).endpoints).toHaveLength(1);
    expect(core.engines.holdings().networks).toEqual([]);
  });

  test('it gets the name the engine tells, unless another has it or no network can', async () => {
    const { id } = await makeNetwork(core);
    await core.createNetwork({ name: 'lab' });
    for (const taken of ['lab', 'my lab', 'lab'.repeat(22)]) {
      await core.engines.nameNetwork(id, taken);
      expect(core.network(id).name).toBe(id.slice(0, 12));
    }
    await core.engines.nameNetwork(id, 'front');
    expect(core.network('front').id).toBe(id);
  });

  test('one that is deleted by others takes along what the engine holds on it', async () => {
    const network = await makeNetwork(core);
    const endpoint = await makeEndpoint(core, network);
    await core.engines.join(endpoint, key);
    await core.deleteNetwork(network.id, { force: true });
    expect(core.engines.holdings()).toEqual({ pools: [], leases: [], networks: [], endpoints: [] });
    await expect(core.engines.join(endpoint, key)).rejects.toThrow('is not known to netd');
    await core.engines.deleteNetwork(network.id);
  });
});

test.each([
  ['a plain network', {}, false, { ipv4: false, ipv6: false }],
  ['an internal network', {}, true, { ipv4: false, ipv6: false }],
  ['one isolated over IPv4', { gateway_mode_ipv4: 'isolated' }, true, { ipv4: true, ipv6: false }],
  ['one isolated over IPv6', { gateway_mode_ipv6: 'isolated' }, true, { ipv4: false, ipv6: true }],
  ['an internal one whose gateway is elsewhere', { inhibit_ipv4: 'true' }, true, { ipv4: true, ipv6: false }],
  ['a gateway that is elsewhere', { inhibit_ipv4: 'true' }, false, { ipv4: false, ipv6: false }],
  ['a routed network', { gateway_mode_ipv4: 'routed' }, false, { ipv4: false, ipv6: false }],
] as const)('which families need no gateway: %s', (_, options, internal, expected) => {
  expect(core.engines.withoutGateway({ options, internal })).toEqual(expected);
});

describe('endpoints', () => {
  test('an interface is offered, taken under another name, and given back', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    const offer = await core.engines.join(id, key);
    expect(offer).toEqual({
      ifname: `fp${id.slice(0, 10)}`,
      prefix: 'eth',
      gateways: { ipv4: gateway },
      routes: [],
    });
    expect(await core.engines.join(id, key)).toEqual(offer);
    expect(parts.world.host).toContain(offer.ifname);
    expect(core.engines.endpoint(id)).toMatchObject({
      engine: 'offered',
      sandboxName: 'container-172aa956e432',
    });
    take(parts, offer.ifname);
    await waitUntil('it is taken', () => endpointOf(id)?.engine === 'taken');
    expect(core.sandbox('container-172aa956e432')).toMatchObject({
      namespace: { kind: 'adopted', path: key },
    });
    expect(parts.world.resolvers.size).toBe(1);
    await core.engines.leave(id);
    await core.engines.leave(id);
    expect(core.sandboxes()).toEqual([]);
    expect(parts.world.resolvers.size).toBe(0);
    await core.engines.deleteEndpoint(id);
    await core.engines.deleteEndpoint(id);
    await core.engines.deleteNetwork(network.id);
    expect(parts.world.bridges.size).toBe(1); // that of the built-in network
  });

  test('an interface is offered before the resolver of its container has started', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    parts.world.namespaces.set(key, new Set());
    let begin = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { openBeside } = parts.names;
    Object.assign(parts.names, {
      openBeside: (...where: Parameters<typeof openBeside>) => begun.then(() => openBeside(...where)),
    });
    await core.engines.join(id, key);
    expect(parts.world.resolvers.size).toBe(0);
    begin();
    await waitUntil('the resolver has started', () => parts.world.resolvers.size === 1);
  });

  test('a container that has left at once keeps no resolver', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    parts.world.namespaces.set(key, new Set());
    await core.engines.join(id, key);
    await core.engines.leave(id);
    await core.close();
    expect(parts.world.resolvers.size).toBe(0);
  });

  test('an endpoint described again is the same; one nobody described is refused with advice', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    const [known] = core.engines.holdings().endpoints;
    const again = { id, networkId: network.id, addresses: [], exposed: [], options: {} };
    expect(await core.engines.createEndpoint(again)).toEqual(known);
    await expect(core.engines.join(randomId(), key)).rejects.toThrow('connect it again');
    await expect(core.engines.createEndpoint({ ...again, id: randomId(), networkId: 'x' })).rejects.toThrow(
      'create it again',
    );
    const odd = { ...again, id: randomId(), options: { speed: '9' } };
    await expect(core.engines.createEndpoint(odd)).rejects.toThrow('unknown endpoint option speed');
  });

  test('two endpoints of one container are in one sandbox', async () => {
    const first = await makeNetwork(core);
    const pool = await core.engines.requestPool({ family: 4, options: {} });
    const second = { id: randomId(), poolId: pool.id };
    await core.engines.requestAddress({ poolId: pool.id, gateway: true });
    const pools = [{ subnet: pool.subnet, reserved: {}, leasedHere: true }];
    await core.engines.createNetwork(networkRequest(second.id, { pools }));
    const [a, b] = [await makeEndpoint(core, first), await makeEndpoint(core, second)];
    await Promise.all([core.engines.join(a, key), core.engines.join(b, key)]);
    expect(core.sandboxes()).toHaveLength(1);
    await core.engines.leave(a);
    expect(core.sandboxes()).toHaveLength(1);
    await core.engines.leave(b);
    expect(core.sandboxes()).toEqual([]);
  });

  test('a join that fails can be repeated, and leaves no sandbox', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    parts.failOn('sandboxes.attach');
    await expect(core.engines.join(id, key)).rejects.toThrow('told to fail');
    expect(core.sandboxes()).toEqual([]);
    await core.engines.join(id, key);
    expect(core.sandboxes()).toHaveLength(1);
  });

  test('a container gets its names, and its sandbox one that is free', async () => {
    const network = await makeNetwork(core);
    await core.createSandbox({ name: 'web' });
    const id = await makeEndpoint(core, network);
    await core.engines.join(id, key);
    const container = {
      id: 'c0ffee'.repeat(10),
      name: 'web',
      hostname: 'www',
      endpoints: [{ id, aliases: ['site'] }],
    };
    await core.engines.nameContainer(container);
    expect(core.engines.endpoint(id)).toMatchObject({
      sandboxName: 'web-2',
      aliases: ['site', 'c0ffeec0ffee'],
    });
    await core.engines.nameContainer({ ...container, name: 'shop' });
    expect(core.sandbox('shop')).toMatchObject({ hostname: 'www', engine: { containerId: container.id } });
  });

  test('ports are exactly those asked for last', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    await expect(core.engines.publish(id, [])).rejects.toThrow('no container has endpoint');
    await core.engines.join(id, key);
    const port = (hostPort: number, to: number) =>
      ({ protocol: 'tcp', port: to, hostPort: { first: hostPort, last: hostPort } }) as const;
    await core.engines.publish(id, [port(8080, 80)]);
    await core.engines.publish(id, [port(8080, 80)]);
    expect(core.ports().map(({ hostPort }) => hostPort)).toEqual([8080, 8080]);
    await core.engines.publish(id, [port(8081, 81)]);
    expect(core.ports().map(({ hostPort }) => hostPort)).toEqual([8081, 8081]);
    await core.engines.unpublish(id);
    await core.engines.unpublish(id);
    expect(core.ports()).toEqual([]);
  });
});

describe('after the daemon has died', () => {
  test('pools, addresses, networks and endpoints are as they were', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    await core.engines.requestPool({ family: 4, options: {} });
    const before = core.engines.holdings();
    await start();
    expect(core.engines.holdings()).toEqual(before);
    expect(await core.engines.requestAddress({ poolId: network.poolId, gateway: false })).toBe(
      '10.90.0.3/24',
    );
    const offer = await core.engines.join(id, key);
    await start();
    expect(endpointOf(id)?.engine).toBe('offered');
    take(parts, offer.ifname);
    await waitUntil('it is taken', () => endpointOf(id)?.engine === 'taken');
  });

  test('an interface that was taken meanwhile is found', async () => {
    const network = await makeNetwork(core);
    const id = await makeEndpoint(core, network);
    const { ifname } = await core.engines.join(id, key);
    parts.world.namespaces.set(key, new Set(['eth0']));
    parts.world.taken.set(ifname, { path: key, ifname: 'eth0' });
    await start();
    await waitUntil('it is taken', () => endpointOf(id)?.engine === 'taken');
    expect(endpointOf(id)?.ifname).toBe('eth0');
  });
});
