import { beforeAll, expect, test } from 'vitest';
import { NetlinkLinkWatcher } from '../../../src/sandbox/link-watcher.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { PinnedNamespaces } from '../dns/pinned-namespaces.ts';

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

test('a port that is no longer kept apart, or no longer turns packets round, is told of', async () => {
  run('ip link add lw-br type bridge');
  run('ip link add lw-p type veth peer name lw-q');
  run('ip link set lw-p master lw-br');
  run('bridge link set dev lw-p isolated on hairpin on');
  for (const setting of ['isolated', 'hairpin']) {
    const before = seen.length;
    run(`bridge link set dev lw-p ${setting} off`);
    await waitUntil(`${setting} off is told of`, () => seen.slice(before).includes('lw-p'));
  }
  run('ip link delete lw-p');
  run('ip link delete lw-br');
});

test('an address that a sandbox loses is told of as its link on the host', async () => {
  await using namespaces = new PinnedNamespaces();
  const [inner, other] = [await namespaces.create('inner'), await namespaces.create('other')];
  for (const [name, path] of Object.entries({ inner, other })) {
    run(`ip link add eth0 type veth peer name lw-${name} netns ${process.pid}`, path);
    // An end is announced before it knows the other; with each change after that it names it.
    run(`ip link set lw-${name} up`);
    run('ip address add 10.64.1.2/24 dev eth0', path);
    run('ip address add fd64::2/64 dev eth0 nodad', path);
  }
  for (const address of ['10.64.1.2/24', 'fd64::2/64']) {
    const before = seen.length;
    run(`ip address delete ${address} dev eth0`, inner);
    await waitUntil(`the loss of ${address} is told of`, () => seen.slice(before).includes('lw-inner'));
  }
  expect(seen).not.toContain('lw-other');
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
