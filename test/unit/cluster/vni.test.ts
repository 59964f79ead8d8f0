// VXLAN ids of networks.
import { expect, test } from 'vitest';
import { chooseVni, withVni } from '../../../src/cluster/vni.ts';
import type { NetworkId } from '../../../src/model/ids.ts';
import { network } from './shared/bed.ts';

const id = 'abc' as NetworkId;

test('a network gets the same id every time, and the next one when that is taken', () => {
  const first = chooseVni(id, new Set());
  expect(chooseVni(id, new Set())).toBe(first);
  expect(chooseVni(id, new Set([first]))).toBe(first + 1);
  expect(first).toBeGreaterThanOrEqual(4096);
  expect(first).toBeLessThan(2 ** 24);
});

test('one that is given is kept', () => {
  expect(withVni(network('lab', '10.0.0.0/24', { vni: '7' }), []).options).toEqual({ vni: '7' });
});
