// A store that was wiped, replaced, or restored from a copy: what the hosts remember is put back, and nobody loses anything.
import { beforeEach, expect, test } from 'vitest';
import type { Cidr } from '../../../../src/base/cidr.ts';
import type { Network } from '../../../../src/model/network.ts';
import { Bed, type BedHost, endpoint, network, root } from './bed.ts';

let bed: Bed;
let one: BedHost;
let two: BedHost;
let lab: Network;

beforeEach(async () => {
  bed = new Bed();
  one = await bed.host(1);
  two = await bed.host(2);
  lab = await make(one, network('lab'));
  await bed.until(() => two.told.includes('found lab'));
  await use(one, 'web');
  await use(two, 'job');
  await bed.until(() => peersOf(one) === 'ep-job' && peersOf(two) === 'ep-web');
});

const losses: readonly { readonly what: string; readonly lose: () => void }[] = [
  { what: 'is wiped', lose: () => bed.server.write([], [{ deleteBelow: '/fairlead/' }]) },
  { what: 'is replaced by an empty one', lose: () => bed.server.replace(1_000) },
  {
    what: 'is replaced by one that has come further',
    lose: () => bed.server.replace(1_000, { revision: 10_000, keys: [], leases: [] }),
  },
  {
    what: 'is restored from a copy without any network',
    lose: () => {
      const { keys } = bed.server.read(root);
      bed.server.replace(1_000, {
        revision: 3,
        leases: [],
        keys: keys.flatMap(({ lease: _, ...stored }) => (stored.key === `${root}schema` ? stored : [])),
      });
    },
  },
];

for (const { what, lose } of losses) {
  test(`when the store ${what}, networks, blocks and endpoints are put back`, async () => {
    const before = bed.keys();
    const clusterId = idOfCluster();
    lose();
    await bed.until(() => idOfCluster() !== clusterId && isWhole(before));
    expect(idOfCluster()).not.toBe('');
    await bed.run(60_000);
    expect(bed.keys()).toEqual(before);
    for (const { cluster, told } of [one, two]) {
      expect(cluster.view()).toMatchObject({ state: 'joined', unpublished: 0 });
      expect(told.filter((line) => /^(gone|lost)/.test(line))).toEqual([]);
    }
    expect([peersOf(one), peersOf(two)]).toEqual(['ep-job', 'ep-web']);
  });
}

test('peers are not given up while their hosts may be about to register in another store', async () => {
  const told = one.told.length;
  bed.server.replace(1_000);
  await bed.until(() => bed.keys('net/id-lab/endpoint').length === 2);
  await bed.run(60_000);
  expect(one.told.slice(told).filter((line) => /^peers .*-\[ep-/.test(line))).toEqual([]);
});

test('peers are given up whose hosts have not registered in another store after a while', async () => {
  two.kill();
  bed.server.replace(1_000);
  await bed.until(() => one.told.includes(`peers ${lab.id} +[] -[ep-job@192.0.2.2]`));
});

test('a schema that somebody deleted is made again, and nothing is lost with it', async () => {
  const before = bed.keys();
  bed.server.write([], [{ delete: `${root}schema` }]);
  await bed.until(() => isWhole(before) && one.cluster.view().state === 'joined');
  await bed.run(60_000);
  expect(bed.keys()).toEqual(before);
  expect([...one.told, ...two.told].filter((line) => /^(gone|lost|closed)/.test(line))).toEqual([]);
});

test('a host that comes later to a store which was wiped puts back what it remembers', async () => {
  const other = await make(two, network('other', '10.9.0.0/24'));
  two.kill();
  one.kill();
  bed.server.replace(1_000);
  const again = await bed.host(1, { after: one, recorded: { networks: [lab], endpoints: [web()] } });
  await bed.until(() => again.cluster.view().state === 'joined');
  expect(bed.keys('network/')).toEqual(['network/id-lab']);
  const late = await bed.host(2, { after: two, recorded: { networks: [lab, other] } });
  await bed.until(() => again.told.includes('found other'));
  await bed.run(60_000);
  expect(bed.keys('network/')).toEqual(['network/id-lab', 'network/id-other']);
  expect([...again.told, ...late.told].filter((line) => /^(gone|lost)/.test(line))).toEqual([]);
});

test('a store that was restored while no host ran is known by its revision', async () => {
  const copy = bed.server.copy();
  const other = await make(one, network('other', '10.9.0.0/24'));
  await bed.run(20_000);
  one.kill();
  two.kill();
  bed.server.replace(1_000, copy);
  const again = await bed.host(1, {
    after: one,
    recorded: { networks: [lab, other], endpoints: [web()] },
  });
  await bed.until(() => again.cluster.view().state === 'joined');
  await bed.run(60_000);
  expect(bed.keys('network/')).toEqual(['network/id-lab', 'network/id-other']);
  expect(again.told.filter((line) => /^(gone|lost)/.test(line))).toEqual([]);
});

test('lease and grace of the cluster are put back as they were', async () => {
  one.kill();
  two.kill();
  bed.server.replace(1_000);
  const again = await bed.host(1, { after: one, leaseSeconds: { value: 77, given: false } });
  await bed.until(() => again.cluster.view().state === 'joined');
  expect(JSON.parse(bed.server.get(`${root}schema`).key?.value ?? '')).toMatchObject({ leaseSeconds: 10 });
});

test('a network in whose place there is another one by now is gone', async () => {
  two.kill();
  one.link.cut();
  bed.server.replace(1_000);
  const three = await bed.host(3);
  await bed.until(() => three.cluster.view().state === 'joined');
  await make(three, { ...network('lab', '10.9.0.0/24'), id: 'id-new' as Network['id'] });
  one.link.heal();
  await bed.until(() => one.told.includes(`gone ${lab.id}`));
});

test('nobody takes new blocks, or deletes a network, before the others had the time to put back theirs', async () => {
  two.link.cut();
  bed.server.replace(1_000);
  await bed.until(() => bed.keys('network/').length === 1 && one.cluster.view().state === 'joined');
  const wanted = '10.0.0.200' as const;
  const claim = one.cluster.claimBlock('10.0.0.0/24' as Cidr, wanted as never);
  expect(await bed.outcome(claim)).toMatch(
    /^unavailable: pool 10.0.0.0\/24: the store was lost, and other hosts/,
  );
  expect(await bed.outcome(one.cluster.releaseNetwork(lab))).toMatch(
    /^unavailable: network lab: the store was/,
  );
  await bed.run(10_000);
  expect(await bed.outcome(one.cluster.claimBlock('10.0.0.0/24' as Cidr, wanted as never))).toBe(
    '10.0.0.200/29',
  );
});

function idOfCluster(): string {
  return JSON.parse(bed.server.get(`${root}schema`).key?.value ?? '{}').clusterId ?? '';
}

function isWhole(before: readonly string[]): boolean {
  return before.every((key) => bed.server.get(root + key).key !== undefined);
}

function peersOf({ cluster }: BedHost): string {
  return [...(cluster.peersOf(lab.id)?.keys() ?? [])].join();
}

function web() {
  return endpoint('web', lab, '10.0.0.1');
}

async function make(host: BedHost, draft: Network): Promise<Network> {
  return (await bed.time.settle(host.cluster.claimNetwork(draft, []))) as Network;
}

async function use(host: BedHost, name: string): Promise<void> {
  const block = await bed.time.settle(host.cluster.claimBlock('10.0.0.0/24' as Cidr));
  host.cluster.join(lab);
  const address = name === 'web' ? '10.0.0.1' : (block.split('/')[0] ?? '');
  await bed.time.settle(host.cluster.publish(endpoint(name, lab, address)));
}
