// A bridge that lets through only frames from the hardware address it was told of, and one without VLANs.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import { parseMac } from '../../../src/base/mac.ts';
import { createPinnedNamespace, type Namespace, openNamespace } from '../../../src/kernel/netns.ts';
import { runProgram } from '../../../src/kernel/program.ts';
import { addAddress } from '../../../src/kernel/rtnetlink/address.ts';
import {
  findLink,
  readBridgeFdb,
  readNeighbours,
  readPermanentNeighbours,
  readPortFdb,
  readPortVlans,
  request,
} from '../../../src/kernel/rtnetlink/client.ts';
import { changeLink, createLink, removeLink } from '../../../src/kernel/rtnetlink/link.ts';
import {
  addPortFdbEntry,
  removeFdbEntry,
  removePortFdbEntry,
  setFdbEntry,
  setNeighbour,
  setPortFdbEntry,
} from '../../../src/kernel/rtnetlink/neighbour.ts';
import { addPortVlans, removePortVlans } from '../../../src/kernel/rtnetlink/port-vlan.ts';
import { makeWorkspace, reaches, requireOwnNetwork, run } from '../../support/own-network.ts';

const workspace = makeWorkspace();
const mac = (last: string) => parseMac(`02:00:00:00:00:${last}`, 'test');
const bridge = 2000;
const port = 2100;
const free = { isolated: false, hairpin: false, locked: false, learning: true };
/** The bridge is on the host side, at 10.1.2.1; a sandbox has the other end of its port, at 10.1.2.2. */
let host: Namespace;
let sandbox: Namespace;
const hostPath = `${workspace.netnsDir}/bridge`;
const sandboxPath = `${workspace.netnsDir}/spoofer`;

beforeAll(async () => {
  requireOwnNetwork();
  for (const path of [hostPath, sandboxPath]) await createPinnedNamespace(path, { disableIpv6: true });
  host = openNamespace({ path: hostPath });
  sandbox = openNamespace({ path: sandboxPath });
  const peer = { name: 'eth0', index: 2, mac: mac('02'), namespace: sandbox };
  await send(
    createLink({
      kind: 'bridge',
      name: 'br0',
      index: bridge,
      mac: mac('01'),
      up: true,
      bridge: { forwardDelay: 0 },
    }),
    createLink({ kind: 'veth', name: 'port', index: port, up: true, master: bridge, peer }),
    addAddress({ link: bridge, address: '10.1.2.1/24' as InterfaceAddress }),
  );
  await inside(
    changeLink({ index: 2 }, { up: true }),
    addAddress({ link: 2, address: '10.1.2.2/24' as InterfaceAddress }),
  );
});

afterAll(() => {
  host.close();
  sandbox.close();
  workspace.remove();
});

async function send(...messages: readonly Uint8Array[]): Promise<void> {
  await runProgram([request('namespace', ...messages)], host);
}

async function inside(...messages: readonly Uint8Array[]): Promise<void> {
  await runProgram([request('namespace', ...messages)], sandbox);
}

/** Whether the bridge answers, to a sandbox with that hardware address. */
async function answers(from: string): Promise<boolean> {
  await inside(changeLink({ index: 2 }, { mac: mac(from) }));
  run('ip neigh flush all', hostPath);
  run('ip neigh flush all', sandboxPath);
  return reaches('10.1.2.1' as IpAddress, sandboxPath);
}

test('a locked port lets pass only frames from the address that was told', async () => {
  expect(await answers('66')).toBe(true);
  await send(
    setPortFdbEntry({ link: port, mac: mac('02') }),
    changeLink({ index: port }, { port: { ...free, locked: true, learning: false } }),
  );
  expect(await findLink({ index: port }, host)).toMatchObject({ port: { locked: true, learning: false } });
  run('bridge fdb flush dev port master dynamic', hostPath);
  expect(await answers('02')).toBe(true);
  expect(await answers('66')).toBe(false);
  await send(changeLink({ index: port }, { port: free }));
  expect(await answers('66')).toBe(true);
});

test('frames to reserved addresses take the way of others when the port is told so, and again not', async () => {
  for (const forwardsReserved of [true, false]) {
    await send(changeLink({ index: port }, { port: { ...free, forwardsReserved } }));
    expect(await findLink({ index: port }, host)).toMatchObject({ port: { forwardsReserved } });
  }
});

test('a static entry is set twice, read, and removed', async () => {
  const entry = { link: port, mac: mac('07') };
  await send(setPortFdbEntry(entry), setPortFdbEntry(entry));
  expect(await readPortFdb(port, host)).toContainEqual(entry);
  expect(run('bridge fdb show br br0', hostPath)).toMatch(/02:00:00:00:00:07 dev port master br0 static/);
  await send(removePortFdbEntry(entry));
  expect(await readPortFdb(port, host)).not.toContainEqual(entry);
  await expect(send(removePortFdbEntry(entry))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('an entry is added only where the bridge has none for the address', async () => {
  const entry = { link: port, mac: mac('08') };
  await send(addPortFdbEntry(entry));
  await expect(send(addPortFdbEntry(entry))).rejects.toMatchObject({ code: 'EEXIST' });
  await send(removePortFdbEntry(entry));
});

test('what a port floods and answers is set and read', async () => {
  const quiet = { ...free, unicastFlood: false, multicastFlood: false, broadcastFlood: false };
  for (const suppressesNeighbours of [true, false]) {
    const wanted = { ...quiet, broadcastFlood: !suppressesNeighbours, suppressesNeighbours };
    await send(changeLink({ index: port }, { port: wanted }));
    expect(await findLink({ index: port }, host)).toMatchObject({ port: wanted });
  }
  const loud = {
    unicastFlood: true,
    multicastFlood: true,
    broadcastFlood: true,
    suppressesNeighbours: false,
  };
  await send(changeLink({ index: port }, { port: { ...free, ...loud } }));
  expect(await findLink({ index: port }, host)).toMatchObject({ port: loud });
});

test('a bridge tells all it knows: where addresses are, and to which tunnel ends they lead', async () => {
  const vxlan = { id: 99, port: 4799, learning: false, proxy: false, l2miss: false, l3miss: false };
  const tunnel = 2200;
  const entry = { link: tunnel, mac: mac('0a'), destination: '192.0.2.1' as IpAddress };
  const moved = { ...entry, destination: '192.0.2.2' as IpAddress };
  await send(
    createLink({ kind: 'vxlan', name: 'vx99', index: tunnel, mac: mac('0b'), master: bridge, vxlan }),
    setFdbEntry(entry),
    setFdbEntry(moved),
    addPortFdbEntry({ link: port, mac: mac('0c') }),
  );
  const { tunnelled, fixed, all } = await readBridgeFdb(bridge, host);
  expect(tunnelled).toEqual([moved]);
  expect(fixed).toContainEqual({ link: port, mac: mac('0c') });
  expect(fixed).not.toContainEqual({ link: tunnel, mac: mac('0b') });
  expect(all).toContainEqual({ link: tunnel, mac: mac('0b') });
  await send(
    removeFdbEntry({ link: tunnel, mac: mac('0a') }),
    removePortFdbEntry({ link: port, mac: mac('0c') }),
  );
  expect((await readBridgeFdb(bridge, host)).tunnelled).toEqual([]);
  await send(removeLink({ index: tunnel }));
});

test('of neighbours those that were set are told apart', async () => {
  await inside(addAddress({ link: 2, address: '10.1.2.3/24' as InterfaceAddress }));
  await answers('02');
  const neighbour = { link: 2, address: '10.1.2.77' as IpAddress, mac: mac('77') };
  await inside(setNeighbour(neighbour));
  expect((await readNeighbours(2, sandbox)).length).toBeGreaterThan(1);
  expect(await readPermanentNeighbours(2, sandbox)).toEqual([neighbour]);
});

test('VLANs of a port are set and read, or refused by a kernel without them', async () => {
  const vlans = [{ id: 10, pvid: true, untagged: true }];
  const refusal = await send(addPortVlans({ link: port, vlans })).catch((error: unknown) => error);
  const found = (await readPortVlans(host)).find(({ link }) => link === port);
  if (refusal === undefined) {
    expect(found?.vlans).toContainEqual(vlans[0]);
    await send(removePortVlans({ link: port, ids: [10] }));
    expect((await readPortVlans(host)).find(({ link }) => link === port)?.vlans).not.toContainEqual(vlans[0]);
  } else {
    expect(refusal).toMatchObject({ name: 'NetlinkError', code: 'ENOTSUP' });
    expect(found?.vlans ?? []).toEqual([]);
  }
});
