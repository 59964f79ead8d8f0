// Blocks of addresses that hosts hold, and endpoints in them.
import { beforeEach, expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import type { Network } from '../../../../src/model/network.ts';
import { Bed, type BedHost, endpoint, network } from './bed.ts';

const subnet = '10.0.0.0/24' as Cidr;
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
});

const claim = (host: BedHost, wanted?: string) =>
  bed.outcome(host.cluster.claimBlock(subnet, wanted as IpAddress | undefined));

test('a subnet that is no network of the cluster has no blocks', () => {
  expect(one.cluster.blocksOf('10.1.0.0/24' as Cidr)).toBeUndefined();
  expect(one.cluster.blocksOf(subnet)).toEqual([]);
});

test('hosts hold different blocks, the lowest first', async () => {
  const claimed: unknown[] = [];
  for (const host of [one, two, one]) {
    claimed.push(await claim(host));
    // Until all have heard of it.
    await bed.run(50);
  }
  expect(claimed).toEqual(['10.0.0.0/29', '10.0.0.8/29', '10.0.0.16/29']);
  expect(one.cluster.blocksOf(subnet)).toEqual(['10.0.0.0/29', '10.0.0.16/29']);
  expect(one.memory.remembered.blocks.map(({ cidr }) => cidr)).toEqual(['10.0.0.0/29', '10.0.0.16/29']);
});

test('who asks for any block while one is being claimed gets that one', async () => {
  const both = [one.cluster.claimBlock(subnet), one.cluster.claimBlock(subnet)];
  expect(await bed.time.settle(Promise.all(both))).toEqual(['10.0.0.0/29', '10.0.0.0/29']);
  expect(bed.keys('net/')).toHaveLength(1);
});

test('hosts that claim at once do not get the same', async () => {
  const claims = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? one : two).cluster.claimBlock(subnet));
  await bed.time.settle(Promise.all(claims));
  const [ours, theirs] = [one, two].map((host) => host.cluster.blocksOf(subnet) ?? []);
  expect(ours?.filter((block) => theirs?.includes(block))).toEqual([]);
});

test('the block of a certain address is claimed, and refused when it is another host that holds it', async () => {
  expect(await claim(two, '10.0.0.200')).toBe('10.0.0.200/29');
  expect(await claim(two, '10.0.0.201')).toBe('10.0.0.200/29');
  expect(await claim(one, '10.0.0.202')).toBe(
    'conflict: network lab: 10.0.0.202 is one of the addresses 10.0.0.200/29 that host machine2 gives',
  );
});

test('when no block is left, it is told who holds them', async () => {
  for (let i = 0; i < 20; i++) await claim(one);
  for (let i = 0; i < 12; i++) await claim(two);
  expect(await claim(two)).toBe(
    'exhausted: pool 10.0.0.0/24 of network lab has no block left; of its blocks hosts hold: machine1 20, machine2 12',
  );
});

test('a host that leaves a network gives its blocks back, and others can have them', async () => {
  await claim(one);
  one.cluster.leave(lab.id);
  expect(one.cluster.blocksOf(subnet)).toEqual([]);
  await bed.until(() => bed.keys('net/').length === 0);
  expect(one.memory.remembered.blocks).toEqual([]);
  expect(await claim(two)).toBe('10.0.0.0/29');
});

test('blocks given back while the store is away are given back when it is there again', async () => {
  await claim(one);
  one.link.cut();
  one.cluster.leave(lab.id);
  await bed.run(5_000);
  expect(bed.keys('net/')).toHaveLength(1);
  one.link.heal();
  await bed.until(() => bed.keys('net/').length === 0);
});

test('while the store is away own blocks can be used and no others had', async () => {
  await claim(one);
  one.link.cut();
  await bed.run(15_000);
  expect(one.cluster.view().state).toBe('away');
  expect(one.cluster.blocksOf(subnet)).toEqual(['10.0.0.0/29']);
  expect(await claim(one)).toMatch(/^unavailable: /);
});

test('a host that was away for longer than its claim lasts closes its tunnels and gives no address', async () => {
  await connect(one, 'web', '10.0.0.2');
  one.link.cut();
  await bed.until(() => one.told.includes('closed'));
  expect(bed.keys('claim/')).toContain('claim/host-1');
  expect(one.cluster.view().state).toBe('fenced');
  expect(one.cluster.blocksOf(subnet)).toEqual([]);
});

test('after that it keeps its addresses when nobody has them, and opens its tunnels', async () => {
  await connect(one, 'web', '10.0.0.2');
  one.link.cut();
  await bed.run(150_000);
  expect(bed.keys('net/')).toEqual([]);
  one.link.heal();
  await bed.until(() => one.told.includes('open'));
  await bed.until(() => bed.keys('net/').length === 2);
  expect(one.told.filter((line) => line.startsWith('lost'))).toEqual([]);
  expect(one.cluster.blocksOf(subnet)).toEqual(['10.0.0.0/29']);
});

test('endpoints whose addresses are another host’s by then are lost, before tunnels open', async () => {
  const web = await connect(one, 'web', '10.0.0.2');
  one.link.cut();
  await bed.run(150_000);
  expect(await claim(two)).toBe('10.0.0.0/29');
  one.link.heal();
  const line =
    'lost ep-web: its address is one of 10.0.0.0/29, which host machine2 was given while this one was away';
  await bed.until(() => one.told.includes(line));
  expect(one.told).not.toContain('open');
  await bed.time.settle(one.cluster.withdraw(web.id));
  await bed.until(() => one.told.includes('open'));
});

test('a host that wakes after its claim has ended uses none of its blocks', async () => {
  await claim(one);
  one.machine.sleep();
  await bed.run(120_000);
  one.machine.wake();
  expect(one.cluster.blocksOf(subnet)).toEqual([]);
});

test('a daemon that is started again holds what it held', async () => {
  const web = await connect(one, 'web', '10.0.0.2');
  const before = bed.server.get('/fairlead/v1/claim/host-1').key;
  one.kill();
  const again = await bed.host(1, { after: one, recorded: { networks: [lab], endpoints: [web] } });
  expect(again.cluster.blocksOf(subnet)).toEqual(['10.0.0.0/29']);
  expect(bed.server.get('/fairlead/v1/claim/host-1').key).toEqual(before);
  expect(bed.keys('net/')).toHaveLength(2);
});

test('a daemon that is started again takes back what nobody here has any more', async () => {
  await connect(one, 'web', '10.0.0.2');
  one.kill();
  await bed.host(1, { after: one, recorded: { networks: [lab] } });
  await bed.until(() => bed.keys('net/').length === 0);
});

test('a daemon that is started while the store is away gives addresses of what it held', async () => {
  const web = await connect(one, 'web', '10.0.0.2');
  one.kill();
  const again = bed.prepare(1, { after: one });
  again.link.cut();
  await bed.time.settle(again.start({ networks: [lab], endpoints: [web] }));
  expect(again.cluster.blocksOf(subnet)).toEqual(['10.0.0.0/29']);
  expect(again.told).toEqual([]);
});

test('after a start of the machine nothing is known of the time before', async () => {
  await connect(one, 'web', '10.0.0.2');
  one.kill();
  const again = bed.prepare(1, { after: one, bootId: 'another' });
  again.link.cut();
  await bed.time.settle(again.start({ networks: [lab], endpoints: [] }));
  expect(again.cluster.blocksOf(subnet)).toEqual([]);
});

async function connect(host: BedHost, name: string, address: string) {
  await claim(host);
  host.cluster.join(lab);
  const connected = endpoint(name, lab, address);
  await bed.time.settle(host.cluster.publish(connected));
  return connected;
}
