// Interval sets in the kernel: what is written is what nft(8) reads, and what is read back.
import { afterEach, beforeAll, expect, test } from 'vitest';
import { Batch } from '../../../src/kernel/nftables/batch.ts';
import { commit, listElements, listSets } from '../../../src/kernel/nftables/client.ts';
import { type Element, intervalElements } from '../../../src/kernel/nftables/element.ts';
import { type NftSet, setForm } from '../../../src/kernel/nftables/set.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';

const table = 'intervals';

beforeAll(requireOwnNetwork);
afterEach(() => commit(new Batch(table).addTable(0).deleteTable()));

async function make(set: NftSet, elements: readonly Element[]): Promise<string> {
  await commit(new Batch(table).addTable(0).addSet(set).addElements(set.name, elements));
  expect(await listSets(table)).toEqual([{ name: set.name, form: setForm(set) }]);
  return run(`nft list ${set.data === undefined ? 'set' : 'map'} inet ${table} ${set.name}`).replaceAll(
    /\s+/g,
    ' ',
  );
}

test('a set of subnets', async () => {
  const set: NftSet = { name: 'subnets', key: ['ipv4_addr'], interval: true };
  const elements = [
    ...intervalElements(Uint8Array.of(10, 1, 0, 0), Uint8Array.of(10, 1, 255, 255)),
    ...intervalElements(Uint8Array.of(255, 255, 255, 0), Uint8Array.of(255, 255, 255, 255)),
  ];
  expect(await make(set, elements)).toContain('elements = { 10.1.0.0/16, 255.255.255.0/24 }');
  const key = (element: Element) => [...element.key, element.endsInterval === true].join('.');
  const found = await listElements(table, 'subnets');
  expect(found.map(key).sort()).toEqual(elements.map(key).sort());
});

test('one interval of a set is deleted by the elements it was added by', async () => {
  const set: NftSet = { name: 'ports', key: ['inet_service'], interval: true };
  const first = intervalElements(Uint8Array.of(0x1f, 0x40), Uint8Array.of(0x1f, 0x4a));
  const second = intervalElements(Uint8Array.of(0x23, 0x28), Uint8Array.of(0x23, 0x28));
  expect(await make(set, [...first, ...second])).toContain('elements = { 8000-8010, 9000 }');
  await commit(new Batch(table).deleteElements('ports', first));
  expect(run(`nft list set inet ${table} ports`).replaceAll(/\s+/g, ' ')).toContain('elements = { 9000 }');
});

test('a map from a concatenation whose fields are intervals each', async () => {
  const set: NftSet = {
    name: 'ranges',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    data: 'verdict',
    interval: true,
  };
  const element: Element = {
    key: Uint8Array.of(10, 0, 0, 0, 6, 0, 0, 0, 0x1f, 0x40, 0, 0),
    lastKey: Uint8Array.of(10, 0, 0, 255, 6, 0, 0, 0, 0x1f, 0x4a, 0, 0),
    data: 'accept',
  };
  expect(await make(set, [element])).toContain('10.0.0.0/24 . tcp . 8000-8010 : accept');
  expect(await listElements(table, 'ranges')).toEqual([element]);
});
