// Networks of a cluster: made, told of, and deleted, by several hosts.
import { beforeEach, expect, test } from 'vitest';
import type { Cidr } from '../../../../src/base/cidr.ts';
import type { Network } from '../../../../src/model/network.ts';
import { Bed, type BedHost, endpoint, network } from './bed.ts';

let bed: Bed;
let one: BedHost;
let two: BedHost;

beforeEach(async () => {
  bed = new Bed();
  one = await bed.host(1);
  two = await bed.host(2);
});

const claim = async (host: BedHost, draft: Network) =>
  (await bed.time.settle(host.cluster.claimNetwork(draft, []))) as Network;

test('a network that is made has a VNI, is shared, and the other hosts are told of it', async () => {
  const lab = await claim(one, network('lab'));
  expect(lab).toMatchObject({ name: 'lab', shared: true });
  expect(Number(lab.options['vni'])).toBeGreaterThanOrEqual(4096);
  await bed.until(() => two.told.includes('found lab'));
});

test('a network that collides with one of another host is refused with its name and host', async () => {
  await claim(one, network('lab', '10.0.0.0/24', { vni: '77' }));
  const drafts = [
    network('lab', '10.9.0.0/24'),
    network('other', '10.9.0.0/24', { vni: '77' }),
    network('other', '10.0.0.128/25'),
  ].map((draft, i) => ({ ...draft, id: `${draft.id}-${i}` as Network['id'] }));
  const outcomes = [];
  for (const draft of drafts) outcomes.push(await bed.outcome(two.cluster.claimNetwork(draft, [])));
  expect(outcomes).toEqual([
    'already_exists: network lab exists already in the cluster, made on host machine1',
    'conflict: network other: VXLAN id 77 is that of network lab, made on host machine1',
    'conflict: network other: subnet 10.0.0.128/25 overlaps 10.0.0.0/24 of network lab, made on host machine1',
  ]);
});

test('of two hosts that make a network of one name at once, one is refused', async () => {
  const drafts = [
    network('lab', '10.0.1.0/24'),
    { ...network('lab', '10.0.2.0/24'), id: 'id-2' as Network['id'] },
  ];
  const [first, second] = [one, two].map((host, i) => {
    const draft = drafts[i];
    return (
      draft &&
      host.cluster.claimNetwork(draft, []).then(
        ({ name }) => name,
        ({ code }) => code,
      )
    );
  });
  const outcomes = [
    await bed.time.settle(first as Promise<string>),
    await bed.time.settle(second as Promise<string>),
  ];
  expect(outcomes.sort()).toEqual(['already_exists', 'lab']);
  expect(bed.keys('network/')).toHaveLength(1);
});

test('networks with different names and subnets that are made at once are all made', async () => {
  const all = Array.from({ length: 8 }, (_, i) => network(`net${i}`, `10.0.${i}.0/24`));
  const claims = all.map((draft, i) => (i % 2 === 0 ? one : two).cluster.claimNetwork(draft, []));
  for (const each of claims) await bed.time.settle(each);
  expect(bed.keys('network/')).toHaveLength(8);
});

test('a claim whose answer was lost is not made twice', async () => {
  const claimed = one.cluster.claimNetwork(network('lab'), []);
  await bed.until(() => bed.keys('network/').length === 1);
  one.link.cut('replies');
  one.link.heal();
  expect(await bed.time.settle(claimed)).toMatchObject({ name: 'lab', shared: true });
  expect(bed.keys('network/')).toEqual(['network/id-lab']);
});

test('a network that is deleted is gone on every host', async () => {
  const lab = await claim(one, network('lab'));
  await bed.until(() => two.told.includes('found lab'));
  expect(await bed.outcome(two.cluster.releaseNetwork(lab))).toBeUndefined();
  await bed.until(() => one.told.includes(`gone ${lab.id}`) && two.told.includes(`gone ${lab.id}`));
  expect(await bed.outcome(one.cluster.releaseNetwork(lab))).toBeUndefined();
});

test('a network on which another host has endpoints cannot be deleted', async () => {
  const lab = await claim(one, network('lab'));
  await bed.until(() => two.told.includes('found lab'));
  await use(two, lab, 'web');
  expect(await bed.outcome(one.cluster.releaseNetwork(lab))).toBe(
    'conflict: network lab is in use by web on machine2',
  );
});

test('blocks that a host is about to give back are waited for', async () => {
  const lab = await claim(one, network('lab'));
  await bed.until(() => two.told.includes('found lab'));
  await bed.time.settle(two.cluster.claimBlock('10.0.0.0/24' as Cidr));
  const released = bed.outcome(one.cluster.releaseNetwork(lab));
  two.cluster.leave(lab.id);
  expect(await released).toBeUndefined();
});

test('blocks that a host keeps are in the way', async () => {
  const lab = await claim(one, network('lab'));
  await bed.until(() => two.told.includes('found lab'));
  await bed.time.settle(two.cluster.claimBlock('10.0.0.0/24' as Cidr));
  expect(await bed.outcome(one.cluster.releaseNetwork(lab))).toBe(
    'conflict: network lab: addresses of it are held by hosts machine2',
  );
});

test('addresses kept for a host that is away are in the way, until its claim has ended', async () => {
  const lab = await claim(one, network('lab'));
  await bed.until(() => two.told.includes('found lab'));
  await bed.time.settle(two.cluster.claimBlock('10.0.0.0/24' as Cidr));
  two.kill();
  await bed.until(() => !bed.keys('host/').includes('host/host-2'));
  expect(await bed.outcome(one.cluster.releaseNetwork(lab))).toBe(
    'conflict: network lab: addresses of it are kept for hosts that are away: machine2',
  );
  await bed.run(120_000);
  expect(bed.keys('net/')).toEqual([]);
  expect(await bed.outcome(one.cluster.releaseNetwork(lab))).toBeUndefined();
});

test('what is recorded here and is not in the store is gone', async () => {
  const lab = { ...network('lab'), shared: true } as const;
  const three = await bed.host(3, { recorded: { networks: [lab] } });
  await bed.until(() => three.told.includes(`gone ${lab.id}`));
});

test('while the store cannot be read nothing is taken for gone', async () => {
  const lab = { ...network('lab'), shared: true } as const;
  const three = bed.prepare(3);
  three.link.cut();
  await bed.time.settle(three.start({ networks: [lab], endpoints: [] }));
  await bed.run(60_000);
  expect(three.told).toEqual([]);
});

test('a network that a host cannot take is told again, and shown as unusable meanwhile', async () => {
  two.failing.add('found lab');
  await claim(one, network('lab'));
  await bed.until(() => two.cluster.view().unusable.length > 0);
  expect(two.cluster.view().unusable).toEqual([{ network: 'lab', reason: 'not now: found lab' }]);
  expect(two.cluster.blocksOf('10.0.0.0/24' as Cidr)).toBeUndefined();
  two.failing.clear();
  await bed.until(() => two.told.includes('found lab'));
  expect(two.cluster.view().unusable).toEqual([]);
  expect(two.cluster.blocksOf('10.0.0.0/24' as Cidr)).toEqual([]);
});

async function use(host: BedHost, lab: Network, name: string): Promise<void> {
  const block = await bed.time.settle(host.cluster.claimBlock('10.0.0.0/24' as Cidr));
  host.cluster.join(lab);
  await bed.time.settle(host.cluster.publish(endpoint(name, lab, block.split('/')[0] ?? '')));
}
