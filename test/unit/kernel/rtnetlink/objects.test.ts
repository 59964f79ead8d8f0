import { describe, expect, test } from 'vitest';
import type { Cidr, InterfaceAddress, IpAddress } from '../../../../src/base/cidr.ts';
import { parseMac } from '../../../../src/base/mac.ts';
import { addAddress, decodeAddress, removeAddress } from '../../../../src/kernel/rtnetlink/address.ts';
import {
  addFdbEntry,
  addPortFdbEntry,
  decodeBridgeFdbEntry,
  decodeFdbEntry,
  decodeNeighbour,
  decodePermanentNeighbour,
  decodePortFdbEntry,
  removeFdbEntry,
  removeNeighbour,
  removePortFdbEntry,
  setFdbEntry,
  setNeighbour,
  setPortFdbEntry,
} from '../../../../src/kernel/rtnetlink/neighbour.ts';
import { addRoute, decodeRoute, removeRoute, replaceRoute } from '../../../../src/kernel/rtnetlink/route.ts';
import { addRule, decodeRule, type Rule, removeRule } from '../../../../src/kernel/rtnetlink/rule.ts';
import { answerTo, asIproute2, requestOf } from './captures.ts';

const link = 700;
const ip = (text: string) => text as IpAddress;
const cidr = (text: string) => text as Cidr;

describe('addresses', () => {
  const structBytes = 8;
  const ipv4 = { link, address: '10.1.2.3/24' as InterfaceAddress };
  const ipv6 = { link, address: 'fd00::5/64' as InterfaceAddress };

  test.each([
    ['ip addr add 10.1.2.3/24 broadcast + dev va', replaceFlag(addAddress(ipv4))],
    ['ip addr add fd00::5/64 dev va nodad', replaceFlag(addAddress(ipv6))],
    ['ip addr del 10.1.2.3/24 dev va', removeAddress(ipv4)],
  ])('the request is that of `%s`', (command, message) => {
    expect(asIproute2(message, structBytes)).toBe(requestOf(command));
  });

  test('both families are read', () => {
    expect(decodeAddress(answerTo('ip -4 addr show dev va'))).toEqual(ipv4);
    expect(decodeAddress(answerTo('ip -6 addr show dev va'))).toEqual(ipv6);
  });

  test.each(['10.1.2.3/31', '10.1.2.3/32'])('%s has no broadcast address', (address) => {
    const message = addAddress({ link, address: address as InterfaceAddress });
    expect(message.length).toBe(16 + structBytes + 8 + 8);
  });

  /** `ip addr add` refuses an address that is there (NLM_F_EXCL), ours leaves it (NLM_F_REPLACE). */
  function replaceFlag(message: Uint8Array): Uint8Array {
    expect(Buffer.from(message).readUInt16LE(6)).toBe(0x505);
    const copy = Buffer.from(message);
    copy.writeUInt16LE(0x605, 6);
    return copy;
  }
});

describe('routes', () => {
  const structBytes = 12;
  const sizes = { mtuBytes: 1400, advertisedMssBytes: 1360 };

  test.each([
    [
      'ip route add 10.9.0.0/16 dev va proto static',
      addRoute({ family: 4, destination: cidr('10.9.0.0/16'), link }),
    ],
    [
      'ip route replace default via 10.1.2.1 dev va proto 76',
      replaceRoute({ family: 4, gateway: ip('10.1.2.1'), link, protocol: 76 }),
    ],
    [
      'ip route replace default via fd00::1 dev va proto 76',
      replaceRoute({ family: 6, gateway: ip('fd00::1'), link, protocol: 76 }),
    ],
    ['ip route del default proto 76', removeRoute({ family: 4, protocol: 76 })],
    [
      'ip route add fd01::/64 via fd00::1 dev va proto static',
      addRoute({ family: 6, destination: cidr('fd01::/64'), gateway: ip('fd00::1'), link }),
    ],
    [
      'ip route add 10.8.0.0/16 dev va proto static mtu 1400 advmss 1360',
      addRoute({ family: 4, destination: cidr('10.8.0.0/16'), link, ...sizes }),
    ],
    [
      'ip route add 10.8.0.0/16 dev va proto static scope host mtu 1400 advmss 1360',
      addRoute({ family: 4, destination: cidr('10.8.0.0/16'), link, scope: 254, ...sizes }),
    ],
    [
      'ip route add fd08::/64 dev va proto static mtu 1400 advmss 1360',
      addRoute({ family: 6, destination: cidr('fd08::/64'), link, ...sizes }),
    ],
    [
      'ip route add unreachable 10.66.0.0/16 table 300 metric 7 proto static',
      addRoute({ family: 4, destination: cidr('10.66.0.0/16'), table: 300, metric: 7, type: 7 }),
    ],
  ])('the request is that of `%s`', (command, message) => {
    expect(asIproute2(message, structBytes)).toBe(requestOf(command));
  });

  test('default, gateway, unreachable and multipath routes are read', () => {
    const main = { table: 254, type: 1, scope: 0, multipath: false };
    expect(decodeRoute(answerTo('ip -4 route show default'))).toEqual({
      ...main,
      family: 4,
      gateway: '10.1.2.1',
      link,
      protocol: 76,
    });
    expect(decodeRoute(answerTo('ip -6 route show fd01::/64'))).toEqual({
      ...main,
      family: 6,
      destination: 'fd01::/64',
      gateway: 'fd00::1',
      link,
      metric: 1024,
      protocol: 4,
    });
    expect(decodeRoute(answerTo('ip route show table 300'))).toEqual({
      family: 4,
      destination: '10.66.0.0/16',
      metric: 7,
      protocol: 4,
      table: 300,
      type: 7,
      scope: 0,
      multipath: false,
    });
    expect(decodeRoute(answerTo('ip route show 10.88.0.0/16'))).toMatchObject({
      destination: '10.88.0.0/16',
      link,
      multipath: true,
    });
  });

  test('scope and sizes are read', () => {
    const main = { table: 254, type: 1, protocol: 4, link, multipath: false };
    expect(decodeRoute(answerTo('ip route show 10.8.0.0/16'))).toEqual({
      ...main,
      family: 4,
      destination: '10.8.0.0/16',
      scope: 253,
      ...sizes,
    });
    expect(decodeRoute(answerTo('ip -6 route show fd08::/64'))).toEqual({
      ...main,
      family: 6,
      destination: 'fd08::/64',
      metric: 1024,
      scope: 0,
      ...sizes,
    });
  });
});

describe('neighbours and FDB entries', () => {
  const structBytes = 12;
  const mac = parseMac('02:00:00:00:00:09', 'test');
  const neighbour = { link, address: ip('10.1.2.9'), mac };
  const entry = { link: 4, mac, destination: ip('192.168.1.2') };
  const atPort = { link, mac };

  test.each([
    ['ip neigh replace 10.1.2.9 lladdr 02:00:00:00:00:09 nud permanent dev va', setNeighbour(neighbour)],
    ['ip neigh del 10.1.2.9 dev va', removeNeighbour(neighbour)],
    ['bridge fdb append 02:00:00:00:00:09 dev vx0 dst 192.168.1.2 self permanent', addFdbEntry(entry)],
    ['bridge fdb del 02:00:00:00:00:09 dev vx0 dst 192.168.1.2 self', removeFdbEntry(entry)],
    ['bridge fdb replace 02:00:00:00:00:09 dev vx0 dst 192.168.1.2 self permanent', setFdbEntry(entry)],
    ['bridge fdb del 02:00:00:00:00:09 dev vx0 self', removeFdbEntry({ link: 4, mac })],
    ['bridge fdb add 02:00:00:00:00:09 dev va master static', addPortFdbEntry(atPort)],
    ['bridge fdb replace 02:00:00:00:00:09 dev va master static', setPortFdbEntry(atPort)],
    ['bridge fdb del 02:00:00:00:00:09 dev va master static', removePortFdbEntry(atPort)],
  ])('the request is that of `%s`', (command, message) => {
    expect(asIproute2(message, structBytes)).toBe(requestOf(command));
  });

  test('all are read, each as what it is', () => {
    expect(decodeNeighbour(answerTo('ip neigh show dev va nud permanent'))).toEqual(neighbour);
    expect(decodePermanentNeighbour(answerTo('ip neigh show dev va nud permanent'))).toEqual(neighbour);
    expect(decodeFdbEntry(answerTo('bridge fdb show dev vx0'))).toEqual(entry);
    expect(decodePortFdbEntry(answerTo('bridge fdb show dev va'))).toEqual(atPort);
    expect(decodeBridgeFdbEntry(answerTo('bridge fdb show dev va'))).toEqual(atPort);
    expect(decodeBridgeFdbEntry(answerTo('bridge fdb show dev vx0'))).toBeUndefined();
    expect(decodeFdbEntry(answerTo('bridge fdb show dev va'))).toBeUndefined();
    expect(decodePortFdbEntry(answerTo('bridge fdb show dev vx0'))).toBeUndefined();
  });
});

describe('rules', () => {
  const structBytes = 12;
  const marked: Rule = {
    family: 4,
    priority: 500,
    from: cidr('10.1.0.0/16'),
    mark: { value: 0x10, mask: 0xff },
    table: 300,
  };
  const incoming: Rule = { family: 6, priority: 501, to: cidr('fd00::/64'), iifname: 'eth0', table: 254 };

  test.each([
    ['ip -6 rule add to fd00::/64 iif eth0 lookup main priority 501', addRule(incoming)],
    ['ip rule add from 10.1.0.0/16 fwmark 0x10/0xff table 300 priority 500', addRule(marked)],
    ['ip rule del from 10.1.0.0/16 fwmark 0x10/0xff table 300 priority 500', removeRule(marked)],
  ])('the request is that of `%s`', (command, message) => {
    expect(asIproute2(message, structBytes)).toBe(requestOf(command));
  });

  test('both families are read', () => {
    expect(decodeRule(answerTo('ip rule show pref 500'))).toEqual(marked);
    expect(decodeRule(answerTo('ip -6 rule show pref 501'))).toEqual(incoming);
  });
});
