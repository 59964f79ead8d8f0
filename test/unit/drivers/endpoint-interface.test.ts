import { expect, test } from 'vitest';
import type { MacAddress } from '../../../src/base/mac.ts';
import { endpointInterface } from '../../../src/drivers/endpoint-interface.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';

const network = makeNetwork({ driver: 'bridge', options: { mtu: '1500' } });

test.each([
  ['nobody else', {}, undefined, undefined, undefined],
  ['an engine that has not taken it', { engine: 'offered' }, true, true, undefined],
  ['an engine that has taken it', { engine: 'taken' }, true, undefined, true],
] as const)('the interface of an endpoint made for %s', (_, changes, sharedWithOthers, offered, taken) => {
  const endpoint = makeEndpoint(network, ['10.88.0.2/24'], changes);
  const found = endpointInterface(network, endpoint);
  expect(found.sharedWithOthers).toBe(sharedWithOthers);
  expect(found.offered).toBe(offered);
  expect(found.taken).toBe(taken);
});

test('whoever has an address of a shared network next has the hardware address that others remember for it', () => {
  const shared = { ...network, shared: true as const };
  const macAt = (address: string) => {
    const { mac: _, ...endpoint } = makeEndpoint(shared, [address]);
    return endpointInterface(shared, endpoint).mac;
  };
  expect(macAt('10.88.0.2/24')).toBe(macAt('10.88.0.2/24'));
  expect(macAt('10.88.0.2/24')).not.toBe(macAt('10.88.0.3/24'));
  const chosen = makeEndpoint(shared, ['10.88.0.2/24'], { mac: '02:00:00:00:00:01' as MacAddress });
  expect(endpointInterface(shared, chosen).mac).toBe('02:00:00:00:00:01');
});
