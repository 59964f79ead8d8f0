// The bridge, the VXLAN and the entries of an overlay network, as ip(8) and bridge(8) show them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { NetError } from '../../../src/base/errors.ts';
import { OverlayDriver } from '../../../src/drivers/overlay/overlay.ts';
import type { Underlay } from '../../../src/drivers/overlay/underlay.ts';
import { requireOwnNetwork, run, showLink, succeeds } from '../../support/own-network.ts';
import { makeNetwork } from '../../support/records.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { dumpEntries, entriesOfPeers, makePeer, ownAddress, ownMac, Wire } from './overlay-lab.ts';

const transmitChecksum = new URL('./transmit-checksum.py', import.meta.url).pathname;

const network = makeNetwork({
  driver: 'overlay',
  ipv6: true,
  options: { vni: '4712', mtu: '1400' },
  pools: [
    { subnet: '10.86.0.0/16', gateway: '10.86.0.1' },
    { subnet: 'fd86::/64', gateway: 'fd86::1' },
  ],
});
const bridge = `fl-${network.id.slice(0, 10)}`;
const vxlan = `vx-${network.id.slice(0, 10)}`;

let underlay: Underlay | undefined;
let driver: OverlayDriver;
let wire: Wire;

beforeAll(() => {
  requireOwnNetwork();
  wire = new Wire();
  start();
});
afterAll(() => wire[Symbol.asyncDispose]());
afterEach(async () => {
  await driver.removeNetwork(network);
  start();
});

/** A daemon that begins anew. */
function start(): void {
  underlay = { address: ownAddress[4] as IpAddress, mac: ownMac };
  driver = new OverlayDriver({ underlay: () => underlay });
}

function peer(
  number: number,
  changes: { mac?: string; host?: number; addresses?: string[]; id?: string } = {},
) {
  const { mac = `02:00:00:00:86:0${number}`, host = 9, id } = changes;
  const addresses = changes.addresses ?? [`10.86.0.${number}/16`, `fd86::${number}/64`];
  return makePeer(network, { mac, addresses, address: `10.90.0.${host}`, ...(id !== undefined && { id }) });
}

async function refused(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await expect(work).rejects.toSatisfy(
    (error) => error instanceof NetError && error.code === code && message.test(error.message),
  );
}

describe('links', () => {
  test('a bridge and as its port a VXLAN that learns nothing and floods nothing are made', async () => {
    await driver.ensureNetwork(network);
    const alias = `fairlead network ${network.id}`;
    expect(showLink(bridge)).toMatchObject({ mtu: 1400, ifalias: alias });
    const tunnel = showLink(vxlan);
    expect(tunnel).toMatchObject({
      mtu: 1400,
      ifalias: alias,
      master: bridge,
      address: ownMac,
      addr_info: [],
    });
    expect(tunnel?.flags).toContain('UP');
    expect(tunnel?.linkinfo?.info_data).toMatchObject({
      id: 4712,
      local: ownAddress[4],
      port: 4789,
      learning: false,
      udp_csum: true,
    });
    expect(tunnel?.linkinfo?.info_slave_data).toMatchObject({
      learning: false,
      flood: false,
      mcast_flood: false,
      bcast_flood: false,
      neigh_suppress: true,
      isolated: false,
      hairpin: false,
    });
    expect(await driver.inspectNetwork(network)).toEqual([]);
  });

  test('every host has the same bridge, and looks for no other with its addresses', async () => {
    await driver.ensureNetwork(network);
    const mac = showLink(bridge)?.address;
    await driver.removeNetwork(network);
    start();
    await driver.ensureNetwork(network);
    expect(showLink(bridge)?.address).toBe(mac);
    expect(run(`sysctl -n net/ipv6/conf/${bridge}/accept_dad`).trim()).toBe('0');
  });

  test('options set the port and let groups and all through, and no communication isolates the tunnel', async () => {
    const options = { ...network.options, vtep_port: '8472', multicast: 'true', icc: 'false' };
    await driver.ensureNetwork({ ...network, options });
    expect(showLink(vxlan)?.linkinfo).toMatchObject({
      info_data: { port: 8472 },
      info_slave_data: { flood: false, mcast_flood: true, bcast_flood: true, isolated: true },
    });
    expect(await driver.inspectNetwork({ ...network, options })).toEqual([]);
  });

  test('tunnels over IPv6 are made with checksums', async () => {
    underlay = { address: ownAddress[6] as IpAddress, mac: ownMac };
    await driver.ensureNetwork(network);
    expect(showLink(vxlan)?.linkinfo?.info_data).toMatchObject({
      local6: ownAddress[6],
      udp_zero_csum6_tx: false,
      udp_zero_csum6_rx: false,
    });
  });

  test('a network that is made by many at once is made once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => driver.ensureNetwork(network)));
    expect(await driver.inspectNetwork(network)).toEqual([]);
    await Promise.all([driver.removeNetwork(network), driver.removeNetwork(network)]);
    expect(showLink(bridge)).toBeUndefined();
    expect(showLink(vxlan)).toBeUndefined();
  });

  test('a host that is not told of the others of a network any more keeps its tunnel and the ways to them', async () => {
    const shared = { ...network, shared: true as const };
    await driver.ensureNetwork(shared);
    await driver.tunnels.replacePeers(shared, [peer(2)]);
    const without = new OverlayDriver({ underlay: () => undefined });
    await without.ensureNetwork(shared);
    expect(await without.inspectNetwork(shared)).toEqual([]);
    expect(dumpEntries(shared)).toEqual(entriesOfPeers([peer(2)]));
    await without.removeNetwork(shared);
    expect(showLink(vxlan)).toBeUndefined();
  });

  test('a tunnel that was closed before a restart stays so until it is said that it may be open', async () => {
    const isUp = () => showLink(vxlan)?.flags.includes('UP');
    await driver.ensureNetwork(network);
    await driver.tunnels.setOpen(false, [network]);
    start();
    await driver.ensureNetwork(network);
    expect(await driver.inspectNetwork(network)).toEqual([]);
    expect(isUp()).toBe(false);
    await driver.tunnels.setOpen(true, [network]);
    expect(isUp()).toBe(true);
  });

  test('a host without others has the bridge alone', async () => {
    await driver.ensureNetwork(network);
    underlay = undefined;
    expect(await driver.inspectNetwork(network)).toMatchObject([{ object: `vxlan ${vxlan}` }]);
    await driver.ensureNetwork(network);
    expect(showLink(bridge)).toBeDefined();
    expect(showLink(vxlan)).toBeUndefined();
    await driver.tunnels.replacePeers(network, [peer(2)]);
    expect(await driver.inspectNetwork(network)).toEqual([]);
    expect(await driver.tunnels.inspectPeers(network, [peer(2)])).toEqual([]);
  });

  test.each([
    ['a deleted VXLAN', `ip link delete ${vxlan}`, /is missing/],
    ['a deleted bridge', `ip link delete ${bridge}`, /is missing/],
    ['a VXLAN that is down', `ip link set ${vxlan} down`, /is down/],
    ['a bridge that is down', `ip link set ${bridge} down`, /is down/],
    ['a VXLAN outside its bridge', `ip link set ${vxlan} nomaster`, /is no port of its bridge/],
    ['a port that learns', `bridge link set dev ${vxlan} learning on`, /learns, floods/],
    ['a port that floods', `bridge link set dev ${vxlan} flood on`, /learns, floods/],
    ['a port that asks', `bridge link set dev ${vxlan} neigh_suppress off`, /learns, floods/],
    ['another MTU', `ip link set ${vxlan} mtu 1300`, /has MTU 1300, not 1400/],
    ['another MAC address', `ip link set ${vxlan} address 02:00:00:00:00:99`, /has MAC address/],
    ['a lost mark', `ip link set ${vxlan} alias other`, /is not marked as ours/],
    ['a lost gateway address', `ip address delete 10.86.0.1/16 dev ${bridge}`, /lacks address/],
  ])('%s is noticed and repaired, with the entries of peers', async (_, damage, problem) => {
    const peers = [peer(2), peer(3)];
    await driver.tunnels.setOpen(true, []);
    await driver.ensureNetwork(network);
    await driver.tunnels.replacePeers(network, peers);
    run(damage);
    const found = await driver.inspectNetwork(network);
    expect(found.map((difference) => difference.problem)).toContainEqual(expect.stringMatching(problem));
    await driver.ensureNetwork(network);
    expect(await driver.inspectNetwork(network)).toEqual([]);
    expect(dumpEntries(network)).toEqual(entriesOfPeers(peers));
  });

  test.each([
    ['id', 'id 99 local 10.90.0.1 dstport 4789 nolearning', /has VXLAN id 99, not 4712/],
    [
      'address',
      'id 4712 local 10.90.0.7 dstport 4789 nolearning',
      /sends from 10\.90\.0\.7, not 10\.90\.0\.1/,
    ],
    ['port', 'id 4712 local 10.90.0.1 dstport 4790 nolearning', /has port 4790, not 4789/],
    ['way of learning', 'id 4712 local 10.90.0.1 dstport 4789', /learns or answers/],
  ])('a VXLAN of another %s is made anew', async (_, settings, problem) => {
    await driver.ensureNetwork(network);
    await driver.tunnels.replacePeers(network, [peer(2)]);
    run(`ip link delete ${vxlan}`);
    run(`ip link add ${vxlan} type vxlan ${settings}`);
    const found = await driver.inspectNetwork(network);
    expect(found[0]?.problem).toMatch(problem);
    await driver.ensureNetwork(network);
    expect(await driver.inspectNetwork(network)).toEqual([]);
    expect(dumpEntries(network)).toEqual(entriesOfPeers([peer(2)]));
  });

  test('an id that another VXLAN of the host has is refused with its name, and nothing stays', async () => {
    run('ip link add rival type vxlan id 4712 dstport 4789');
    onTestFinished(() => void succeeds('ip link delete rival'));
    await refused(
      driver.ensureNetwork(network),
      'conflict',
      /VXLAN id 4712 at port 4789 .* interface rival$/,
    );
    expect(showLink(bridge)).toBeUndefined();
    expect(showLink(vxlan)).toBeUndefined();
  });

  test('an id is also refused that a VXLAN took along into another namespace', async () => {
    const far = await wire.far({ number: 7, network, outer: 4, addresses: [] });
    run(`ip link add rival7 type vxlan id 4712 dstport 4789`);
    run(`ip link set rival7 netns ${far.path}`);
    onTestFinished(() => void run('ip link delete rival7', far.path));
    await refused(driver.ensureNetwork(network), 'conflict', /VXLAN id 4712 .* of another namespace$/);
    expect(showLink(bridge)).toBeUndefined();
  });

  test('an interface of that name which is no VXLAN is refused, and stays', async () => {
    run(`ip link add ${vxlan} type bridge`);
    onTestFinished(() => void succeeds(`ip link delete ${vxlan}`));
    await refused(driver.ensureNetwork(network), 'conflict', /is no VXLAN/);
    await driver.removeNetwork(network);
    expect(showLink(vxlan)).toBeDefined();
  });

  test('a port that a program holds is refused, and nothing stays', async () => {
    const holder = spawn('socat', ['-u', 'UDP4-RECVFROM:4789,bind=0.0.0.0', 'STDOUT']);
    onTestFinished(async () => {
      holder.kill();
      await once(holder, 'exit');
    });
    await waitUntil('the port is held', () => run('ss -Hlun sport = :4789') !== '');
    await refused(driver.ensureNetwork(network), 'conflict', /UDP port 4789/);
    expect(showLink(bridge)).toBeUndefined();
    expect(showLink(vxlan)).toBeUndefined();
  });

  test('checksums are left to the hardware until that is turned off, and then stay so until it is turned on', async () => {
    const offloads = () => run(`python3 ${transmitChecksum} ${vxlan}`).trim() === '1';
    await driver.ensureNetwork(network);
    expect(offloads()).toBe(true);
    await driver.tunnels.avoidChecksumOffload(network, true);
    expect(offloads()).toBe(false);
    run(`ip link delete ${vxlan}`);
    await driver.ensureNetwork(network);
    expect(offloads()).toBe(false);
    expect(await driver.inspectNetwork(network)).toEqual([]);
    await driver.tunnels.avoidChecksumOffload(network, false);
    await driver.ensureNetwork(network);
    expect(offloads()).toBe(true);
  });

  test('what happens to the address tunnels end at is noticed', async () => {
    await driver.ensureNetwork(network);
    onTestFinished(() => void run('ip link set wire0 mtu 1500'));
    run('ip link set wire0 mtu 1449');
    expect(await driver.inspectNetwork(network)).toEqual([
      {
        object: 'interface wire0',
        problem: 'has MTU 1449, which leaves no room for the 1400 of network lab',
      },
    ]);
    underlay = { address: '10.90.0.99' as IpAddress, mac: ownMac };
    expect(await driver.inspectNetwork(network)).toContainEqual({
      object: 'address 10.90.0.99',
      problem: 'is on no interface of this host, and other hosts send to it',
    });
  });

  test('the MTU is what tunnels over the link of the address leave, and more is refused', async () => {
    const draft = { ...network, options: {} };
    expect(await driver.resolve(draft)).toEqual({ mtu: '1450' });
    underlay = { address: ownAddress[6] as IpAddress, mac: ownMac };
    expect(await driver.resolve(draft)).toEqual({ mtu: '1430' });
    expect(await driver.resolve({ ...draft, options: { mtu: '1400' } })).toEqual({ mtu: '1400' });
    const more = { ...draft, options: { mtu: '1431' } };
    await refused(driver.resolve(more), 'invalid_parameter', /1431 is more than the 1430 .* wire0 .* 1500/);
    await refused(driver.resolve({ ...draft, options: { mtu: '1279' } }), 'invalid_parameter', /1280/);
    underlay = { address: '10.90.0.99' as IpAddress, mac: ownMac };
    await refused(driver.resolve(draft), 'unavailable', /10\.90\.0\.99/);
    underlay = undefined;
    expect(await driver.resolve(draft)).toEqual({ mtu: '1450' });
  });
});

describe('entries of peers', () => {
  test('those of every peer are there, and nothing else', async () => {
    const peers = [peer(2), peer(3, { host: 8 }), peer(4, { addresses: ['10.86.0.4/16'] })];
    await driver.ensureNetwork(network);
    await driver.tunnels.replacePeers(network, peers);
    expect(dumpEntries(network)).toEqual(entriesOfPeers(peers));
    expect(await driver.tunnels.inspectPeers(network, peers)).toEqual([]);
    await driver.tunnels.replacePeers(network, peers.slice(1));
    expect(dumpEntries(network)).toEqual(entriesOfPeers(peers.slice(1)));
  });

  test('changes put, move and remove; what is there or gone already is fine', async () => {
    const [two, three, four] = [peer(2), peer(3), peer(4)];
    const moved = { ...three, host: peer(3, { host: 8 }).host };
    await driver.ensureNetwork(network);
    for (const _ of ['once', 'twice']) {
      await driver.tunnels.changePeers(network, { put: [two, three], gone: [four] });
      expect(dumpEntries(network)).toEqual(entriesOfPeers([two, three]));
    }
    for (const _ of ['once', 'twice']) {
      await driver.tunnels.changePeers(network, { put: [moved], gone: [two] });
      expect(dumpEntries(network)).toEqual(entriesOfPeers([moved]));
    }
  });

  test('an address or hardware address a peer no longer has goes', async () => {
    const before = peer(2, { addresses: ['10.86.0.2/16', '10.86.0.22/16'], id: 'same' });
    const after = peer(2, { addresses: ['10.86.0.2/16'], mac: '02:00:00:00:86:99', id: 'same' });
    await driver.ensureNetwork(network);
    await driver.tunnels.replacePeers(network, [before]);
    await driver.tunnels.changePeers(network, { put: [after], gone: [] });
    expect(dumpEntries(network)).toEqual(entriesOfPeers([after]));
  });

  test('of two peers with one address or hardware address the later has it, and gives it back', async () => {
    const [early, late] = [peer(2), peer(2, { mac: '02:00:00:00:86:77', host: 8 })];
    const [one, other] = [
      peer(5, { addresses: ['10.86.0.5/16'] }),
      peer(5, { addresses: ['10.86.0.6/16'], host: 8 }),
    ];
    await driver.ensureNetwork(network);
    await driver.tunnels.changePeers(network, { put: [early, late, one, other], gone: [] });
    const dump = dumpEntries(network);
    expect(dump).toContain('10.86.0.2 lladdr 02:00:00:00:86:77 PERMANENT');
    expect(dump).toContain('02:00:00:00:86:05 dst 10.90.0.8 self permanent');
    expect(dump).not.toContain('02:00:00:00:86:05 dst 10.90.0.9 self permanent');
    expect(await driver.tunnels.inspectPeers(network, [early, late, one, other])).toEqual([]);
    await driver.tunnels.changePeers(network, { put: [], gone: [late, other] });
    expect(dumpEntries(network)).toEqual(entriesOfPeers([early, one]));
    await driver.tunnels.changePeers(network, { put: [late], gone: [] });
    await driver.tunnels.changePeers(network, { put: [], gone: [early] });
    expect(dumpEntries(network)).toEqual(entriesOfPeers([late, one]));
  });

  test.each(['static', 'dynamic'])(
    'a hardware address that is %s at an endpoint of this host stays there',
    async (kind) => {
      await driver.ensureNetwork(network);
      run('ip link add local86p up type veth peer name local86');
      onTestFinished(() => void succeeds('ip link delete local86'));
      // Not without a carrier: a port that loses it, which the kernel may notice later, forgets what is dynamic.
      run(`ip link set local86 up master ${bridge}`);
      run(`bridge fdb add 02:00:00:00:86:02 dev local86 master ${kind}`);
      const peers = [peer(2), peer(3)];
      await driver.tunnels.changePeers(network, { put: peers, gone: [] });
      const where = () => run(`bridge fdb get 02:00:00:00:86:02 br ${bridge}`);
      expect(where()).toContain('dev local86');
      expect(dumpEntries(network)).toContain('02:00:00:00:86:03 master static');
      await driver.tunnels.replacePeers(network, peers);
      expect(await driver.tunnels.inspectPeers(network, peers)).toEqual([]);
      expect(where()).toContain('dev local86');
      await driver.tunnels.changePeers(network, { put: [], gone: [peer(2)] });
      expect(where()).toContain('dev local86');
    },
  );

  test('with multicast every host with a peer gets what is for groups, until its last is gone', async () => {
    const loud = { ...network, options: { ...network.options, multicast: 'true' } };
    const peers = [peer(2), peer(3), peer(4, { host: 8 })];
    await driver.ensureNetwork(loud);
    await driver.tunnels.replacePeers(loud, peers);
    expect(dumpEntries(network)).toEqual(entriesOfPeers(peers, ['10.90.0.8', '10.90.0.9']));
    expect(await driver.tunnels.inspectPeers(loud, peers)).toEqual([]);
    await driver.tunnels.changePeers(loud, { put: [], gone: [peers[1] ?? peer(3), peers[2] ?? peer(4)] });
    expect(dumpEntries(network)).toEqual(entriesOfPeers(peers.slice(0, 1), ['10.90.0.9']));
    await driver.tunnels.changePeers(loud, { put: [], gone: peers.slice(0, 1) });
    expect(dumpEntries(network)).toEqual([]);
  });

  test('what others add, change and remove is noticed and put right', async () => {
    const peers = [peer(2), peer(3)];
    await driver.ensureNetwork(network);
    await driver.tunnels.replacePeers(network, peers);
    run(`bridge fdb replace 02:00:00:00:86:02 dev ${vxlan} dst 10.90.0.66 self permanent`);
    run(`bridge fdb append 02:00:00:00:86:44 dev ${vxlan} dst 10.90.0.66 self permanent`);
    run(`bridge fdb append 00:00:00:00:00:00 dev ${vxlan} dst 10.90.0.66 self permanent`);
    run(`bridge fdb add 02:00:00:00:86:44 dev ${vxlan} master static`);
    run(`bridge fdb del 02:00:00:00:86:03 dev ${vxlan} master`);
    run(`ip neighbour replace 10.86.0.2 lladdr 02:00:00:00:86:66 dev ${bridge} nud permanent`);
    run(`ip neighbour replace 10.86.0.44 lladdr 02:00:00:00:86:44 dev ${bridge} nud permanent`);
    run(`ip neighbour del fd86::3 dev ${bridge}`);
    const problems = (await driver.tunnels.inspectPeers(network, peers)).map(({ problem }) => problem);
    expect(problems).toEqual([
      'lacks or misdirects the way to 02:00:00:00:86:02 at 10.90.0.9',
      'does not expect at its tunnel 02:00:00:00:86:03',
      'lacks neighbour 10.86.0.2 at 02:00:00:00:86:02 and 1 more',
      'has neighbour, which is no endpoint of another host, 10.86.0.44',
      'expects at its tunnel, where no endpoint has it, 02:00:00:00:86:44',
      'sends to groups at 10.90.0.66',
      'has a way that leads to no endpoint, to 02:00:00:00:86:44',
    ]);
    await driver.tunnels.replacePeers(network, peers);
    expect(dumpEntries(network)).toEqual(entriesOfPeers(peers));
  });

  test('what another daemon left is taken over, by what differs', async () => {
    await driver.ensureNetwork(network);
    await driver.tunnels.replacePeers(network, [peer(2), peer(3)]);
    start();
    await driver.ensureNetwork(network);
    expect(dumpEntries(network)).toEqual(entriesOfPeers([peer(2), peer(3)]));
    await driver.tunnels.replacePeers(network, [peer(3), peer(4)]);
    expect(dumpEntries(network)).toEqual(entriesOfPeers([peer(3), peer(4)]));
  });

  test('ten thousand peers are told, taken over and removed', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => {
      const [high, low] = [index >> 8, index & 255];
      const mac = `02:00:00:86:${hex(high)}:${hex(low)}`;
      const addresses = [`10.86.${100 + high}.${low}/16`, `fd86::1:${index.toString(16)}/64`];
      return peer(0, { mac, addresses, host: 2 + (index % 50) });
    });
    await driver.ensureNetwork(network);
    await driver.tunnels.changePeers(network, { put: many, gone: [] });
    expect(dumpEntries(network)).toHaveLength(40_000);
    expect(await driver.tunnels.inspectPeers(network, many)).toEqual([]);
    await driver.tunnels.replacePeers(network, many.slice(5000));
    expect(dumpEntries(network)).toHaveLength(20_000);
    await driver.tunnels.changePeers(network, { put: [], gone: many });
    expect(dumpEntries(network)).toEqual([]);
  });

  test('peers are known before their network is there, and of no network that was removed', async () => {
    await driver.tunnels.replacePeers(network, [peer(2)]);
    await driver.tunnels.changePeers(network, { put: [peer(3)], gone: [] });
    expect(await driver.tunnels.inspectPeers(network, [peer(2)])).toEqual([]);
    await driver.ensureNetwork(network);
    expect(dumpEntries(network)).toEqual(entriesOfPeers([peer(2), peer(3)]));
    await driver.removeNetwork(network);
    await driver.ensureNetwork(network);
    expect(dumpEntries(network)).toEqual([]);
  });

  test('a host whose address is of the other family is told of, and left out', async () => {
    const strange = makePeer(network, {
      mac: '02:00:00:00:86:06',
      addresses: ['10.86.0.6/16'],
      address: 'fd90::9',
    });
    await driver.ensureNetwork(network);
    await driver.tunnels.replacePeers(network, [peer(2), strange]);
    expect(dumpEntries(network)).toEqual(entriesOfPeers([peer(2)]));
    expect(await driver.tunnels.inspectPeers(network, [peer(2), strange])).toMatchObject([
      { object: 'host host-fd90::9' },
    ]);
  });
});

test('an encrypted network is refused', async () => {
  const options = driver.normalizeOptions({ encrypted: '' });
  await refused(driver.resolve({ ...network, options }), 'not_implemented', /option encrypted/);
});

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
