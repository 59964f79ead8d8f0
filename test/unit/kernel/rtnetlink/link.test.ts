import { expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/base/cidr.ts';
import { parseMac } from '../../../../src/base/mac.ts';
import { decodeMessage } from '../../../../src/kernel/netlink/message.ts';
import {
  changeLink,
  createLink,
  decodeLink,
  getLink,
  removeLink,
  removeLinkGroup,
} from '../../../../src/kernel/rtnetlink/link.ts';
import { chooseLinkIndex } from '../../../../src/kernel/rtnetlink/link-index.ts';
import {
  addPortVlans,
  decodePortVlans,
  removePortVlans,
} from '../../../../src/kernel/rtnetlink/port-vlan.ts';
import { answerTo, asIproute2, requestOf } from './captures.ts';

const structBytes = 16;
const mac = (last: string) => parseMac(`02:00:00:00:00:${last}`, 'test');
/** Index of `va`, and the descriptor iproute2 happened to open. */
const va = { index: 700 };
const namespace = { fd: 4 };
const access = { id: 10, pvid: true, untagged: true };
const trunk = { id: 20, pvid: false, untagged: false };

test.each([
  [
    'ip link add br1 address 02:00:00:00:00:01 mtu 1400 type bridge forward_delay 0 mcast_snooping 0',
    createLink({
      kind: 'bridge',
      name: 'br1',
      mac: mac('01'),
      mtuBytes: 1400,
      bridge: { forwardDelay: 0, multicastSnooping: false },
    }),
  ],
  [
    'ip link add vh index 600 numtxqueues 1 numrxqueues 1 master br0 mtu 1400 up type veth peer name eth0 index 601 numtxqueues 1 numrxqueues 1 address 02:00:00:00:00:02 mtu 1400 netns x1',
    createLink({
      kind: 'veth',
      name: 'vh',
      index: 600,
      mtuBytes: 1400,
      master: 500,
      up: true,
      peer: { name: 'eth0', index: 601, mac: mac('02'), mtuBytes: 1400, namespace },
    }),
  ],
  [
    'ip link add mv0 address 02:00:00:00:00:03 link va type macvlan mode private',
    createLink({ kind: 'macvlan', name: 'mv0', mac: mac('03'), parent: va.index, mode: 'private' }),
  ],
  [
    'ip link add vx0 mtu 1450 type vxlan id 4096 local 10.0.0.1 nolearning proxy l2miss l3miss dstport 4789',
    createLink({
      kind: 'vxlan',
      name: 'vx0',
      mtuBytes: 1450,
      vxlan: {
        id: 4096,
        local: '10.0.0.1' as IpAddress,
        port: 4789,
        learning: false,
        proxy: true,
        l2miss: true,
        l3miss: true,
      },
    }),
  ],
  ['ip link add ifb0 index 710 up type ifb', createLink({ kind: 'ifb', name: 'ifb0', index: 710, up: true })],
  ['ip link set va master br0', changeLink(va, { master: 500 })],
  ['ip link set va nomaster', changeLink(va, { master: 0 })],
  ['ip link set va alias fairlead', changeLink(va, { alias: 'fairlead' })],
  ['ip link set va addrgenmode none', changeLink(va, { linkLocal: false })],
  ['ip link set va group 77', changeLink(va, { group: 77 })],
  ['ip link set va mtu 1400', changeLink(va, { mtuBytes: 1400 })],
  ['ip link set va address 02:00:00:00:00:04', changeLink(va, { mac: mac('04') })],
  ['ip link set va down', changeLink(va, { up: false })],
  ['ip link set va promisc on', changeLink(va, { promiscuous: true })],
  ['ip link set va promisc off', changeLink(va, { promiscuous: false })],
  ['ip link set va allmulticast on', changeLink(va, { allMulticast: true })],
  ['ip link set va txqueuelen 500', changeLink(va, { txQueueLength: 500 })],
  ['bridge vlan add dev va vid 10 pvid untagged', addPortVlans({ link: 700, vlans: [access] })],
  ['bridge vlan add dev va vid 20', addPortVlans({ link: 700, vlans: [trunk] })],
  ['bridge vlan del dev va vid 1', removePortVlans({ link: 700, ids: [1] })],
  ['ip link set va name vc', changeLink(va, { name: 'vc' })],
  ['ip link del mv0', removeLink({ index: 3 })],
  ['ip link del group 99', removeLinkGroup(99)],
])('the request is that of `%s`', (command, message) => {
  expect(asIproute2(message, structBytes)).toBe(requestOf(command));
});

test.each([
  [
    'isolated off hairpin on locked on learning off',
    { isolated: false, hairpin: true, locked: true, learning: false },
  ],
  [
    'isolated off hairpin off learning off flood off mcast_flood off bcast_flood off neigh_suppress on',
    {
      isolated: false,
      hairpin: false,
      learning: false,
      unicastFlood: false,
      multicastFlood: false,
      broadcastFlood: false,
      suppressesNeighbours: true,
    },
  ],
])('the settings of a port are those of `ip link set type bridge_slave %s`', (words, port) => {
  // iproute2 names the kind in another attribute; each setting takes 8 bytes.
  const settings = requestOf(`ip link set va type bridge_slave ${words}`).slice(
    -2 * 8 * Object.keys(port).length,
  );
  expect(asIproute2(changeLink(va, { port }), structBytes).endsWith(settings)).toBe(true);
});

test('flags that are not named are not changed', () => {
  const message = Buffer.from(changeLink(va, { up: true, promiscuous: false }));
  expect({ flags: message.readUInt32LE(24), change: message.readUInt32LE(28) }).toEqual({
    flags: 0x1,
    change: 0x101,
  });
});

test('a link asked for by name carries the name', () => {
  expect(Buffer.from(getLink({ name: 'eth0' })).includes('eth0\0')).toBe(true);
  expect(Buffer.from(removeLink({ name: 'eth0' })).includes('eth0\0')).toBe(true);
});

test('a port of a bridge is read with its settings', () => {
  expect(decodeLink(answerTo('ip link show dev vh'))).toMatchObject({
    index: 600,
    name: 'vh',
    up: true,
    carrier: false,
    mtuBytes: 1400,
    master: 500,
    parent: 601,
    parentNamespace: 0,
    group: 0,
    alias: undefined,
    info: { kind: 'other', name: 'veth' },
    port: {
      isolated: true,
      hairpin: true,
      locked: false,
      learning: true,
      forwardsReserved: false,
      unicastFlood: true,
      multicastFlood: true,
      broadcastFlood: true,
      suppressesNeighbours: false,
    },
  });
});

test('a locked port that does not learn is read as such', () => {
  expect(decodeLink(answerTo('ip -d link show dev va master br0'))).toMatchObject({
    master: 500,
    port: { isolated: false, hairpin: true, locked: true, learning: false, forwardsReserved: false },
  });
});

test('the VLANs of a port are read', () => {
  const { payload } = decodeMessage(addPortVlans({ link: 700, vlans: [access, trunk] }));
  expect(decodePortVlans(payload)).toEqual({ link: 700, vlans: [access, trunk] });
  expect(decodePortVlans(answerTo('ip -d link show dev va master br0'))).toBeUndefined();
});

test('a bridge is read with its options', () => {
  expect(decodeLink(answerTo('ip link show dev br1'))).toMatchObject({
    name: 'br1',
    up: false,
    mac: '02:00:00:00:00:01',
    mtuBytes: 1400,
    master: undefined,
    info: { kind: 'bridge', bridge: { multicastSnooping: false, vlanFiltering: false, forwardDelay: 0 } },
    port: undefined,
  });
});

test('a macvlan is read with its mode and parent', () => {
  expect(decodeLink(answerTo('ip link show dev mv0'))).toMatchObject({
    mac: '02:00:00:00:00:03',
    parent: 700,
    parentNamespace: undefined,
    info: { kind: 'macvlan', mode: 'private' },
  });
});

test('a VXLAN is read with its options', () => {
  expect(decodeLink(answerTo('ip link show dev vx0')).info).toEqual({
    kind: 'vxlan',
    vxlan: {
      id: 4096,
      local: '10.0.0.1',
      port: 4789,
      learning: false,
      proxy: true,
      l2miss: true,
      l3miss: true,
    },
  });
});

test('an ifb is read', () => {
  expect(decodeLink(answerTo('ip link show dev ifb0'))).toMatchObject({
    index: 710,
    up: true,
    info: { kind: 'other', name: 'ifb' },
  });
});

test('flags and the queue length are read', () => {
  expect(decodeLink(answerTo('ip -d link show dev va'))).toMatchObject({
    promiscuous: true,
    allMulticast: true,
    txQueueLength: 500,
  });
  expect(decodeLink(answerTo('ip link show dev ifb0'))).toMatchObject({
    promiscuous: false,
    allMulticast: false,
    txQueueLength: 32,
  });
});

test('alias and group are read', () => {
  expect(decodeLink(answerTo('ip link show dev va'))).toMatchObject({
    alias: 'fairlead',
    group: 77,
    up: true,
  });
});

test('chosen indexes are even, positive, and far above the kernel’s own', () => {
  for (let round = 0; round < 1000; round++) {
    const index = chooseLinkIndex();
    expect(index % 2).toBe(0);
    expect(index).toBeGreaterThan(1_000_000);
    expect(index + 1).toBeLessThan(2 ** 31);
  }
});
