// The table against the plain rule, over many random histories: what is told of changes leads to what all peers together ask for.
import { expect, test } from 'vitest';
import type { InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import type { MacAddress } from '../../../src/base/mac.ts';
import { PeerTable } from '../../../src/drivers/overlay/peer-table.ts';
import {
  compareEntries,
  describeChange,
  type EntryChange,
  entriesOf,
  isEmpty,
  type ObservedEntries,
} from '../../../src/drivers/overlay/tunnel-entries.ts';
import type { EndpointId, HostId, NetworkId, SandboxId } from '../../../src/model/ids.ts';
import type { Peer } from '../../../src/model/peer.ts';
import { Random } from '../../support/random.ts';

/** The kernel as far as entries go. */
class Entries {
  readonly destinations = new Map<MacAddress, IpAddress>();
  readonly neighbours = new Map<IpAddress, MacAddress>();
  readonly floods = new Set<IpAddress>();
  readonly atTunnel = new Set<MacAddress>();

  apply({ gone, ...put }: EntryChange): void {
    for (const [mac, to] of put.destinations) this.destinations.set(mac, to);
    for (const [address, mac] of put.neighbours) this.neighbours.set(address, mac);
    for (const host of put.floods) this.floods.add(host);
    for (const mac of put.atTunnel) this.atTunnel.add(mac);
    for (const address of gone.neighbours) this.neighbours.delete(address);
    for (const host of gone.floods) this.floods.delete(host);
    for (const mac of gone.atTunnel) this.atTunnel.delete(mac);
    for (const mac of gone.destinations) this.destinations.delete(mac);
  }

  observe(elsewhere: readonly MacAddress[] = []): ObservedEntries {
    return { ...this, elsewhere: new Set(elsewhere) };
  }
}

function makePeer(id: number, mac: number, addresses: readonly number[], host: number): Peer {
  return {
    id: `endpoint-${id}` as EndpointId,
    networkId: 'network' as NetworkId,
    sandboxId: 'sandbox' as SandboxId,
    names: [],
    mac: `02:00:00:00:00:0${mac}` as MacAddress,
    addresses: addresses.map((address) => `10.0.0.${address}/24` as InterfaceAddress),
    services: [],
    host: {
      id: `host-${host}` as HostId,
      name: `host-${host}`,
      address: `192.0.2.${host}` as IpAddress,
      mac: '02:00:00:00:01:00' as MacAddress,
      mtuBytes: 1500,
    },
  };
}

test.each([
  ['without', false],
  ['with', true],
])(
  'random changes of few peers that share everything end in what the peers ask for, %s floods',
  (_, floods) => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const few = () => random.below(4);
      const peers = new Map<EndpointId, Peer>();
      const table = new PeerTable(floods);
      const entries = new Entries();
      for (let step = 0; step < 20; step++) {
        const gone = [...peers.values()].filter(() => few() === 0);
        const put = Array.from({ length: few() }, () => makePeer(few(), few(), [few(), few() + 4], few()));
        for (const { id } of gone) peers.delete(id);
        for (const peer of put) {
          peers.delete(peer.id);
          peers.set(peer.id, peer);
        }
        entries.apply(table.change({ put, gone }));
        const wanted = entriesOf(peers.values(), floods);
        expect({ seed, step, ...entries }).toEqual({
          seed,
          step,
          ...wanted,
          atTunnel: new Set(wanted.destinations.keys()),
        });
        expect(isEmpty(compareEntries(table.entries(), entries.observe()))).toBe(true);
      }
    }
  },
);

test('whatever was there, what differs leads to what is wanted', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const some = () => {
      const few = () => random.below(4);
      return Array.from({ length: few() }, (_, index) => makePeer(index, few(), [few()], few()));
    };
    const entries = new Entries();
    entries.apply(new PeerTable(true).change({ put: some(), gone: [] }));
    const wanted = entriesOf(some(), true);
    const change = compareEntries(wanted, entries.observe());
    expect(describeChange(change).length > 0).toBe(!isEmpty(change));
    entries.apply(change);
    expect(isEmpty(compareEntries(wanted, entries.observe()))).toBe(true);
  }
});

test('what an endpoint of this host has is not expected at the tunnel', () => {
  const peer = makePeer(1, 1, [1], 1);
  const change = compareEntries(entriesOf([peer], false), new Entries().observe([peer.mac]));
  expect(change.atTunnel).toEqual([]);
  expect(change.destinations).toEqual([[peer.mac, '192.0.2.1']]);
});

test('a peer that goes and was never told of takes its entries along', () => {
  const change = new PeerTable(false).change({ put: [], gone: [makePeer(1, 1, [1], 1)] });
  expect(change.gone).toEqual({
    neighbours: ['10.0.0.1'],
    atTunnel: ['02:00:00:00:00:01'],
    floods: [],
    destinations: ['02:00:00:00:00:01'],
  });
});
