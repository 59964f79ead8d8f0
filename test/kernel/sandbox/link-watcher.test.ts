import { beforeAll, expect, test } from 'vitest';
import { NetlinkLinkWatcher } from '../../../src/sandbox/link-watcher.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';

const seen: string[] = [];
let cancel: () => void;

beforeAll(async () => {
  requireOwnNetwork();
  const watcher = await NetlinkLinkWatcher.open();
  cancel = watcher.watch((change) => seen.push(change === 'overrun' ? change : change.ifname));
});

test('what could harm an interface is told of with its name, and what could not is not', async () => {
  const told = async (command: string) => {
    const before = seen.length;
    run(command);
    await waitUntil(`${command} is told of`, () => seen.length > before);
    return seen.slice(before).filter((name) => name.startsWith('lw-'));
  };
  run('ip link add lw-br type bridge');
  run('ip link add lw-a type veth peer name lw-b');
  run('ip link set lw-a master lw-br up');
  run('ip link set lw-br up');
  run('ip address add 10.64.0.1/24 dev lw-br');
  expect(await told('ip link set lw-a nomaster')).toContain('lw-a');
  expect(await told('ip address delete 10.64.0.1/24 dev lw-br')).toContain('lw-br');
  expect(await told('ip link set lw-br down')).toContain('lw-br');
  expect(await told('ip link set lw-a down name lw-c')).toContain('lw-a');
  expect(await told('ip link delete lw-br')).toContain('lw-br');
  const before = seen.length;
  run('ip link set lw-b alias harmless');
  expect(await told('ip link delete lw-b')).toContain('lw-b');
  expect(seen.slice(before)).not.toContain('lw-br');
});

test('after cancelling nothing is told any more', async () => {
  cancel();
  const before = seen.length;
  const other = await NetlinkLinkWatcher.open();
  const alsoSeen: string[] = [];
  other.watch((change) => alsoSeen.push(change === 'overrun' ? change : change.ifname));
  run('ip link add lw-x type bridge');
  run('ip link delete lw-x');
  await waitUntil('the other watcher has heard of it', () => alsoSeen.includes('lw-x'));
  expect(seen.length).toBe(before);
});
