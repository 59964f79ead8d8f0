// What container runtimes ask of the core, over a kernel made of maps: networks by what they should be, endpoints by id.
import { beforeEach, describe, expect, test } from 'vitest';
import { type IpAddress, parseCidr } from '../../../src/base/cidr.ts';
import { CoreController } from '../../../src/core/controller.ts';
import type { EnsureNetworkRequest } from '../../../src/core/runtime-requests.ts';
import type { Runtimes } from '../../../src/core/runtimes.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;
let runtimes: Runtimes;

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  runtimes = core.runtimes;
  await core.start();
});

function pods(...subnets: readonly string[]): EnsureNetworkRequest {
  return {
    name: 'pods',
    pools: subnets.map((subnet) => ({ subnet: parseCidr(subnet, 'subnet'), reserved: {} })),
    options: { hairpin: 'true' },
  };
}

function pod(containerId: string, ifname = 'eth0') {
  const path = `/run/netns/${containerId}`;
  if (!parts.world.namespaces.has(path)) parts.world.namespaces.set(path, new Set());
  return {
    network: 'pods',
    target: `netns:${path}`,
    sandboxName: containerId,
    ifname,
    cni: { network: 'pods', containerId, netns: path },
  };
}

function snapshot() {
  const { networks, endpoints, sandboxes } = parts.store.state;
  const { supervisor: _, processes: __, ...world } = parts.world;
  return structuredClone({ networks, endpoints, sandboxes, world });
}

const web = { port: 80, protocol: 'tcp', hostPort: { first: 8080, last: 8080 } } as const;

describe('a network by what it should be', () => {
  test('is made once, however many ask at the same time', async () => {
    const asked = Array.from({ length: 20 }, () => runtimes.ensureNetwork(pods('10.5.0.0/24')));
    const ids = new Set((await Promise.all(asked)).map(({ id }) => id));
    expect(ids.size).toBe(1);
    expect(core.network('pods').ipam.pools).toMatchObject([{ subnet: '10.5.0.0/24', gateway: '10.5.0.1' }]);
  });

  test('gets a further subnet while somebody is on it', async () => {
    const { id } = await runtimes.ensureNetwork(pods('10.5.0.0/24'));
    await runtimes.attach(pod('a'));
    const wider = await runtimes.ensureNetwork(pods('10.6.0.0/24', 'fd00:6::/64'));
    expect(wider.id).toBe(id);
    expect(wider.ipam.pools.map(({ subnet }) => subnet)).toEqual([
      '10.5.0.0/24',
      '10.6.0.0/24',
      'fd00:6::/64',
    ]);
    expect(wider).toMatchObject({ ipv4: true, ipv6: true });
  });

  test('is made anew where nobody is on it', async () => {
    const { id } = await runtimes.ensureNetwork(pods('10.5.0.0/24'));
    const changed = await runtimes.ensureNetwork({ ...pods('10.6.0.0/24'), options: { hairpin: 'false' } });
    expect(changed.id).not.toBe(id);
    expect(core.networks().filter(({ name }) => name === 'pods')).toHaveLength(1);
    expect(changed.ipam.pools.map(({ subnet }) => subnet)).toEqual(['10.6.0.0/24']);
  });

  test.each([
    [{ options: { hairpin: 'false' } }, 'option hairpin is true, not false'],
    [{ options: {} }, 'option hairpin is true, not unset'],
    [{ options: { hairpin: 'true', mtu: '1400' } }, 'option mtu is not set, not 1400'],
    [{ driver: 'macvlan' }, 'driver is bridge, not macvlan'],
    [{ internal: true }, 'internal is false, not true'],
    [
      { pools: [{ subnet: parseCidr('10.5.0.0/24', ''), gateway: '10.5.0.9' as IpAddress, reserved: {} }] },
      'gateway of 10.5.0.0/24 is 10.5.0.1, not 10.5.0.9',
    ],
  ])('refuses %j while somebody is on it, and changes nothing', async (change, message) => {
    await runtimes.ensureNetwork(pods('10.5.0.0/24'));
    await runtimes.attach(pod('a'));
    const before = snapshot();
    await expect(runtimes.ensureNetwork({ ...pods('10.5.0.0/24'), ...change })).rejects.toThrow(message);
    expect(snapshot()).toEqual(before);
  });

  test('one made by hand is used as it is, and never changed', async () => {
    await core.createNetwork({
      name: 'pods',
      options: { hairpin: 'true', mtu: '1400' },
      pools: [{ subnet: parseCidr('10.5.0.0/24', ''), reserved: {} }],
    });
    const before = snapshot();
    expect((await runtimes.ensureNetwork(pods('10.5.0.0/24'))).options).toMatchObject({ mtu: '1400' });
    await expect(runtimes.ensureNetwork(pods('10.6.0.0/24'))).rejects.toThrow('it lacks subnet 10.6.0.0/24');
    await runtimes.dropNetwork('pods');
    expect(snapshot()).toEqual(before);
  });

  test('is dropped when nobody is on it, and kept while somebody is', async () => {
    await runtimes.ensureNetwork(pods('10.5.0.0/24'));
    const { endpoint } = await runtimes.attach(pod('a'));
    await runtimes.dropNetwork('pods');
    expect(core.network('pods').endpoints).toHaveLength(1);
    await runtimes.removeEndpoint(endpoint.id);
    await runtimes.dropNetwork('pods');
    expect(() => core.network('pods')).toThrow('no network pods');
  });

  test.each(['store.commit', 'firewall.apply', 'driver.ensureNetwork'])(
    'a further subnet that fails at %s leaves everything as it was',
    async (call) => {
      await runtimes.ensureNetwork(pods('10.5.0.0/24'));
      await runtimes.attach(pod('a'));
      const before = snapshot();
      parts.failOn(call);
      await expect(runtimes.ensureNetwork(pods('10.6.0.0/24'))).rejects.toThrow('told to fail');
      expect(snapshot()).toEqual(before);
      await runtimes.ensureNetwork(pods('10.6.0.0/24'));
    },
  );
});

describe('addresses', () => {
  const range = (first: string, last: string) => ({ first: first as IpAddress, last: last as IpAddress });

  test('come one from each set of ranges, the next range when one is full', async () => {
    await runtimes.ensureNetwork(pods('10.5.0.0/24', '10.6.0.0/24'));
    const leases = [
      [range('10.5.0.10', '10.5.0.10'), range('10.5.0.20', '10.5.0.20')],
      [range('10.6.0.10', '10.6.0.20')],
    ];
    const first = await runtimes.attach({ ...pod('a'), leases });
    const second = await runtimes.attach({ ...pod('b'), leases });
    expect(first.endpoint.addresses).toEqual(['10.5.0.10/24', '10.6.0.10/24']);
    expect(second.endpoint.addresses).toEqual(['10.5.0.20/24', '10.6.0.11/24']);
    const before = snapshot();
    await expect(runtimes.attach({ ...pod('c'), leases })).rejects.toMatchObject({ code: 'exhausted' });
    expect(snapshot()).toEqual({ ...before, world: snapshot().world });
    await runtimes.removeEndpoint(first.endpoint.id);
    expect((await runtimes.attach({ ...pod('c'), leases })).endpoint.addresses).toEqual([
      '10.5.0.10/24',
      '10.6.0.12/24',
    ]);
  });

  test('given by somebody else are taken as they are, unless another has them', async () => {
    await runtimes.ensureNetwork(pods('10.5.0.0/24'));
    const given = ['192.0.2.7/32' as never];
    expect((await runtimes.attach({ ...pod('a'), given })).endpoint.addresses).toEqual(given);
    await expect(runtimes.attach({ ...pod('b'), given })).rejects.toThrow(
      'address 192.0.2.7 on network pods is that of sandbox a',
    );
  });

  test('outside of every subnet are refused', async () => {
    await runtimes.ensureNetwork(pods('10.5.0.0/24'));
    await expect(runtimes.attach({ ...pod('a'), leases: ['10.9.0.1' as IpAddress] })).rejects.toThrow(
      'address 10.9.0.1 is in no subnet of network pods (10.5.0.0/24)',
    );
    expect(core.sandboxes()).toEqual([]);
  });
});

describe('endpoints of a runtime', () => {
  beforeEach(async () => {
    await runtimes.ensureNetwork(pods('10.5.0.0/24'));
  });

  test('are found by what the runtime calls them', async () => {
    const { endpoint } = await runtimes.attach(pod('a'));
    await runtimes.attach(pod('a', 'eth1'));
    const key = { network: 'pods', containerId: 'a', ifname: 'eth0' };
    expect(runtimes.findEndpoint(key)?.id).toBe(endpoint.id);
    expect(runtimes.findEndpoint({ ...key, network: 'others' })).toBeUndefined();
  });

  test('may be several on one network in one sandbox, which lasts as long as the last of them', async () => {
    const first = await runtimes.attach(pod('a'));
    const second = await runtimes.attach(pod('a', 'eth1'));
    expect(second.endpoint.sandboxId).toBe(first.endpoint.sandboxId);
    await runtimes.removeEndpoint(first.endpoint.id);
    expect(core.sandbox('a').endpoints.map(({ ifname }) => ifname)).toEqual(['eth1']);
    await runtimes.removeEndpoint(second.endpoint.id);
    expect(core.sandboxes()).toEqual([]);
  });

  test('may join a network in the moment their sandbox leaves its last', async () => {
    const { endpoint } = await runtimes.attach(pod('a'));
    const [, joined] = await Promise.all([
      runtimes.removeEndpoint(endpoint.id),
      runtimes.attach(pod('a', 'eth1')),
    ]);
    expect(core.sandbox('a').endpoints.map(({ id }) => id)).toEqual([joined.endpoint.id]);
    expect(parts.world.namespaces.get('/run/netns/a')).toEqual(new Set(['eth1']));
  });

  test('go also when their namespace is gone, and may go twice', async () => {
    const { endpoint } = await runtimes.attach({ ...pod('a'), ports: [web] });
    expect(await runtimes.isOrphaned(endpoint.id)).toBe(false);
    parts.world.namespaces.delete('/run/netns/a');
    expect(await runtimes.isOrphaned(endpoint.id)).toBe(true);
    await runtimes.removeEndpoint(endpoint.id);
    await runtimes.removeEndpoint(endpoint.id);
    expect(core.sandboxes()).toEqual([]);
    expect(parts.world.ports).toEqual(new Set());
  });

  test('in a namespace that got the number of one that is gone belong to a sandbox of their own', async () => {
    const old = await runtimes.attach(pod('a'));
    parts.world.namespaces.delete('/run/netns/a');
    const renumbered = await runtimes.attach(pod('b'));
    expect(renumbered.endpoint.sandboxId).not.toBe(old.endpoint.sandboxId);
  });

  test('get further ports, names and settings while in use', async () => {
    const { endpoint } = await runtimes.attach({ ...pod('a'), aliases: ['web'] });
    const amended = await runtimes.amendEndpoint(endpoint.id, {
      ports: [web],
      aliases: ['www', 'web'],
      tuning: { promiscuous: true },
      shaping: { toSandbox: { bitsPerSecond: 8_000_000, burstBits: 80_000 } },
    });
    expect(amended.endpoint).toMatchObject({
      aliases: ['web', 'www'],
      ports: [{ hostPort: 8080 }, { hostPort: 8080 }],
      tuning: { promiscuous: true },
      shaping: { toSandbox: { bitsPerSecond: 8_000_000 } },
    });
    expect(parts.world.forwards.get(endpoint.id)).toBe(1);
  });

  test.each(['hostPorts.reserve', 'store.commit', 'firewall.apply', 'sandboxes.attach'])(
    'are as before when an addition fails at %s',
    async (call) => {
      const { endpoint } = await runtimes.attach(pod('a'));
      const before = snapshot();
      parts.failOn(call);
      const additions = { ports: [web], tuning: { promiscuous: true } };
      await expect(runtimes.amendEndpoint(endpoint.id, additions)).rejects.toThrow('told to fail');
      expect(snapshot()).toEqual(before);
    },
  );

  test('that lost their lease or interface are told to be wrong', async () => {
    const { endpoint } = await runtimes.attach(pod('a'));
    expect(await runtimes.checkEndpoint(endpoint.id)).toEqual([]);
    parts.world.namespaces.get('/run/netns/a')?.clear();
    expect(await runtimes.checkEndpoint(endpoint.id)).toMatchObject([{ problem: 'is gone' }]);
  });
});
