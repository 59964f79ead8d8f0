// Checksum offload of interfaces, in the daemon's own namespace.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasTransmitChecksum, setTransmitChecksum } from '../../../src/kernel/ethtool.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';

beforeAll(() => {
  requireOwnNetwork();
  run('ip link add feth0 type veth peer name feth1');
});
afterAll(() => {
  run('ip link delete feth0');
});

test('checksum offload is turned off and on, and read', async () => {
  expect(await hasTransmitChecksum('feth0')).toBe(true);
  for (const on of [false, false, true]) {
    await setTransmitChecksum('feth0', on);
    expect(await hasTransmitChecksum('feth0')).toBe(on);
  }
  expect(await hasTransmitChecksum('feth1')).toBe(true);
});

test('an interface that is not there is refused', async () => {
  await expect(hasTransmitChecksum('feth9')).rejects.toMatchObject({ code: 'ENODEV', syscall: 'ioctl' });
  await expect(setTransmitChecksum('feth9', false)).rejects.toMatchObject({ code: 'ENODEV' });
});
