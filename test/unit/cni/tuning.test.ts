import { describe, expect, test } from 'vitest';
import { interfaceTuning } from '../../../src/cni/tuning.ts';
import { cniError, config } from './requests.ts';

describe('settings of the interface', () => {
  const tuning = (keys: object | string, mtuBytes?: number) =>
    interfaceTuning(config(keys).tuning, 'eth0.5', mtuBytes);

  test('are none when nothing is asked for', () => {
    expect(tuning({ promisc: false, sysctl: {} })).toBeUndefined();
  });

  test('are read', () => {
    const keys = {
      promisc: true,
      allmulti: false,
      txQLen: 500,
      macspoofchk: true,
      disableContainerInterface: true,
    };
    expect(tuning(keys, 1300)).toEqual({
      mtuBytes: 1300,
      promiscuous: true,
      allMulticast: false,
      txQueueLength: 500,
      checkSourceMac: true,
      down: true,
    });
  });

  test('of args.cni count before those of the configuration', () => {
    const sysctl = { 'net.core.somaxconn': '1', 'net.ipv4.ip_forward': '1' };
    const cni = {
      promisc: false,
      allmulti: true,
      mtu: 1200,
      txQLen: 9,
      sysctl: { 'net/core/somaxconn': '2' },
    };
    expect(tuning({ promisc: true, allmulti: false, txQLen: 1, sysctl, args: { cni } }, 1300)).toEqual({
      mtuBytes: 1200,
      allMulticast: true,
      txQueueLength: 9,
      sysctls: { 'net/core/somaxconn': '2', 'net/ipv4/ip_forward': '1' },
    });
  });

  test.each([
    ['net.ipv4.conf.IFNAME.rp_filter', 'net/ipv4/conf/eth0.5/rp_filter'],
    ['net/ipv4/conf/IFNAME/rp_filter', 'net/ipv4/conf/eth0.5/rp_filter'],
    ['net/ipv4/conf/eth1.7/rp_filter', 'net/ipv4/conf/eth1.7/rp_filter'],
    ['net.ipv4.conf.eth1/7.rp_filter', 'net/ipv4/conf/eth1.7/rp_filter'],
  ])('sysctl %s is %s', (key, path) => {
    expect(tuning({ sysctl: { [key]: '1' } })?.sysctls).toEqual({ [path]: '1' });
  });

  test.each([
    'kernel.hostname',
    'net',
    'net.',
    'net/../kernel/hostname',
    '/net/core/somaxconn',
    'net..core',
    'net.core.//.x',
    '',
  ])('sysctl %j is refused', (key) => {
    expect(() => tuning({ sysctl: { [key]: '1' } })).toThrow(cniError(7, /is not below net/));
  });

  test('two keys for one sysctl are refused', () => {
    const sysctl = { 'net.core.somaxconn': '1', 'net/core/somaxconn': '1' };
    expect(() => tuning({ sysctl })).toThrow(
      cniError(7, /net\.core\.somaxconn and net\/core\/somaxconn are one/),
    );
  });

  test('one key written twice is refused', () => {
    const text = '{"name":"lab","sysctl":{"net.core.somaxconn":"1","net.core.somaxconn":"2"}}';
    expect(() => tuning(text)).toThrow(cniError(7, /sysctl: net\.core\.somaxconn is given twice/));
  });

  test('values that are no strings are refused', () => {
    expect(() => tuning({ sysctl: { 'net.core.somaxconn': 1 } })).toThrow(
      cniError(6, /sysctl\.net\.core\.somaxconn: 1/),
    );
  });
});
