// A container engine's networks that reach over several hosts.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { randomId } from '../../../src/base/random-id.ts';
import { CoreController } from '../../../src/core/controller.ts';
import type { EngineNetworkRequest } from '../../../src/core/engine-requests.ts';
import type { Network } from '../../../src/model/network.ts';
import { aPeer } from '../../support/a-peer.ts';
import {
  gateway,
  joinNetwork,
  key,
  makeEndpoint,
  networkRequest,
  subnet,
} from '../../support/engine-calls.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
});

async function make(changes: Partial<EngineNetworkRequest> = {}) {
  const pool = await core.engines.requestPool({ family: 4, subnet, options: {} });
  await core.engines.requestAddress({ poolId: pool.id, gateway: true });
  const request = networkRequest(randomId(), { driver: 'overlay', ...changes });
  return { id: request.id, poolId: pool.id, network: await core.engines.createNetwork(request) };
}

const recorded = (): Network | undefined =>
  [...parts.store.state.networks.values()].find(({ driver }) => driver === 'overlay');

describe('a network', () => {
  test('is made for all hosts, by the name it is given', async () => {
    const { network } = await make({ network: 'lab' });
    expect(network).toMatchObject({ name: 'lab', shared: true });
    expect([...parts.cluster.networks.values()]).toMatchObject([{ name: 'lab' }]);
  });

  test('keeps the beginning of its id without one, as other hosts know it by that', async () => {
    const { id } = await make();
    await core.engines.nameNetwork(id, 'front');
    expect(recorded()?.name).toBe(id.slice(0, 12));
    expect([...parts.cluster.networks.values()]).toMatchObject([{ name: id.slice(0, 12) }]);
  });

  test('is joined where it is there', async () => {
    const pools = [{ subnet, gateway, reserved: {} }];
    const { id } = await core.createNetwork({ name: 'lab', driver: 'overlay', pools });
    await joinNetwork(core, 'lab');
    expect(core.engines.holdings().networks).toMatchObject([{ networkId: id, made: false }]);
  });

  test('whose addresses the engine gives is refused', async () => {
    const pools = [{ subnet: '10.91.0.0/24' as Cidr, reserved: {}, leasedHere: false }];
    await expect(make({ network: 'lab', pools })).rejects.toThrow('takes --ipam-driver fairlead');
    expect(recorded()).toBeUndefined();
  });

  test('of another driver that is not there is not made', async () => {
    await expect(make({ network: 'lab', driver: 'bridge' })).rejects.toThrow('no network lab');
  });

  test('that other hosts are on is let go of, and stays', async () => {
    const { id, network } = await make({ network: 'lab' });
    parts.cluster.peers.set(network.id, new Map([aPeer(network)].map((peer) => [peer.id, peer])));
    await expect(core.engines.deleteNetwork(id)).rejects.toThrow('in use on another host');
    expect(core.engines.holdings()).toMatchObject({ networks: [], leases: [] });
    expect(recorded()?.name).toBe('lab');
  });
});

describe('an address', () => {
  test('is of a block of this host, which goes back with the last one', async () => {
    const { poolId, network } = await make({ network: 'lab' });
    expect(parts.cluster.held.get(subnet)).toBeUndefined();
    const first = await core.engines.requestAddress({ poolId, gateway: false });
    expect(first).toBe('10.90.0.2/24');
    expect(parts.cluster.held.get(subnet)).toEqual([subnet]);
    await core.engines.releaseAddress(poolId, '10.90.0.2' as IpAddress);
    expect(parts.cluster.held.get(subnet)).toBeUndefined();
    expect(parts.present.has(network.id)).toBe(false);
  });

  test('keeps the block for an endpoint, and the network is there from its container’s joining to its leaving', async () => {
    const { id, poolId, network } = await make({ network: 'lab' });
    const endpoint = await makeEndpoint(core, { id, poolId });
    expect(parts.world.bridges).not.toContain('lab');
    await core.engines.join(endpoint, key);
    expect(parts.world.bridges).toContain('lab');
    expect([...parts.cluster.published.values()]).toMatchObject([{ networkId: network.id }]);
    await core.engines.leave(endpoint);
    expect(parts.cluster.published.size).toBe(0);
    await core.engines.deleteEndpoint(endpoint);
    await core.engines.releaseAddress(poolId, '10.90.0.2' as IpAddress);
    expect(parts.world.bridges).not.toContain('lab');
    expect(parts.cluster.held.size).toBe(0);
  });

  test('cannot be had while the cluster is away and the host has no block', async () => {
    const { poolId } = await make({ network: 'lab' });
    parts.cluster.away = true;
    await expect(core.engines.requestAddress({ poolId, gateway: false })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(core.engines.holdings().leases).toEqual([]);
  });
});
