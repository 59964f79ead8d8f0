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

function peer(number: number, changes: { mac?: string; host?: number; addresses?: string[]; id?: string } = {}) {
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
    expect(tunnel).toMatchObject({ mtu: 1400, ifalias: alias, master: bridge, address: ownMac, addr_info: [] });
    expect(tunnel?.flags).toContain('UP');
    expect(tunnel?.linkinfo?.info_data).toMatchObject({
      id: 4712,
      local: ownAddress[4],
      port: 4789,
      learning: false,
      proxy: false,
      l2miss: false,
      l3miss: false,
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
    ['address', 'id 4712 local 10.90.0.7 dstport 4789 nolearning', /sends from 10\.90\.0\.7, not 10\.90\.0\.1/],
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
    await refused(driver.ensureNetwork(network), 'conflict', /VXLAN id 4712 at port 4789 .* interface rival$/);
    expect(showLink(bridge)).toBeUndefined();
    expect(showLink(vxlan)).toBeUndefined();
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

  test('checksums are left to the hardware until that is turned off, and then stay so', async () => {
    const offload = () => /tx-checksum-ip-generic: on|tx-checksumming: on/.test(features());
    await driver.ensureNetwork(network);
    expect(offload()).toBe(true);
    await driver.tunnels.avoidChecksumOffload(network);
    expect(offload()).toBe(false);
    run(`ip link delete ${vxlan}`);
    await driver.ensureNetwork(network);
    expect(offload()).toBe(false);
    expect(await driver.inspectNetwork(network)).toEqual([]);
  });
});
