// How a host comes into a cluster, stays in it, and is refused.
import { expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/base/cidr.ts';
import { Bed, endpoint, hostRecord, network, root } from './bed.ts';

const claimKey = `${root}claim/host-1`;

test('the first host says what all agree on, the others keep to it', async () => {
  const bed = new Bed();
  await bed.host(1);
  const two = await bed.host(2, { leaseSeconds: { value: 30, given: false } });
  expect(JSON.parse(bed.server.get(`${root}schema`).key?.value ?? '')).toEqual({
    version: 1,
    clusterId: expect.any(String),
    leaseSeconds: 10,
    graceSeconds: 20,
    family: 4,
  });
  await bed.until(() => two.cluster.view().members.filter(({ alive }) => alive).length === 2);
  expect(two.cluster.view()).toMatchObject({
    hostId: 'host-2',
    hostName: 'machine2',
    address: '192.0.2.2',
    prefix: '/fairlead',
    endpoints: ['simulated:2379'],
    lease: { ttlSeconds: 10 },
    graceSeconds: 20,
    unpublished: 0,
    unusable: [],
    members: [
      { id: 'host-1', name: 'machine1', alive: true, self: false },
      { id: 'host-2', name: 'machine2', alive: true, self: true },
    ],
  });
});

const refusals = [
  {
    what: 'another lease than the cluster’s that somebody chose',
    changed: { leaseSeconds: { value: 30, given: true } },
    message: "the cluster's lease is 10 s since it was made, this host is given 30 s",
  },
  {
    what: 'another grace than the cluster’s that somebody chose',
    changed: { graceSeconds: { value: 30, given: true } },
    message: "the cluster's grace is 20 s since it was made, this host is given 30 s",
  },
  {
    what: 'the address of a host that lives',
    changed: { host: { ...hostRecord(2), address: '192.0.2.1' as IpAddress } },
    message: 'address 192.0.2.1 is that of host machine1 (host-1) too, which lives',
  },
  {
    what: 'the id of a host that lives elsewhere',
    changed: { host: { ...hostRecord(1), address: '192.0.2.2' as IpAddress } },
    message: "another host lives with this one's id host-1: machine1 at 192.0.2.1",
  },
  {
    what: 'an address of the other family',
    changed: { host: { ...hostRecord(2), address: '2001:db8::2' as IpAddress } },
    message: 'the hosts of the cluster have IPv4 addresses, this one is given 2001:db8::2',
  },
];

for (const { what, changed, message } of refusals) {
  test(`a host with ${what} is refused`, async () => {
    const bed = new Bed();
    await bed.host(1);
    const two = await bed.host(2, changed);
    const { state, lastError } = two.cluster.view();
    expect({ state, message: lastError?.message }).toEqual({ state: 'refused', message });
    expect(bed.keys('claim/')).toEqual(['claim/host-1']);
  });
}

test('a cluster with newer records is refused, and taken part in once it is not', async () => {
  const bed = new Bed();
  const newer = JSON.stringify({ version: 2, leaseSeconds: 10, graceSeconds: 20, family: 4 });
  bed.server.write([], [{ put: `${root}schema`, value: newer }]);
  const one = await bed.host(1);
  expect(one.cluster.view().state).toBe('refused');
  expect(bed.keys()).toEqual(['schema']);
  bed.server.write([], [{ delete: `${root}schema` }]);
  await bed.until(() => one.cluster.view().state === 'joined');
});

test('the address of a host that is away for good is free', async () => {
  const bed = new Bed();
  (await bed.host(1)).kill();
  await bed.until(() => bed.keys('host/').length === 0);
  const two = await bed.host(2, { host: { ...hostRecord(2), address: '192.0.2.1' as IpAddress } });
  await bed.until(() => two.cluster.view().state === 'joined');
});

test('a copy of a host that remembers nothing is refused while the claim of the original lasts', async () => {
  const bed = new Bed();
  (await bed.host(1)).kill();
  await bed.until(() => bed.keys('host/').length === 0);
  const copy = await bed.host(1, { host: { ...hostRecord(1), address: '192.0.2.7' as IpAddress } });
  expect(copy.cluster.view().state).toBe('refused');
  await bed.until(() => copy.cluster.view().state === 'joined');
  expect(bed.server.get(claimKey).key?.value).toContain('192.0.2.7');
});

test('a host that forgot its claim takes it over with another token', async () => {
  const bed = new Bed();
  (await bed.host(1)).kill();
  const before = bed.server.get(claimKey).key;
  const again = await bed.host(1);
  await bed.until(() => again.cluster.view().state === 'joined');
  const after = bed.server.get(claimKey).key;
  expect(after?.createRevision).toBe(before?.createRevision);
  expect(after?.modRevision).not.toBe(before?.modRevision);
  await bed.run(60_000);
  expect(bed.keys('claim/')).toEqual(['claim/host-1']);
});

test('a host stays registered for as long as it lives, and goes when it does not', async () => {
  const bed = new Bed();
  const one = await bed.host(1);
  const two = await bed.host(2);
  const before = bed.server.get(claimKey).key;
  await bed.run(600_000);
  expect(bed.server.get(claimKey).key).toEqual(before);
  one.kill();
  await bed.until(() => two.cluster.view().members.some(({ alive }) => !alive));
  expect(two.cluster.view().members.map(({ id, alive }) => `${id} ${alive}`)).toEqual([
    'host-2 true',
    'host-1 false',
  ]);
  await bed.until(() => two.cluster.view().members.length === 1);
});

test('a host that was away for less than the grace keeps its claim and lives again', async () => {
  const bed = new Bed();
  const one = await bed.host(1);
  const before = bed.server.get(claimKey).key;
  one.link.cut();
  await bed.until(() => bed.keys('host/').length === 0);
  expect(one.cluster.view().state).toBe('away');
  one.link.heal();
  await bed.until(() => bed.keys('host/').length === 1 && one.cluster.view().state === 'joined');
  expect(bed.server.get(claimKey).key).toEqual(before);
});

test('a host whose records somebody deleted registers again', async () => {
  const bed = new Bed();
  const one = await bed.host(1);
  bed.server.write([], [{ deleteBelow: `${root}host/` }]);
  await bed.until(() => bed.keys('host/').length === 1);
  bed.server.write([], [{ deleteBelow: `${root}claim/` }]);
  await bed.until(() => bed.keys('claim/').length === 1);
  await bed.until(() => one.cluster.view().state === 'joined');
});

test('a start does not wait for long for a store that is away', async () => {
  const bed = new Bed();
  const one = bed.prepare(1);
  one.link.cut();
  const before = bed.time.nowMs;
  await bed.time.settle(one.start({ networks: [], endpoints: [] }));
  expect(bed.time.nowMs - before).toBeLessThanOrEqual(2_000);
  expect(one.cluster.view().state).toBe('away');
  const claim = one.cluster.claimNetwork(network('lab'), []);
  expect(await bed.outcome(claim)).toMatch(/^unavailable: this host is not registered in the cluster: /);
  one.link.heal();
  await bed.until(() => one.cluster.view().state === 'joined');
});

test('a host with endpoints of which nobody remembers the claim keeps its tunnels closed until it is registered', async () => {
  const bed = new Bed();
  const lab = { ...network('lab'), shared: true } as const;
  const one = bed.prepare(1);
  one.link.cut();
  await bed.time.settle(one.start({ networks: [lab], endpoints: [endpoint('web', lab, '10.0.0.2')] }));
  expect(one.told).toEqual(['closed']);
  expect(one.cluster.view().state).toBe('fenced');
});

test('nothing is called any more after the end', async () => {
  const bed = new Bed();
  const one = await bed.host(1);
  const two = await bed.host(2);
  await bed.time.settle(one.cluster.close());
  await bed.time.settle(two.cluster.claimNetwork(network('lab'), []));
  await bed.run(300_000);
  expect(one.told).toEqual([]);
});
