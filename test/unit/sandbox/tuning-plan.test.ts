import { expect, test } from 'vitest';
import { NetError } from '../../../src/base/errors.ts';
import { parseMac } from '../../../src/base/mac.ts';
import type { Attachment } from '../../../src/model/attachment.ts';
import type { InterfaceTuning } from '../../../src/model/interface-settings.ts';
import { checkTuning, tuningSysctls } from '../../../src/sandbox/tuning-plan.ts';

const veth = { kind: 'veth', hostIfname: 'fv0', bridge: 'br0', isolated: false, hairpin: false } as const;

function attachment(tuning: InterfaceTuning, link: Attachment['link'] = veth): Attachment {
  return {
    link,
    ifname: 'eth0',
    mac: parseMac('02:00:00:00:00:01', 'test'),
    mtuBytes: 1500,
    addresses: [],
    routes: [],
    gateways: {},
    tuning,
  };
}

test('sysctls are written in the sandbox, in the order of their paths', () => {
  const sysctls = { 'net/ipv4/conf/eth0/arp_filter': '1', 'net/core/somaxconn': '512' };
  expect(tuningSysctls(attachment({ sysctls }))).toEqual([
    { sysctl: 'net/core/somaxconn', value: '512', in: 'namespace' },
    { sysctl: 'net/ipv4/conf/eth0/arp_filter', value: '1', in: 'namespace' },
  ]);
});

test.each([
  'kernel/hostname',
  'vm/swappiness',
  'net',
  'net/',
  '/net/ipv4/ip_forward',
  'net//ip_forward',
  'net/../kernel/hostname',
  'net/./ipv4/ip_forward',
  'net/ipv4/ip_forward/..',
  'net/ipv4/ip_forward\0x',
  'network/ipv4',
  '',
])('the sysctl %j is refused: it is not below net/', (path) => {
  expect(() => checkTuning(attachment({ sysctls: { [path]: '1' } }))).toThrow(refusal(JSON.stringify(path)));
});

test('a value with a NUL is refused', () => {
  const sysctls = { 'net/ipv4/ip_forward': '1\0' };
  expect(() => checkTuning(attachment({ sysctls }))).toThrow(refusal('net/ipv4/ip_forward'));
});

test('source addresses are not checked on a macvlan', () => {
  const macvlan = { kind: 'macvlan', parent: 'eth0', mode: 'bridge' } as const;
  expect(() => checkTuning(attachment({ checkSourceMac: true }, macvlan))).toThrow(refusal('eth0'));
  expect(() => checkTuning(attachment({ checkSourceMac: true }))).not.toThrow();
});

function refusal(naming: string) {
  return expect.toSatisfy(
    (error: unknown) =>
      error instanceof NetError && error.code === 'invalid_parameter' && error.message.includes(naming),
  );
}
