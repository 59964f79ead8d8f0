// Networks of a cluster as the core handles them: there on demand, told to others, following others.
import { beforeEach, describe, expect, test } from 'vitest';
import { addressOf, type Cidr, type InterfaceAddress, type IpAddress } from '../../../src/base/cidr.ts';
import type { MacAddress } from '../../../src/base/mac.ts';
import { randomId } from '../../../src/base/random-id.ts';
import { CoreController } from '../../../src/core/controller.ts';
import type { EndpointId, HostId, NetworkId, SandboxId } from '../../../src/model/ids.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Peer } from '../../../src/model/peer.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;
let lab: Network;

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
  lab = await core.createNetwork({ name: 'lab', driver: 'overlay' });
  await core.createSandbox({ name: 'web' });
});

function peer(name: string, address: string): Peer {
  return {
    id: randomId() as EndpointId,
    networkId: lab.id,
    sandboxId: randomId() as SandboxId,
    names: [name],
    mac: '02:00:00:00:00:99' as MacAddress,
    addresses: [address as InterfaceAddress],
    services: [],
    host: {
      id: randomId() as HostId,
      name: 'h2',
      address: '192.0.2.2' as IpAddress,
      mac: '02:00:00:00:00:02' as MacAddress,
      mtuBytes: 1500,
    },
  };
}

describe('a network', () => {
  test('is claimed, and has nothing in the kernel before somebody is on it', () => {
    expect(lab).toMatchObject({ shared: true, options: { vni: '4096' } });
    expect(parts.cluster.networks.get(lab.id)).toMatchObject({ name: 'lab' });
    expect(parts.world.bridges).not.toContain('lab');
    expect([...parts.world.policies]).not.toContain(lab.id);
  });

  test('is there from the first endpoint to the last', async () => {
    await core.createSandbox({ name: 'db' });
    await Promise.all(['web', 'db'].map((target) => core.connect({ network: 'lab', target })));
    expect(parts.world.bridges).toContain('lab');
    expect(parts.cluster.joined).toContain(lab.id);
    await core.disconnect('lab', 'web', { force: false });
    expect(parts.world.bridges).toContain('lab');
    await core.deleteSandbox('db', { force: false });
    expect(parts.world.bridges).not.toContain('lab');
    expect(parts.cluster.joined).not.toContain(lab.id);
    expect(parts.cluster.held.size).toBe(0);
  });

  test('leaves nothing when its first endpoint cannot be made', async () => {
    parts.failOn('sandboxes.attach');
    await expect(core.connect({ network: 'lab', target: 'web' })).rejects.toThrow('told to fail');
    expect(parts.world.bridges).not.toContain('lab');
    expect(parts.cluster.joined).not.toContain(lab.id);
    expect(parts.cluster.published.size).toBe(0);
  });

  test.each(['driver.ensureNetwork', 'forwarding.bringAbout'])(
    'leaves no rules and no bridge when %s fails for its first endpoint',
    async (call) => {
      parts.failOn(call);
      await expect(core.connect({ network: 'lab', target: 'web' })).rejects.toThrow('told to fail');
      expect([...parts.world.policies]).not.toContain(lab.id);
      expect(parts.world.bridges).not.toContain('lab');
      await core.connect({ network: 'lab', target: 'web' });
      expect(parts.world.bridges).toContain('lab');
    },
  );

  test('is not made when the cluster cannot be asked, and nothing is left of it', async () => {
    parts.cluster.away = true;
    const before = core.networks().length;
    await expect(core.createNetwork({ name: 'far', driver: 'overlay' })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(core.networks()).toHaveLength(before);
  });

  test('stays whole when others are still on it', async () => {
    await parts.cluster.setPeers(lab.id, [peer('db', '10.209.1.9/24')]);
    await expect(core.deleteNetwork('lab', { force: false })).rejects.toMatchObject({ code: 'conflict' });
    expect(core.network('lab').pending).toBeUndefined();
  });

  test.each([
    { while: 'others are on it', away: false, code: 'conflict' },
    { while: 'the cluster cannot be asked', away: true, code: 'unavailable' },
  ])('that is not given up while $while keeps its endpoints here', async ({ away, code }) => {
    await core.connect({ network: 'lab', target: 'web' });
    await parts.cluster.setPeers(lab.id, [peer('db', '10.209.1.9/24')]);
    parts.cluster.away = away;
    await expect(core.deleteNetwork('lab', { force: true })).rejects.toMatchObject({ code });
    expect(core.network('lab').endpoints).toHaveLength(1);
  });

  test('that cannot be given up keeps no other from being pruned', async () => {
    await core.createNetwork({ name: 'mine' });
    parts.cluster.away = true;
    const pruned = await core.pruneNetworks(({ name }) => name === 'bridge');
    expect(pruned.map(({ name }) => name)).toEqual(['mine']);
    expect(core.network('lab').pending).toBeUndefined();
  });

  test('of this host alone is deleted without asking others', async () => {
    const { shared: _, ...own } = { ...lab, id: randomId() as NetworkId, name: 'own' };
    await parts.store.commit([{ put: 'network', value: { ...own, ipam: { ...own.ipam, pools: [] } } }]);
    parts.cluster.away = true;
    await core.deleteNetwork('own', { force: false });
    expect(core.networks().map(({ name }) => name)).not.toContain('own');
  });

  test('that was left half made goes as soon as the cluster is there', async () => {
    const draft = { ...lab, pending: true as const };
    await parts.store.commit([{ put: 'network', value: draft }]);
    parts.cluster.networks.set(lab.id, lab);
    await parts.cluster.listener?.networkFound(lab);
    expect(core.networks().map(({ name }) => name)).not.toContain('lab');
    expect(parts.cluster.networks.size).toBe(0);
  });

  test('that was left half made, and that others use by now, is one like those they made', async () => {
    await parts.store.commit([{ put: 'network', value: { ...lab, pending: true } }]);
    await parts.cluster.setPeers(lab.id, [peer('db', '10.209.1.9/24')]);
    await parts.cluster.listener?.networkFound(lab);
    expect(core.network('lab').pending).toBeUndefined();
  });

  test('that a runtime made gets no further subnet here alone while somebody is on it', async () => {
    const wanted = (...subnets: readonly string[]) => ({
      name: 'pods',
      driver: 'overlay' as const,
      pools: subnets.map((subnet) => ({ subnet: subnet as Cidr, reserved: {} })),
    });
    const pods = await core.runtimes.ensureNetwork(wanted('10.5.0.0/24'));
    await core.connect({ network: 'pods', target: 'web' });
    await expect(core.runtimes.ensureNetwork(wanted('10.5.0.0/24', '10.6.0.0/24'))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('it lacks subnet 10.6.0.0/24'),
    });
    expect(core.network('pods').ipam).toEqual(pods.ipam);
  });

  test('is given up everywhere', async () => {
    await core.deleteNetwork('lab', { force: false });
    expect(parts.cluster.networks.size).toBe(0);
  });
});

describe('an endpoint', () => {
  test('is told to others, as it is and when it goes', async () => {
    const { id, addresses } = await core.connect({ network: 'lab', target: 'web', aliases: ['www'] });
    expect(parts.cluster.published.get(id)).toMatchObject({ addresses, networkId: lab.id });
    expect(parts.cluster.published.get(id)?.names).toEqual(expect.arrayContaining(['web', 'www']));
    await core.disconnect('lab', 'web', { force: false });
    expect(parts.cluster.published.size).toBe(0);
  });

  test('gets an address of a block while the cluster is away, but no block', async () => {
    await core.connect({ network: 'lab', target: 'web' });
    parts.cluster.away = true;
    await core.createSandbox({ name: 'db' });
    await core.connect({ network: 'lab', target: 'db' });
    const far = { ...lab, id: randomId() as NetworkId, name: 'far' };
    const pools = [{ subnet: '10.77.0.0/24' as never, reserved: {} }];
    const network = { ...far, ipam: { ...far.ipam, pools } };
    parts.cluster.networks.set(network.id, network);
    await parts.cluster.listener?.networkFound(network);
    await expect(core.connect({ network: 'far', target: 'db' })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  test('that is lost to the cluster is disconnected, and its loss is told', async () => {
    const heard: string[] = [];
    core.events.subscribe((event) => void heard.push(`${event.type} ${event.action}`));
    const { id } = await core.connect({ network: 'lab', target: 'web' });
    await parts.cluster.listener?.endpointLost(id, 'its address is that of another');
    expect(core.network('lab').endpoints).toEqual([]);
    expect(heard).toContain('endpoint lost');
  });
});

describe('others', () => {
  test('are reachable and have names while somebody here is on their network', async () => {
    const db = peer('db', '10.209.1.9/24');
    await parts.cluster.setPeers(lab.id, [db]);
    expect(parts.world.names).not.toContain(db.id);
    await core.connect({ network: 'lab', target: 'web' });
    await parts.cluster.setPeers(lab.id, [db]);
    expect([...(parts.world.tunnels.get('lab') ?? [])]).toEqual([db.id]);
    expect(parts.world.names).toContain(db.id);
    await parts.cluster.listener?.peersChanged(lab.id, { put: [], gone: [db], all: false });
    expect(parts.world.tunnels.get('lab')?.size).toBe(0);
    expect(parts.world.names).not.toContain(db.id);
  });

  test('take their names along with the last endpoint here', async () => {
    const db = peer('db', '10.209.1.9/24');
    await core.connect({ network: 'lab', target: 'web' });
    await parts.cluster.setPeers(lab.id, [db]);
    await core.disconnect('lab', 'web', { force: false });
    expect(parts.world.names).not.toContain(db.id);
  });

  test.each(['disconnect', 'delete'])(
    'whose hardware address an endpoint here had are reached after its %s',
    async (way) => {
      await core.connect({ network: 'lab', target: 'web' });
      await core.createSandbox({ name: 'old' });
      const db = peer('db', '10.209.1.9/24');
      await core.connect({ network: 'lab', target: 'old', mac: db.mac });
      await parts.cluster.setPeers(lab.id, [db]);
      // The kernel has it at the endpoint here.
      parts.world.tunnels.get('lab')?.clear();
      if (way === 'disconnect') await core.disconnect('lab', 'old', { force: false });
      else await core.deleteSandbox('old', { force: false });
      expect(parts.world.tunnels.get('lab')).toContain(db.id);
    },
  );

  test('whose way was taken out of the kernel are found by a check, which puts it back', async () => {
    const db = peer('db', '10.209.1.9/24');
    await core.connect({ network: 'lab', target: 'web' });
    await parts.cluster.setPeers(lab.id, [db]);
    parts.world.tunnels.get('lab')?.clear();
    expect((await core.check({ fix: true })).differences).toMatchObject([{ repaired: true }]);
    expect(parts.world.tunnels.get('lab')).toContain(db.id);
    expect((await core.check({ fix: false })).differences).toEqual([]);
  });

  test('make networks that are known here, unless one of this host is in the way', async () => {
    const found = (name: string, subnet: string): Network => ({
      ...lab,
      id: randomId() as NetworkId,
      name,
      ipam: { ...lab.ipam, pools: [{ subnet: subnet as never, reserved: {} }] },
    });
    await parts.cluster.listener?.networkFound(found('far', '10.77.0.0/24'));
    expect(core.network('far')).toMatchObject({ driver: 'overlay' });
    await core.createNetwork({ name: 'mine' });
    await expect(parts.cluster.listener?.networkFound(found('mine', '10.78.0.0/24'))).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(parts.cluster.listener?.networkFound(found('other', '10.77.0.0/16'))).rejects.toThrow(
      '10.77.0.0/16 overlaps 10.77.0.0/24 of network far',
    );
  });

  test('delete a network, which ends what is on it here', async () => {
    await core.connect({ network: 'lab', target: 'web' });
    await parts.cluster.listener?.networkGone(lab.id);
    expect(core.networks().map(({ name }) => name)).not.toContain('lab');
    expect(core.endpoints()).toEqual([]);
    expect(parts.world.bridges).not.toContain('lab');
  });

  test('delete a network an engine holds an address of, and it is followed no more', async () => {
    const db = peer('db', '10.209.1.9/24');
    await core.connect({ network: 'lab', target: 'web' });
    await parts.cluster.setPeers(lab.id, [db]);
    const [{ subnet }] = lab.ipam.pools as [Network['ipam']['pools'][number]];
    const address = '10.209.1.77' as IpAddress;
    const lease = { id: 'lease', subnet, address, createdAt: '', bootId: parts.bootId };
    await parts.store.commit([{ put: 'engineLease', value: lease }]);
    await parts.cluster.listener?.networkGone(lab.id);
    expect(parts.cluster.joined).not.toContain(lab.id);
    expect(parts.world.names).not.toContain(db.id);
  });

  test('delete a network on which somebody is put meanwhile, and nobody stays on it', async () => {
    await core.connect({ network: 'lab', target: 'web' });
    await core.createSandbox({ name: 'db' });
    const gone = parts.cluster.listener?.networkGone(lab.id);
    await Promise.allSettled([gone, core.connect({ network: 'lab', target: 'db' })]);
    await parts.cluster.listener?.networkGone(lab.id);
    expect(core.networks().map(({ name }) => name)).not.toContain('lab');
    expect(core.endpoints()).toEqual([]);
    expect(parts.world.bridges).not.toContain('lab');
  });
});

test('a start opens tunnels unless the cluster says that they have to be closed', async () => {
  await core.close();
  for (const told of [false, true]) {
    const next = fakeParts(parts.store);
    next.world.tunnelsOpen = !told;
    const start = next.cluster.start.bind(next.cluster);
    Object.assign(next, {
      cluster: Object.assign(next.cluster, {
        start: async (...args: Parameters<typeof start>) => {
          await start(...args);
          if (told) await args[1].tunnelsChanged(false);
        },
      }),
    });
    const again = new CoreController(next);
    await again.start();
    expect(next.world.tunnelsOpen).toBe(!told);
    await again.close();
  }
});

test('a start finds its endpoints in the records and tells the cluster of them', async () => {
  const { id, addresses } = await core.connect({ network: 'lab', target: 'web' });
  await core.close();
  const next = fakeParts(parts.store);
  next.cluster.peers.set(lab.id, new Map());
  for (const [path, names] of parts.world.namespaces) next.world.namespaces.set(path, names);
  const again = new CoreController(next);
  await again.start();
  expect(next.cluster.recorded?.networks).toMatchObject([{ id: lab.id }]);
  expect(next.cluster.recorded?.endpoints).toMatchObject([{ id, addresses }]);
  expect(next.cluster.joined).toContain(lab.id);
  expect(next.world.bridges).toContain('lab');
  expect(addresses.map(addressOf)).toHaveLength(1);
});

describe('a resolver that a start opens on a network of several hosts', () => {
  /** The daemon after this one, which has the same namespaces to look after. */
  async function nextParts(): Promise<FakeParts> {
    await core.connect({ network: 'lab', target: 'web' });
    await core.createNetwork({ name: 'own' });
    await core.createSandbox({ name: 'alone' });
    await core.connect({ network: 'own', target: 'alone' });
    await core.close();
    const next = fakeParts(parts.store);
    for (const [path, names] of parts.world.namespaces) next.world.namespaces.set(path, names);
    return next;
  }

  test('is open only when the names of other hosts are known', async () => {
    const next = await nextParts();
    await next.cluster.setPeers(lab.id, [peer('db', '10.209.1.9/24')]);
    const openAt: number[] = [];
    const { put } = next.names;
    Object.assign(next.names, {
      put: (entry: Parameters<typeof put>[0]) => {
        if (entry.names[0] === 'db') openAt.push(next.world.resolvers.size);
        put(entry);
      },
    });
    await new CoreController(next).start();
    // The one of a sandbox on a network of this host alone.
    expect(openAt).toEqual([1]);
    expect(next.world.resolvers.size).toBe(2);
  });

  test('is open all the same when nothing is heard of other hosts', async () => {
    const next = await nextParts();
    await new CoreController(next).start();
    expect(next.world.resolvers.size).toBe(2);
  });
});
