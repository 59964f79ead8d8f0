import { describe, expect, test } from 'vitest';
import { testPlugin } from '../../../support/test-plugin.ts';

const ours = { AddressSpace: 'fairlead-local', Pool: '', SubPool: '', Options: {}, V6: false };
const PoolID = '10.9.0.0/24';

async function withPool() {
  const plugin = testPlugin();
  await plugin.call('IpamDriver.RequestPool', { ...ours, Pool: '10.9.0.0/24' });
  return plugin;
}

describe('RequestPool', () => {
  test.each([
    ['any', ours, { family: 4, options: {} }],
    ['any of IPv6', { ...ours, V6: true }, { family: 6, options: {} }],
    ['this one', { ...ours, Pool: '10.9.0.0/24' }, { family: 4, subnet: '10.9.0.0/24', options: {} }],
    [
      'part of one',
      { ...ours, Pool: '10.9.0.0/16', SubPool: '10.9.1.0/24' },
      { family: 4, subnet: '10.9.0.0/16', range: '10.9.1.0/24', options: {} },
    ],
    ['of the other address space', { ...ours, AddressSpace: 'fairlead-global' }, { family: 4, options: {} }],
    ['of a network', { ...ours, Options: { network: 'lab' } }, { family: 4, options: { network: 'lab' } }],
    [
      'nothing said',
      { AddressSpace: 'fairlead-local', Pool: null, SubPool: null, Options: null, V6: null },
      { family: 4, options: {} },
    ],
  ])('asks for %s', async (_name, body, expected) => {
    const { engines, call } = testPlugin();
    const asked: unknown[] = [];
    const request = engines.requestPool.bind(engines);
    engines.requestPool = (pool) => {
      asked.push(pool);
      return request(pool);
    };
    const answer = await call('IpamDriver.RequestPool', body);
    const [pool] = engines.holdings().pools;
    expect(answer).toEqual({ status: 200, body: { PoolID: pool?.id, Pool: pool?.subnet, Data: {} } });
    expect(asked).toEqual([expected]);
  });

  test.each([
    [
      'an address space of others',
      { ...ours, AddressSpace: 'LocalDefault' },
      'unknown address space LocalDefault; known are fairlead-local, fairlead-global',
    ],
    [
      'a range without subnet',
      { ...ours, SubPool: '10.9.0.0/24' },
      'address range 10.9.0.0/24 without a subnet: give --subnet as well',
    ],
    [
      'a size',
      { ...ours, Pool: '0.0.0.0/24' },
      'subnet 0.0.0.0/24: a subnet of a certain size (here 24) cannot be asked for; give a subnet, or none for one of the size that netd was started with (--pool)',
    ],
    [
      'a size of IPv6',
      { ...ours, Pool: '::/64', V6: true },
      'subnet ::/64: a subnet of a certain size (here 64) cannot be asked for; give a subnet, or none for one of the size that netd was started with (--pool)',
    ],
    ['the other family', { ...ours, Pool: 'fd00::/64' }, 'subnet fd00::/64 is not IPv4, which is asked for'],
    [
      'host bits',
      { ...ours, Pool: '10.9.0.5/24' },
      'subnet: 10.9.0.5/24 has host bits set; the subnet is 10.9.0.0/24',
    ],
    ['no subnet at all', { ...ours, Pool: 'lab' }, 'subnet: lab is not in CIDR notation'],
  ])('refuses %s', async (_name, body, reason) => {
    const { engines, call } = testPlugin();
    const answer = await call('IpamDriver.RequestPool', body);
    expect(answer).toEqual({ status: 200, body: { Error: reason, Err: reason } });
    expect(engines.holdings().pools).toEqual([]);
  });

  test('and ReleasePool leave nothing, however often', async () => {
    const { engines, call } = await withPool();
    for (let i = 0; i < 2; i++) {
      expect(await call('IpamDriver.ReleasePool', { PoolID })).toEqual({ status: 200, body: {} });
    }
    expect(engines.holdings().pools).toEqual([]);
  });
});

describe('RequestAddress', () => {
  test.each([
    ['any', { Address: '', Options: null }, { gateway: false }],
    ['this one', { Address: '10.9.0.9' }, { address: '10.9.0.9', gateway: false }],
    ['one with its prefix', { Address: '10.9.0.9/24' }, { address: '10.9.0.9', gateway: false }],
    [
      'a gateway',
      { Address: '', Options: { RequestAddressType: 'com.docker.network.gateway' } },
      { gateway: true },
    ],
    [
      'one for a container',
      {
        Options: {
          'com.docker.network.endpoint.name': 'web',
          'com.docker.network.endpoint.macaddress': '02:11:22:33:44:55',
        },
      },
      { gateway: false, containerName: 'web' },
    ],
    ['something new', { Options: { RequestAddressType: 'com.docker.network.other' } }, { gateway: false }],
  ])('asks for %s', async (_name, body, expected) => {
    const { engines, call } = await withPool();
    const asked: unknown[] = [];
    const request = engines.requestAddress.bind(engines);
    engines.requestAddress = (address) => {
      asked.push(address);
      return request(address);
    };
    const answer = await call('IpamDriver.RequestAddress', { PoolID, ...body });
    const [lease] = engines.holdings().leases;
    expect(answer).toEqual({ status: 200, body: { Address: `${lease?.address}/24`, Data: {} } });
    expect(asked).toEqual([{ poolId: PoolID, ...expected }]);
  });

  test('of a pool nobody has is refused in both fields', async () => {
    const reason = 'no pool nowhere';
    const answer = await testPlugin().call('IpamDriver.RequestAddress', { PoolID: 'nowhere' });
    expect(answer).toEqual({ status: 200, body: { Error: reason, Err: reason } });
  });
});

test.each(['10.9.0.9', '10.9.0.9/24'])('ReleaseAddress of %s gives it back', async (Address) => {
  const { engines, call } = await withPool();
  await call('IpamDriver.RequestAddress', { PoolID, Address: '10.9.0.9' });
  expect(engines.holdings().leases).toHaveLength(1);
  for (let i = 0; i < 2; i++) {
    expect(await call('IpamDriver.ReleaseAddress', { PoolID, Address })).toEqual({ status: 200, body: {} });
  }
  expect(engines.holdings().leases).toEqual([]);
});

test.each(['', null])('ReleaseAddress of %j is fine', async (Address) => {
  const { call } = await withPool();
  expect(await call('IpamDriver.ReleaseAddress', { PoolID, Address })).toEqual({ status: 200, body: {} });
});
