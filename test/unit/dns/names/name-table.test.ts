// The table of names: what a change leaves behind.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/base/cidr.ts';
import { nameFromText } from '../../../../src/dns/message/domain-name.ts';
import { NameTable, orderOf } from '../../../../src/dns/names/name-table.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../../../src/model/ids.ts';
import type { NameEntry } from '../../../../src/model/name-entry.ts';
import { back, entry, lab, smallWorld } from '../names.ts';

test('replacing an endpoint forgets what it was called and where it was', () => {
  const table = smallWorld();
  table.upsert(entry('web', lab, { names: ['new'], addresses: ['10.0.0.20'] }));
  expect(table.named('www', [lab])).toEqual([]);
  expect(table.holding('10.0.0.2' as IpAddress, [lab])).toEqual([]);
  expect(table.named('new', [lab])).toMatchObject([{ addresses: ['10.0.0.20'] }]);
});

test('removing one owner of a name leaves the other', () => {
  const table = smallWorld();
  table.remove(entry('db', lab, { addresses: [] }).endpointId);
  expect(table.named('store', [lab, back])).toMatchObject([{ sandboxId: 'db2' }]);
});

test('removing what is not there is fine', () => {
  const table = smallWorld();
  table.remove('nobody' as EndpointId);
  expect(table.named('web', [lab])).toHaveLength(1);
});

test('an address is that of its latest holder on the network', () => {
  const table = smallWorld();
  const holder = () => table.holder('10.0.0.3' as IpAddress, lab)?.sandboxId;
  table.upsert(entry('next', lab, { addresses: ['10.0.0.3'] }));
  expect(holder()).toBe('next');
  table.remove(entry('db', lab, { addresses: [] }).endpointId);
  expect(holder()).toBe('next');
  table.upsert(entry('next', lab, { addresses: ['10.0.0.5'] }));
  expect(holder()).toBeUndefined();
});

test('a network that is renamed is known by its new name', () => {
  const table = smallWorld();
  table.upsert({ ...entry('web', lab, { addresses: [] }), networkName: 'shop' });
  expect(table.named('web.shop', [lab])).toHaveLength(1);
  expect(table.named('web.lab', [lab])).toEqual([]);
});

test('endpoints come in the order of their sandboxes’ names, then of their ids, whenever they came', () => {
  const table = new NameTable();
  const owner = (name: string, id: string) =>
    table.upsert({
      ...entry(name, lab, { names: ['store'], addresses: [] }),
      endpointId: id as EndpointId,
    });
  owner('b', 'e3');
  owner('a', 'e2');
  owner('b', 'e1');
  owner('ab', 'e4');
  owner('b', 'e3');
  expect(table.named('store', [lab]).map(({ endpointId }) => endpointId)).toEqual(['e2', 'e4', 'e1', 'e3']);
});

test('names no message can hold are found by nothing', () => {
  const table = new NameTable();
  const names = ['', 'a..b', 'x'.repeat(64), 'fine'];
  table.upsert({ ...entry('web', lab, { addresses: [] }), names, networkName: 'no..thing' });
  expect(names.flatMap((name) => table.named(name, [lab]))).toHaveLength(1);
  expect(table.named('fine.no..thing', [lab])).toEqual([]);
});

test('letters beyond ASCII are not folded', () => {
  const table = new NameTable();
  table.upsert(entry('KÖLN', lab, { addresses: [] }));
  const asked = (text: string) => table.named(nameFromText(text)?.toLowerCase() ?? '', [lab]);
  expect(asked('kÖln')).toHaveLength(1);
  expect(asked('köln')).toEqual([]);
});

const small = (prefix: string, count: number) =>
  fc.integer({ min: 0, max: count - 1 }).map((n) => `${prefix}${n}`);
const anyEntry: fc.Arbitrary<NameEntry> = fc.record({
  endpointId: small('e', 6).map((id) => id as EndpointId),
  networkId: small('n', 3).map((id) => id as NetworkId),
  networkName: fc.constant('net'),
  sandboxId: small('s', 4).map((id) => id as SandboxId),
  names: fc.array(small('name', 5), { maxLength: 3 }),
  addresses: fc.array(
    small('10.0.0.', 5).map((address) => address as IpAddress),
    { maxLength: 2 },
  ),
  services: fc.constant([]),
});
const anyChange = fc.oneof(
  anyEntry,
  small('e', 6).map((id) => id as EndpointId),
);

test('after any changes the table finds what a search through all endpoints finds', () => {
  fc.assert(
    fc.property(
      fc.array(anyChange),
      small('name', 5),
      small('10.0.0.', 5),
      fc.subarray(['n0', 'n1', 'n2'] as NetworkId[]),
      (changes, name, address, networks) => {
        const table = new NameTable();
        const model = new Map<EndpointId, NameEntry>();
        for (const change of changes) {
          const id = typeof change === 'string' ? change : change.endpointId;
          model.delete(id);
          if (typeof change === 'string') table.remove(change);
          else table.upsert(change);
          if (typeof change !== 'string') model.set(id, change);
        }
        const expected = networks.flatMap((network) =>
          [...model.values()]
            .filter((one) => one.networkId === network && one.names.includes(name))
            .sort((a, b) => Buffer.compare(orderOf(a), orderOf(b))),
        );
        expect(table.named(name, networks)).toEqual(expected);
        expect(table.named(`${name}.net`, networks)).toEqual(expected);
        for (const network of networks) {
          const holders = [...model.values()].filter(
            (one) => one.networkId === network && one.addresses.includes(address as IpAddress),
          );
          expect(table.holder(address as IpAddress, network)).toEqual(holders.at(-1));
        }
      },
    ),
  );
});
