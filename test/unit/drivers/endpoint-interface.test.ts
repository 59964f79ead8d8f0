import { expect, test } from 'vitest';
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
