// A bridge that lets through only frames from the hardware address it was told of, and one without VLANs.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import { parseMac } from '../../../src/base/mac.ts';
import { createPinnedNamespace, type Namespace, openNamespace } from '../../../src/kernel/netns.ts';
import { runProgram } from '../../../src/kernel/program.ts';
import { addAddress } from '../../../src/kernel/rtnetlink/address.ts';
import { findLink, readPortFdb, readPortVlans, request } from '../../../src/kernel/rtnetlink/client.ts';
import { changeLink, createLink } from '../../../src/kernel/rtnetlink/link.ts';
import { removePortFdbEntry, setPortFdbEntry } from '../../../src/kernel/rtnetlink/neighbour.ts';
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
