// The host's own switches for forwarding: on for as long as they are needed, and then as they were.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SysctlForwarding } from '../../../src/drivers/bridge/forwarding.ts';
import type { ChangedSysctl } from '../../../src/drivers/host-forwarding.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';

requireOwnNetwork();

const ipv4 = 'net.ipv4.ip_forward';
const ipv6 = 'net.ipv6.conf.all.forwarding';
const both = { ipv4: true, ipv6: true };
const none = { ipv4: false, ipv6: false };

let recorded: Readonly<Record<string, ChangedSysctl>>;
let informed: string[];
let forwarding: SysctlForwarding;
beforeEach(() => {
  recorded = {};
  informed = [];
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

function start(): SysctlForwarding {
  return new SysctlForwarding({
    changed: {
      read: () => recorded,
      write: async (changed) => {
        recorded = changed;
      },
    },
    inform: (text) => informed.push(text),
  });
}

function get(sysctl: string): string {
  return run(`sysctl -n ${sysctl}`).trim();
}

function set(sysctl: string, value: string): void {
  run(`sysctl -q -w ${sysctl}=${value}`);
}
