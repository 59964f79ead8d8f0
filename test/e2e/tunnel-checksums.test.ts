// A host whose network card spoils the checksums of what its tunnels carry.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheckResult } from '../../src/model/view.ts';
import { askApi } from '../support/api-client.ts';
import { ClusterBed } from '../support/cluster-bed.ts';
import { linksOf, networkIdOf } from '../support/cluster-bed-tables.ts';
import { addressOf, ask, expectSilence, startServer } from '../support/peers.ts';
import type { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const card = new URL('../support/careless-card.py', import.meta.url).pathname;
const offloadScript = new URL('../support/checksum-offload.py', import.meta.url).pathname;

let bed: ClusterBed;
let h1: TestHost;
let h2: TestHost;
let tunnel: string;
let job: string;

beforeAll(async () => {
  bed = await ClusterBed.start({ hosts: 2 });
  [h1, h2] = [bed.host('h1'), bed.host('h2')];
  await putCardIn(h1, bed.underlay.address('h1'));
  await bed.netds();
  await h1.net('create', '-d', 'overlay', '--subnet', '10.5.0.0/24', 'lab');
  await waitUntil('h2 has the network', async () => (await networkIdOf(h2, 'lab')) !== '');
  tunnel = linksOf(await networkIdOf(h1, 'lab')).tunnel;
  await startServer(h2, 'job', '--network', 'lab');
  job = await addressOf(h2, 'job');
  await startServer(h1, 'web', '--network', 'lab');
});
afterAll(() => bed[Symbol.asyncDispose]());

/** Between `eth0`, which has what it had, and the wire. Nobody listens to the wire but the card. */
async function putCardIn(host: TestHost, address: string): Promise<void> {
  await host.shell(`
    mac=$(cat /sys/class/net/eth0/address)
    ip link set eth0 down
    ip link set eth0 name wire0
    ip link add eth0 address $mac type veth peer name card0
    for link in wire0 card0; do
      sysctl -qw net.ipv6.conf.$link.disable_ipv6=1
      ip link set $link arp off promisc on
      ip link set $link up
    done
    ip address flush dev wire0
    ip link set wire0 address 02:99:00:00:99:99
    ip link set eth0 gso_max_segs 1
    ip address add ${address}/24 dev eth0
    ip link set eth0 up
    ip route add default via 10.99.0.254`);
  await host.spawn(['python3', card, 'card0', 'wire0']).line(/carries/);
}

const offload = (host: TestHost, ...wanted: readonly ('on' | 'off')[]) =>
  host.run(['python3', offloadScript, tunnel, ...wanted]);

const notes = async () => {
  const { body } = await askApi(h1, 'GET', '/check');
  const own = (body as CheckResult).notes.filter(({ object }) => object === 'network lab');
  return own.map(({ problem }) => problem);
};

test('has the kernel compute them, once it has met another host', async () => {
  await waitUntil('the kernel computes them', async () => (await offload(h1)) === 'off');
  expect(await ask({ host: h1, sandbox: 'web' }, job)).toMatchObject({ server: 'job' });
  expect(await offload(h2)).toBe('on');
  expect(await notes()).toEqual([]);
});

test('tells of it, and mends it with --fix, where somebody has turned that back', async () => {
  await offload(h1, 'on');
  await expectSilence({ host: h1, sandbox: 'web' }, job);
  expect(await notes()).toEqual([
    expect.stringContaining('TCP gets no answer through the tunnel to host h2'),
  ]);
  await h1.tryNet('check', '--fix');
  expect(await ask({ host: h1, sandbox: 'web' }, job)).toMatchObject({ server: 'job' });
});

test('a firewall of the only other endpoint is not taken for that', async () => {
  await h2.net('exec', 'job', '--', 'nft', 'add table ip site');
  await h2.net('exec', 'job', '--', 'nft', 'add chain ip site in { type filter hook input priority 0; }');
  await h2.net('exec', 'job', '--', 'nft', 'add rule ip site in meta l4proto tcp drop');
  expect(await offload(h2)).toBe('on');
  await h2.tryNet('check', '--fix');
  expect(await offload(h2)).toBe('on');
});
