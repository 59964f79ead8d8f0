// The host's own switches for forwarding: on for as long as they are needed, and then as they were.
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SysctlForwarding } from '../../../src/drivers/bridge/forwarding.ts';
import { otherBridges } from '../../../src/drivers/bridge/other-bridges.ts';
import type { ChangedSysctl } from '../../../src/drivers/host-forwarding.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';

requireOwnNetwork();

const ipv4 = 'net.ipv4.ip_forward';
const ipv6 = 'net.ipv6.conf.all.forwarding';
const both = { ipv4: true, ipv6: true };
const none = { ipv4: false, ipv6: false };

let recorded: Readonly<Record<string, ChangedSysctl>>;
let informed: string[];
/** Other test files have bridges in this namespace. */
let others: readonly string[];
let forwarding: SysctlForwarding;
beforeEach(() => {
  recorded = {};
  informed = [];
  others = ['br0'];
  forwarding = start();
  run('ip link add uplink type bridge');
  for (const sysctl of [ipv4, ipv6]) set(sysctl, '0');
  set('net.ipv6.conf.uplink.accept_ra', '1');
});
afterEach(() => {
  run('ip link delete uplink');
});

test('what is needed is switched on, told, and given back when it is needed no more', async () => {
  await forwarding.bringAbout(both);
  expect([get(ipv4), get(ipv6), get('net.ipv6.conf.uplink.accept_ra')]).toEqual(['1', '1', '2']);
  expect(await forwarding.inspect(both)).toEqual([]);
  expect(forwarding.notes()).toContainEqual({
    object: `sysctl ${ipv4}`,
    problem: 'was 0, and is 1 for as long as a network needs it',
  });
  expect(forwarding.notes()).toContainEqual({
    object: 'sysctl net.ipv6.conf.*.accept_ra',
    problem: expect.stringMatching(/^was 1, and is 2 for as long as a network needs it: .*uplink/),
  });
  expect(informed).toContain(`sysctl ${ipv4} is 1 now, was 0: networks need it`);
  await forwarding.bringAbout({ ipv4: true, ipv6: false });
  expect([get(ipv4), get(ipv6), get('net.ipv6.conf.uplink.accept_ra')]).toEqual(['1', '0', '1']);
  await forwarding.bringAbout(none);
  expect(get(ipv4)).toBe('0');
  expect(informed).toContain(`sysctl ${ipv4} is 0 again: no network needs it`);
  expect(forwarding.notes()).toEqual([]);
  expect(recorded).toEqual({});
});

test('what is on already is not switched off', async () => {
  for (const sysctl of [ipv4, ipv6]) set(sysctl, '1');
  await forwarding.bringAbout(both);
  await forwarding.bringAbout(none);
  expect([get(ipv4), get(ipv6)]).toEqual(['1', '1']);
  expect(informed).toEqual([]);
});

test('what somebody else changed meanwhile stays as they left it', async () => {
  await forwarding.bringAbout(both);
  set('net.ipv6.conf.uplink.accept_ra', '0');
  await forwarding.bringAbout(none);
  expect(get('net.ipv6.conf.uplink.accept_ra')).toBe('0');
  expect(informed).toContain(
    'sysctl net.ipv6.conf.uplink.accept_ra stays 0, which somebody else gave it; it was 1 before',
  );
  expect(recorded).toEqual({});
});

test('the value before is known to the next daemon, also when the switch was turned off in between', async () => {
  await forwarding.bringAbout(both);
  set(ipv4, '0');
  expect(await forwarding.inspect(both)).toEqual([
    { object: 'host', problem: 'does not forward IPv4 packets between interfaces' },
  ]);
  const next = start();
  await next.bringAbout(both);
  expect(get(ipv4)).toBe('1');
  await next.bringAbout(none);
  expect([get(ipv4), get(ipv6)]).toEqual(['0', '0']);
});

test('an interface that is gone keeps nothing', async () => {
  await forwarding.bringAbout(both);
  run('ip link delete uplink');
  await forwarding.bringAbout(none);
  expect(recorded).toEqual({});
  run('ip link add uplink type bridge');
});

test('what somebody who came meanwhile may rely on stays until they are gone', async () => {
  await forwarding.bringAbout(both);
  others = ['br0', 'docker0'];
  const next = start();
  for (let i = 0; i < 2; i++) await next.bringAbout(none);
  expect([get(ipv4), get(ipv6)]).toEqual(['1', '1']);
  expect(informed.filter((text) => text.includes('docker0'))).toEqual([
    `sysctl ${ipv4} stays 1, as docker0 may need it; it was 0 before`,
    `sysctl ${ipv6} stays 1, as docker0 may need it; it was 0 before`,
  ]);
  others = [];
  await next.bringAbout(none);
  expect([get(ipv4), get(ipv6)]).toEqual(['0', '0']);
  expect(recorded).toEqual({});
});

test('bridges of others are those with an address that are not ours', async () => {
  const found = async (family: 4 | 6) => (await otherBridges(family)).filter((name) => name === 'uplink');
  run('ip address add fe80::1/64 dev uplink nodad');
  expect(await Promise.all([found(4), found(6)])).toEqual([[], []]);
  run('ip address add 10.77.0.1/24 dev uplink');
  expect(await Promise.all([found(4), found(6)])).toEqual([['uplink'], []]);
  run('ip address add fd77::1/64 dev uplink nodad');
  expect(await found(6)).toEqual(['uplink']);
  execFileSync('ip', ['link', 'set', 'uplink', 'alias', `fairlead network ${'0'.repeat(64)}`]);
  expect(await Promise.all([found(4), found(6)])).toEqual([[], []]);
});

function start(): SysctlForwarding {
  return new SysctlForwarding({
    changed: {
      read: () => recorded,
      write: async (changed) => {
        recorded = changed;
      },
    },
    inform: (text) => informed.push(text),
    others: async () => others,
  });
}

function get(sysctl: string): string {
  return run(`sysctl -n ${sysctl}`).trim();
}

function set(sysctl: string, value: string): void {
  run(`sysctl -q -w ${sysctl}=${value}`);
}
