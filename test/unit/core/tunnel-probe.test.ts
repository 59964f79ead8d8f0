// What is found of the ways to other hosts, by `net check` and when a host is met for the first time.
import { beforeEach, describe, expect, test } from 'vitest';
import type { InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import { CoreController } from '../../../src/core/controller.ts';
import { FirstContacts } from '../../../src/core/first-contacts.ts';
import type { Event } from '../../../src/model/event.ts';
import type { HostId } from '../../../src/model/ids.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Peer } from '../../../src/model/peer.ts';
import { aPeer } from '../../support/a-peer.ts';
import type { FakeParts } from '../../support/fake-parts.ts';
import { FaultyWire } from '../../support/faulty-wire.ts';
import { waitUntil } from '../../support/wait-until.ts';

let wire: FaultyWire;
let parts: FakeParts;
let core: CoreController;
let lab: Network;

beforeEach(async () => {
  wire = new FaultyWire();
  parts = wire.parts();
  core = new CoreController(parts);
  await core.start();
  lab = await core.createNetwork({ name: 'lab', driver: 'overlay' });
  await core.createSandbox({ name: 'web' });
});

/** The only endpoint of the host of that number. */
function peerOn(number: number, address = `10.0.${number}.2`): Peer {
  const { host, ...peer } = aPeer(lab, { addresses: [`${address}/16` as InterfaceAddress] });
  const id = String(number).padStart(32, '0') as HostId;
  return { ...peer, host: { ...host, id, name: `h${number}`, address: `192.0.2.${number}` as IpAddress } };
}

async function join(...peers: readonly Peer[]): Promise<void> {
  parts.cluster.peers.set(lab.id, new Map(peers.map((peer) => [peer.id, peer])));
  await core.connect({ network: 'lab', target: 'web' });
}

const notes = async (fix = false) => (await core.check({ fix })).notes.map(({ problem }) => problem);

describe('net check', () => {
  test('has nothing to say of ways that carry everything', async () => {
    await join(peerOn(2), peerOn(3));
    expect(await notes()).toEqual([]);
    expect(new Set(wire.asked)).toEqual(new Set(['10.0.2.2', '10.0.3.2']));
  });

  test('names the host that does not answer, and the port', async () => {
    await join(peerOn(2), peerOn(3));
    wire.silent.add('10.0.3.2');
    expect(await notes()).toEqual([
      'host h3 (192.0.2.3) does not answer through the tunnel: is UDP port 4789 blocked?',
    ]);
  });

  test('takes the word of another endpoint for a host whose first one keeps silent', async () => {
    await join(peerOn(2), peerOn(2, '10.0.2.3'));
    wire.silent.add('10.0.2.2');
    expect(await notes()).toEqual([]);
  });

  test('tells that long packets are lost', async () => {
    await join(peerOn(2));
    wire.carriesBytes = 1400;
    expect(await notes()).toEqual([
      expect.stringMatching(/^packets of 1500 bytes do not get through .* h2 /),
    ]);
  });

  test('only tells of spoilt checksums without --fix', async () => {
    await join(peerOn(2));
    wire.spoilsChecksums = true;
    expect(await notes()).toEqual([expect.stringContaining('"net check --fix" tries whether')]);
    expect([...wire.avoided]).toEqual([]);
  });

  test('has the kernel compute checksums with --fix, and is content from then on', async () => {
    await join(peerOn(2));
    wire.spoilsChecksums = true;
    expect(await notes(true)).toEqual([expect.stringContaining('the kernel computes them from now on')]);
    expect([...wire.avoided]).toEqual(['lab']);
    expect(await notes()).toEqual([]);
  });

  test('leaves checksums as they were where that does not help', async () => {
    await join(peerOn(2));
    wire.firewalled.add('10.0.2.2');
    expect(await notes(true)).toEqual([expect.stringContaining('a firewall in the sandboxes there?')]);
    expect([...wire.avoided]).toEqual([]);
  });

  test('does not suspect checksums that reach another host', async () => {
    await join(peerOn(2), peerOn(3));
    wire.firewalled.add('10.0.2.2');
    expect(await notes(true)).toEqual([]);
  });

  test('tries no more than 64 ways, and says so', async () => {
    await join(...Array.from({ length: 70 }, (_, index) => peerOn(index + 2)));
    expect(await notes()).toEqual(['64 of 70 were tried']);
    expect(new Set(wire.asked).size).toBe(64);
  });

  test('tries nothing through closed tunnels', async () => {
    await join(peerOn(2));
    const cluster = new Proxy(parts.cluster, {
      get: (target, key) =>
        key === 'view' ? () => ({ ...target.view(), state: 'fenced' }) : Reflect.get(target, key),
    });
    wire.asked.length = 0;
    const fenced = new CoreController({ ...parts, cluster });
    expect((await fenced.check({ fix: false })).notes).toMatchObject([{ object: 'tunnels to other hosts' }]);
    expect(wire.asked).toEqual([]);
  });
});

describe('the first contact with a host', () => {
  const told: Event[] = [];
  let contacts: FirstContacts;

  beforeEach(() => {
    told.length = 0;
    parts.events.subscribe((event) => event.action === 'tunnel' && told.push(event));
    contacts = new FirstContacts(parts, { patienceMs: 30, pauseMs: 1 });
    return () => contacts.close();
  });

  test('that fails is told, once', async () => {
    const peers = [peerOn(2), peerOn(3)];
    await join(...peers);
    wire.silent.add('10.0.2.2');
    contacts.meet(lab, peers);
    contacts.meet(lab, peers);
    await waitUntil('it is told', () => told.length > 0);
    expect(told).toMatchObject([
      { type: 'network', id: lab.id, attributes: { host: 'h2', problem: expect.stringContaining('4789') } },
    ]);
  });

  test('succeeds with whom answers a little later', async () => {
    const peer = peerOn(2);
    await join(peer);
    wire.silent.add('10.0.2.2');
    const patient = new FirstContacts(parts, { patienceMs: 60_000, pauseMs: 1 });
    wire.asked.length = 0;
    patient.meet(lab, [peer]);
    await waitUntil('it was tried in vain', () => wire.asked.length > 2);
    wire.spoilsChecksums = true;
    wire.silent.clear();
    await waitUntil('checksums were tried', () => told.length > 0);
    expect(told).toMatchObject([{ attributes: { problem: expect.stringContaining('checksums') } }]);
    patient.close();
  });

  test('is another one after the host has been away', async () => {
    const peer = peerOn(2);
    await join(peer);
    wire.silent.add('10.0.2.2');
    contacts.meet(lab, [peer]);
    await waitUntil('it is told', () => told.length === 1);
    parts.cluster.peers.set(lab.id, new Map());
    contacts.meet(lab, []);
    parts.cluster.peers.set(lab.id, new Map([[peer.id, peer]]));
    contacts.meet(lab, [peer]);
    await waitUntil('it is told again', () => told.length === 2);
  });
});
