// A host that shared networks with others, whose netd is started without the store they agree in.
import { beforeEach, expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { LocalCluster } from '../../../src/cluster/local.ts';
import { DefaultIpam } from '../../../src/ipam/default-ipam.ts';
import { SharedIpam } from '../../../src/ipam/shared-ipam.ts';
import { network } from './shared/bed.ts';

const subnet = '10.50.0.0/24' as Cidr;
const lab = { ...network('lab', subnet), shared: true as const };
const withoutEtcd = { code: 'unavailable', message: expect.stringContaining('without --etcd') };
let cluster: LocalCluster;

beforeEach(async () => {
  cluster = new LocalCluster();
  await cluster.start({ networks: [lab] });
});

test.each([
  ['any', undefined],
  ['a certain', '10.50.0.9' as IpAddress],
])('gives nobody %s address, which may be that of another host', async (_, wanted) => {
  const inner = new DefaultIpam({
    pools: [],
    hostSubnets: async () => [],
    ulaPrefix: 'fd00:1::/48' as Cidr,
  });
  const ipam = new SharedIpam(inner, cluster);
  const pool = { subnet, reserved: {} };
  ipam.restore('lab', pool, ['10.50.0.2' as IpAddress]);
  await expect(ipam.requestAddress(pool, wanted)).rejects.toMatchObject(withoutEtcd);
  expect(ipam.holds(pool, '10.50.0.9' as IpAddress)).toBe(false);
});

test('does not delete a network others may be on', async () => {
  await expect(cluster.releaseNetwork(lab)).rejects.toMatchObject(withoutEtcd);
  await expect(cluster.releaseNetwork(network('own'))).resolves.toBeUndefined();
});

test('knows nothing of who is on it elsewhere', async () => {
  expect(cluster.peersOf()).toBeUndefined();
  await expect(cluster.readPeers(lab)).rejects.toMatchObject(withoutEtcd);
});
