// What the core relies on, whether this host shares its networks with others or has them alone.
import { describe, expect, test } from 'vitest';
import type { Cidr } from '../../src/base/cidr.ts';
import type { Cluster, ClusterListener } from '../../src/cluster/cluster.ts';
import { LocalCluster } from '../../src/cluster/local.ts';
import type { Network } from '../../src/model/network.ts';
import { Bed, endpoint, network } from '../unit/cluster/shared/bed.ts';

/** A cluster, and what lets its time pass until something has come about. */
interface Opened {
  readonly cluster: Cluster;
  settle<T>(work: Promise<T>): Promise<T>;
}

const silent: ClusterListener = {
  networkFound: async () => {},
  networkGone: async () => {},
  peersChanged: async () => {},
  endpointLost: async () => {},
  tunnelsChanged: async () => {},
};

const clusters: readonly { readonly name: string; readonly open: () => Promise<Opened> }[] = [
  {
    name: 'local',
    open: async () => {
      const cluster: Cluster = new LocalCluster();
      await cluster.start({ networks: [], endpoints: [] }, silent);
      return { cluster, settle: (work) => work };
    },
  },
  {
    name: 'shared',
    open: async () => {
      const bed = new Bed();
      const { cluster } = await bed.host(1);
      return { cluster, settle: (work) => bed.time.settle(work) };
    },
  },
];

describe.each(clusters)('cluster $name', ({ open }) => {
  const claimed = async ({ cluster, settle }: Opened, draft: Network, others: readonly Network[] = []) =>
    settle(cluster.claimNetwork(draft, others));

  test('a network gets a VNI that none of the others has, and keeps everything else', async () => {
    const opened = await open();
    const first = await claimed(opened, network('lab'));
    const second = await claimed(opened, { ...network('lab2', '10.0.1.0/24') }, [first]);
    expect(first).toMatchObject({ name: 'lab', ipam: network('lab').ipam });
    expect(Number(first.options['vni'])).toBeGreaterThanOrEqual(4096);
    expect(second.options['vni']).not.toBe(first.options['vni']);
  });

  test('a VNI that is given is kept, and refused when another network has it', async () => {
    const opened = await open();
    const first = await claimed(opened, network('lab', '10.0.0.0/24', { vni: '42' }));
    expect(first.options['vni']).toBe('42');
    const again = network('lab2', '10.0.1.0/24', { vni: '42' });
    await expect(claimed(opened, again, [first])).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(/VXLAN id 42 is that of network lab/),
    });
  });

  test('a network is released, once or twice, and can be claimed again', async () => {
    const opened = await open();
    const { cluster, settle } = opened;
    const lab = await claimed(opened, network('lab', '10.0.0.0/24', { vni: '42' }));
    await settle(cluster.releaseNetwork(lab));
    await settle(cluster.releaseNetwork(lab));
    const again = await claimed(opened, network('lab2', '10.0.0.0/24', { vni: '42' }));
    expect(again.options['vni']).toBe('42');
  });

  test('an endpoint can be published and withdrawn, also twice', async () => {
    const opened = await open();
    const { cluster, settle } = opened;
    const lab = await claimed(opened, network('lab'));
    const web = endpoint('web', lab, '10.0.0.2');
    for (let i = 0; i < 2; i++) await settle(cluster.publish(web));
    for (let i = 0; i < 2; i++) await settle(cluster.withdraw(web.id));
    expect(cluster.view().unpublished).toBe(0);
  });

  test('a network can be joined and left, also twice, and has no peers where there is no other host', async () => {
    const opened = await open();
    const { cluster, settle } = opened;
    const lab = await claimed(opened, network('lab'));
    for (let i = 0; i < 2; i++) cluster.join(lab);
    expect(await settle(cluster.readPeers(lab))).toEqual([]);
    expect([...(cluster.peersOf(lab.id) ?? [])]).toEqual([]);
    for (let i = 0; i < 2; i++) cluster.leave(lab.id);
  });

  test('the subnet of no shared network has no blocks, and none can be had', async () => {
    const { cluster, settle } = await open();
    expect(cluster.blocksOf('10.9.0.0/24' as Cidr)).toBeUndefined();
    await expect(settle(cluster.claimBlock('10.9.0.0/24' as Cidr))).rejects.toThrow(/subnet 10\.9\.0\.0\/24/);
  });

  test('at first nothing is unpublished and nothing unusable', async () => {
    const { cluster, settle } = await open();
    expect(cluster.view()).toMatchObject({ unpublished: 0, unusable: [] });
    await settle(cluster.close());
  });
});
