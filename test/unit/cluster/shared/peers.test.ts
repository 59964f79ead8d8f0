// Endpoints as hosts tell each other of them.
import { beforeEach, expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import type { EndpointId } from '../../../../src/model/ids.ts';
import type { Network } from '../../../../src/model/network.ts';
import { Bed, type BedHost, endpoint, hostRecord, network, root } from './bed.ts';

let bed: Bed;
let one: BedHost;
let two: BedHost;
let lab: Network;

beforeEach(async () => {
  bed = new Bed();
  one = await bed.host(1);
  two = await bed.host(2);
  lab = await bed.time.settle(one.cluster.claimNetwork(network('lab'), []));
  await bed.until(() => two.told.includes('found lab'));
  one.cluster.join(lab);
  await bed.until(() => told(one).length === 1);
});

const told = (host: BedHost) => host.told.filter((line) => line.startsWith('peers'));

const publish = async (name: string, address: string, host = two) => {
  await bed.time.settle(host.cluster.claimBlock('10.0.0.0/24' as Cidr));
  await bed.time.settle(host.cluster.publish(endpoint(name, lab, address)));
};

test('an endpoint is told to the hosts on its network, and its end', async () => {
  await publish('web', '10.0.0.2');
  await bed.until(() => told(one).length === 2);
  await bed.time.settle(two.cluster.withdraw('ep-web' as EndpointId));
  await bed.until(() => told(one).length === 3);
  expect(told(one)).toEqual([
    'peers id-lab all +[] -[]',
    'peers id-lab +[ep-web@192.0.2.2] -[]',
    'peers id-lab +[] -[ep-web@192.0.2.2]',
  ]);
});

test('who joins is told of all there are at once, and never of its own', async () => {
  await publish('web', '10.0.0.2');
  await publish('db', '10.0.0.3');
  await publish('own', '10.0.0.10', one);
  // Until the other host, which follows since it claimed, has heard of it.
  await bed.run(50);
  two.cluster.join(lab);
  const three = await bed.host(3);
  await bed.until(() => three.told.includes('found lab'));
  expect(three.cluster.peersOf(lab.id)).toBeUndefined();
  three.cluster.join(lab);
  expect(three.cluster.peersOf(lab.id)).toBeUndefined();
  await bed.until(() => told(three).length > 0 && told(two).length > 0);
  expect(told(three)).toEqual(['peers id-lab all +[ep-db@192.0.2.2,ep-own@192.0.2.1,ep-web@192.0.2.2] -[]']);
  expect(told(two)).toEqual(['peers id-lab all +[ep-own@192.0.2.1] -[]']);
  expect([...(three.cluster.peersOf(lab.id)?.keys() ?? [])].sort()).toEqual(['ep-db', 'ep-own', 'ep-web']);
});

test('those of a host that dies are gone when its lease ends, and come back with it', async () => {
  await publish('web', '10.0.0.2');
  two.kill();
  await bed.until(() => told(one).at(-1) === 'peers id-lab +[] -[ep-web@192.0.2.2]');
  expect(bed.keys('net/')).toContain('net/id-lab/endpoint/ep-web');
  const web = endpoint('web', lab, '10.0.0.2');
  await bed.host(2, { after: two, recorded: { networks: [lab], endpoints: [web] } });
  await bed.until(() => told(one).at(-1) === 'peers id-lab +[ep-web@192.0.2.2] -[]');
});

test('those of a host whose lease was ended, and which is back at once, were never gone', async () => {
  await publish('web', '10.0.0.2');
  await bed.until(() => told(one).length === 2);
  const hosts = bed.keys('host/');
  bed.server.write([], [{ deleteBelow: `${root}host/` }]);
  expect(bed.keys('host/')).toEqual([]);
  await bed.until(() => bed.keys('host/').length === hosts.length);
  await bed.run(20_000);
  expect(told(one).slice(2)).toEqual([]);
});

test('those of a host that moved to another address are told anew', async () => {
  await publish('web', '10.0.0.2');
  two.kill();
  const moved = { ...hostRecord(2), address: '192.0.2.9' as IpAddress };
  const web = endpoint('web', lab, '10.0.0.2');
  await bed.host(2, { after: two, host: moved, recorded: { networks: [lab], endpoints: [web] } });
  await bed.until(() => told(one).at(-1) === 'peers id-lab +[ep-web@192.0.2.9] -[]');
});

test('after an interruption only what changed is told, also when history is not kept', async () => {
  await publish('web', '10.0.0.2');
  await bed.until(() => told(one).length === 2);
  one.link.cut();
  await bed.run(20_000);
  await publish('db', '10.0.0.3');
  await bed.time.settle(two.cluster.withdraw('ep-web' as EndpointId));
  bed.server.compact();
  one.link.heal();
  await bed.until(() => told(one).length === 3);
  expect(told(one).at(-1)).toBe('peers id-lab +[ep-db@192.0.2.2] -[ep-web@192.0.2.2]');
});

test('a listener that fails is told everything later', async () => {
  one.failing.add('peers');
  await publish('web', '10.0.0.2');
  await publish('db', '10.0.0.3');
  await bed.run(1_000);
  one.failing.clear();
  await bed.until(() => told(one).length === 2);
  expect(told(one).at(-1)).toBe('peers id-lab all +[ep-db@192.0.2.2,ep-web@192.0.2.2] -[]');
});

test('who left a network is told no more', async () => {
  one.cluster.leave(lab.id);
  await publish('web', '10.0.0.2');
  await bed.run(10_000);
  expect(told(one)).toHaveLength(1);
  expect(one.cluster.peersOf(lab.id)).toBeUndefined();
});

test('peers on a network that is not joined are read', async () => {
  await publish('web', '10.0.0.2');
  one.cluster.leave(lab.id);
  const peers = await bed.time.settle(one.cluster.readPeers(lab));
  expect(peers.map(({ id, host }) => `${id} on ${host.name}`)).toEqual(['ep-web on machine2']);
  one.link.cut();
  expect(await bed.outcome(one.cluster.readPeers(lab))).toMatch(/^unavailable/);
});

test('publishing is not waited for when the store is away, and made up for later', async () => {
  await publish('web', '10.0.0.2');
  two.link.cut();
  await bed.run(20_000);
  const before = bed.time.nowMs;
  await bed.time.settle(two.cluster.publish(endpoint('db', lab, '10.0.0.3')));
  expect(bed.time.nowMs).toBe(before);
  expect(two.cluster.view().unpublished).toBe(1);
  two.link.heal();
  await bed.until(() => bed.keys('net/').includes('net/id-lab/endpoint/ep-db'));
  await bed.until(() => two.cluster.view().unpublished === 0);
});

test('a store that does not answer is waited for half a second', async () => {
  await publish('web', '10.0.0.2');
  two.link.cut('replies');
  const before = bed.time.nowMs;
  await bed.time.settle(two.cluster.publish(endpoint('db', lab, '10.0.0.3')));
  expect(bed.time.nowMs - before).toBeCloseTo(500, -1);
});

test('many endpoints that are published at once take few transactions', async () => {
  await bed.time.settle(two.cluster.claimBlock('10.0.0.0/24' as Cidr));
  const { revision } = bed.server;
  const all = Array.from({ length: 100 }, (_, i) => endpoint(`e${i}`, lab, `10.0.0.${i + 2}`));
  await bed.time.settle(Promise.all(all.map((each) => two.cluster.publish(each))));
  await bed.until(() => bed.keys('net/').length === 101);
  expect(bed.server.revision - revision).toBeLessThanOrEqual(5);
});

test('an endpoint on a network that is gone is lost, again and again until it is withdrawn', async () => {
  await bed.time.settle(one.cluster.releaseNetwork(lab));
  await bed.time.settle(two.cluster.publish(endpoint('web', lab, '10.0.0.2')));
  const line = 'lost ep-web: its network was deleted on another host';
  await bed.until(() => two.told.filter((each) => each === line).length === 3);
  await bed.time.settle(two.cluster.withdraw('ep-web' as EndpointId));
  const count = two.told.length;
  await bed.run(120_000);
  expect(two.told.slice(count).filter((each) => each === line)).toEqual([]);
});
