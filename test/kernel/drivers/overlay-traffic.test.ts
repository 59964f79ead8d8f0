// What passes between an endpoint here and those of hosts that are made otherwise, and what leaves the host.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { OverlayDriver } from '../../../src/drivers/overlay/overlay.ts';
import type { Attachment } from '../../../src/model/attachment.ts';
import type { Network } from '../../../src/model/network.ts';
import { NetnsSandboxes } from '../../../src/sandbox/netns-sandbox.ts';
import { makeWorkspace, reaches, requireOwnNetwork, run } from '../../support/own-network.ts';
import { makeEndpoint, makeNetwork } from '../../support/records.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { type Family, type Far, ownAddress, ownMac, Wire } from './overlay-lab.ts';

const workspace = makeWorkspace();
const sender = new URL('./send-datagram.py', import.meta.url).pathname;
const own = ['10.85.0.2/24', 'fd85::2/64'];
let sandboxes: NetnsSandboxes;
let sandbox: Awaited<ReturnType<NetnsSandboxes['create']>>;
let wire: Wire;
let attached: readonly Attachment[];
let clean: (() => Promise<void>) | undefined;

beforeAll(() => {
  requireOwnNetwork();
  sandboxes = new NetnsSandboxes(workspace);
});
afterAll(() => workspace.remove());
beforeEach(async () => {
  wire = new Wire();
  sandbox = await sandboxes.create('here');
  attached = [];
});
afterEach(async () => {
  await clean?.();
  clean = undefined;
  await sandboxes.remove(sandbox, attached);
  await wire[Symbol.asyncDispose]();
});

/** An endpoint of this host on the network, with the peers that are told of it and that it is told of. */
async function connect(
  outer: Family,
  network: Network,
  farNumbers: readonly number[],
): Promise<{
  readonly driver: OverlayDriver;
  readonly fars: readonly Far[];
  readonly attachment: Attachment;
}> {
  const driver = new OverlayDriver({
    underlay: () => ({ address: ownAddress[outer] as IpAddress, mac: ownMac }),
  });
  const attachment = driver.attachment(network, makeEndpoint(network, own));
  const fars: Far[] = [];
  for (const number of farNumbers) {
    const addresses = [`10.85.0.${number}/24`, `fd85::${number}/64`];
    const far = await wire.far({ number, network, outer, addresses });
    far.knows(attachment.mac, ['10.85.0.2', 'fd85::2']);
    fars.push(far);
  }
  await driver.ensureNetwork(network);
  await sandboxes.attach(sandbox, attachment, {});
  attached = [attachment];
  clean = () => driver.removeNetwork(network);
  return { driver, fars, attachment };
}

function overlay(options: Readonly<Record<string, string>> = {}): Network {
  return makeNetwork({
    driver: 'overlay',
    ipv6: true,
    options: { vni: '4711', mtu: '1430', ...options },
    pools: [
      { subnet: '10.85.0.0/24', gateway: '10.85.0.1' },
      { subnet: 'fd85::/64', gateway: 'fd85::1' },
    ],
  });
}

/** A UDP packet that is not to be split. */
function sendTo(address: string, bytes: number): void {
  run(`python3 ${sender} ${address} ${bytes}`, sandbox.path);
}

test.each([4, 6] as const)(
  'endpoints of two hosts reach each other in both families over IPv%i',
  async (outer) => {
    const network = overlay();
    const {
      driver,
      fars: [far],
    } = await connect(outer, network, [9]);
    if (far === undefined) throw new Error('no far host');
    expect(reaches('10.85.0.9', sandbox.path)).toBe(false);
    await driver.tunnels.replacePeers(network, [far.peer]);
    run('ip neighbour flush all', sandbox.path);
    far.forget();
    expect(reaches('10.85.0.9', sandbox.path)).toBe(true);
    expect(reaches('fd85::9', sandbox.path)).toBe(true);
    expect(reaches('10.85.0.2', far.path)).toBe(true);
    expect(reaches('fd85::2', far.path)).toBe(true);
    const arrived = far.arrived();
    expect(arrived.all).toBeGreaterThan(0);
    expect(arrived).toMatchObject({ arp: 0, solicitations: 0 });
  },
);

test('endpoints reach each other on a network on which the host has no address', async () => {
  const isolated = { gateway_mode_ipv4: 'isolated', gateway_mode_ipv6: 'isolated' };
  const network = { ...overlay(isolated), internal: true };
  const {
    driver,
    fars: [far],
  } = await connect(4, network, [9]);
  if (far === undefined) throw new Error('no far host');
  await driver.tunnels.replacePeers(network, [far.peer]);
  far.forget();
  expect(reaches('10.85.0.9', sandbox.path)).toBe(true);
  expect(reaches('fd85::9', sandbox.path)).toBe(true);
  expect(far.arrived()).toMatchObject({ arp: 0, solicitations: 0 });
  expect(await driver.inspectNetwork(network)).toEqual([]);
  expect(await driver.tunnels.inspectPeers(network, [far.peer])).toEqual([]);
  expect(run(`ip address show dev fl-${network.id.slice(0, 10)}`)).not.toContain('inet');
});

test('nothing leaves for addresses nobody has, nor for groups or all', async () => {
  const network = overlay();
  const {
    driver,
    fars: [far],
  } = await connect(4, network, [9]);
  if (far === undefined) throw new Error('no far host');
  await driver.tunnels.replacePeers(network, [far.peer]);
  expect(reaches('10.85.0.9', sandbox.path)).toBe(true);
  far.forget();
  expect(reaches('10.85.0.77', sandbox.path)).toBe(false);
  expect(reaches('fd85::77', sandbox.path)).toBe(false);
  run('ip neighbour replace 10.85.0.78 lladdr 02:00:00:00:00:78 nud permanent dev eth0', sandbox.path);
  sendTo('10.85.0.78', 100);
  sendTo('10.85.0.255', 100);
  sendTo('ff02::1%eth0', 100);
  // What was sent before it arrives before it.
  sendTo('10.85.0.9', 100);
  await waitUntil('the last arrived', () => far.arrived().datagrams > 0);
  expect(far.arrived()).toEqual({ all: 1, arp: 0, solicitations: 0, datagrams: 1 });
});

test('with multicast, what is for groups and for all reaches every host, and what is for one does not', async () => {
  const network = overlay({ multicast: 'true' });
  const { driver, fars } = await connect(4, network, [8, 9]);
  await driver.tunnels.replacePeers(
    network,
    fars.map(({ peer }) => peer),
  );
  for (const far of fars) far.forget();
  sendTo('10.85.0.255', 100);
  sendTo('ff02::1234%eth0', 100);
  sendTo('10.85.0.9', 100);
  const datagrams = () => fars.map((far) => far.arrived().datagrams);
  await waitUntil('the last arrived', () => datagrams()[1] === 3);
  expect(datagrams()).toEqual([2, 3]);
  expect(reaches('10.85.0.77', sandbox.path)).toBe(false);
  expect(reaches('fd85::77', sandbox.path)).toBe(false);
  for (const far of fars) {
    await waitUntil('questions arrived', () => far.arrived().arp > 0 && far.arrived().solicitations > 0);
  }
});

test('a packet as large as the network takes passes whole', async () => {
  const network = overlay();
  const {
    driver,
    fars: [far],
  } = await connect(6, network, [9]);
  if (far === undefined) throw new Error('no far host');
  await driver.tunnels.replacePeers(network, [far.peer]);
  far.forget();
  sendTo('10.85.0.9', 1430 - 28);
  await waitUntil('it arrived', () => far.arrived().datagrams > 0);
  expect(far.arrived().all).toBe(1);
  expect(() => sendTo('10.85.0.9', 1431 - 28)).toThrow(/Message too long/);
});

test('closed tunnels carry nothing, and open ones do again', async () => {
  const network = overlay();
  const {
    driver,
    fars: [far],
  } = await connect(4, network, [9]);
  if (far === undefined) throw new Error('no far host');
  await driver.tunnels.replacePeers(network, [far.peer]);
  await driver.tunnels.setOpen(false, [network]);
  far.forget();
  expect(reaches('10.85.0.9', sandbox.path)).toBe(false);
  await driver.ensureNetwork(network);
  expect(await driver.inspectNetwork(network)).toEqual([]);
  expect(reaches('10.85.0.9', sandbox.path)).toBe(false);
  expect(reaches('10.85.0.2', far.path)).toBe(false);
  expect(far.arrived().all).toBe(0);
  await driver.tunnels.setOpen(true, [network]);
  expect(reaches('10.85.0.9', sandbox.path)).toBe(true);
  expect(await driver.tunnels.inspectPeers(network, [far.peer])).toEqual([]);
});

test('an endpoint that moved to another host is reached there, and one that is gone no longer', async () => {
  const network = overlay();
  const {
    driver,
    fars: [eight, nine],
  } = await connect(4, network, [8, 9]);
  if (eight === undefined || nine === undefined) throw new Error('no far hosts');
  const elsewhere = { ...nine.peer, host: eight.peer.host };
  await driver.tunnels.replacePeers(network, [elsewhere]);
  expect(reaches('10.85.0.9', sandbox.path)).toBe(false);
  await driver.tunnels.changePeers(network, { put: [nine.peer], gone: [] });
  expect(reaches('10.85.0.9', sandbox.path)).toBe(true);
  await driver.tunnels.changePeers(network, { put: [], gone: [nine.peer] });
  run('ip neighbour flush all', sandbox.path);
  expect(reaches('10.85.0.9', sandbox.path)).toBe(false);
});

test('checksums of what goes through the tunnel can be made complete before it', async () => {
  const network = overlay();
  const {
    driver,
    fars: [far],
  } = await connect(4, network, [9]);
  if (far === undefined) throw new Error('no far host');
  await driver.tunnels.replacePeers(network, [far.peer]);
  await driver.tunnels.avoidChecksumOffload(network, true);
  expect(reaches('10.85.0.9', sandbox.path)).toBe(true);
});
