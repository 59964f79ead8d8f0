// Macvlan interfaces left on the host for a container engine: without an end on the host they are known by their marks.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Attachment, MacvlanMode } from '../../../src/model/attachment.ts';
import { reaches, run, showLink, showLinks } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { configure, startContainer, stopContainer, take } from './container.ts';
import { attachment, refused, useLab } from './lab.ts';

const { sandboxes, workspace } = useLab();
const path = join(workspace.runDir, 'container');
const awaited = { kind: 'awaited', expectedPath: path } as const;

function macvlan(mode: MacvlanMode, changes: Partial<Attachment> = {}): Attachment {
  const link = { kind: 'macvlan', parent: 'of-parent', mode } as const;
  return attachment(1, { link, ifname: 'fp-1', offered: true, sharedWithOthers: true, ...changes });
}

beforeEach(() => {
  run('ip link add of-parent type veth peer name of-wire');
  run('ip link set of-parent up');
  run('ip address add 10.71.1.1/24 dev of-wire');
  run('ip link set of-wire up');
  startContainer(path);
});

afterEach(() => {
  stopContainer(path);
  run('ip link delete of-parent');
});

describe.each(['bridge', 'passthru'] as const)('in mode %s', (mode) => {
  const offered = macvlan(mode);
  const { offered: _, ...now } = offered;
  const taken: Attachment = { ...now, ifname: 'eth0', taken: true };

  beforeEach(async () => {
    expect(await sandboxes.attach(awaited, offered, {})).toEqual([]);
  });

  test('lies on the host, down', () => {
    const link = showLink('fp-1');
    expect(link).toMatchObject({ linkinfo: { info_kind: 'macvlan', info_data: { mode } }, addr_info: [] });
    expect(link?.flags).not.toContain('UP');
  });

  test('works and is found once it is taken', async () => {
    expect(await sandboxes.findTaken(path, offered)).toBeUndefined();
    take(offered, path);
    expect(await sandboxes.findTaken(path, offered)).toBeUndefined();
    configure(offered, path);
    run('ip address add 10.71.1.2/24 dev eth0', path);
    await waitUntil('the wire answers', () => reaches('10.71.1.1', path));
    const namespace = await sandboxes.adopt({ path });
    expect(await sandboxes.findTaken(path, offered)).toEqual({ namespace, ifname: 'eth0' });
    expect(await sandboxes.inspect(namespace, [taken], {})).toEqual([]);
    await sandboxes.detach(namespace, taken, {});
    expect(showLinks(path).map(({ ifname }) => ifname)).toEqual(['lo']);
  });

  test('is removed before it is taken', async () => {
    await sandboxes.detach(awaited, offered, {});
    expect(showLink('fp-1')).toBeUndefined();
  });

  test('is removed after it was taken', async () => {
    take(offered, path);
    await sandboxes.detach(awaited, offered, {});
    expect(showLinks(path).map(({ ifname }) => ifname)).toEqual(['lo']);
  });

  test('is gone with its container, which is fine', async () => {
    take(offered, path);
    stopContainer(path);
    await sandboxes.detach(awaited, offered, {});
  });

  test('is no fault wherever it is', async () => {
    expect(await sandboxes.inspect(awaited, [offered], {})).toEqual([]);
    take(offered, path);
    expect(await sandboxes.inspect(awaited, [offered], {})).toEqual([]);
    await sandboxes.repair(awaited, offered, {});
    expect(showLink('fp-1')).toBeUndefined();
  });

  test('is a stray when nobody records it', async () => {
    const namespaces = [awaited];
    expect(await sandboxes.strays({ namespaces, attachments: [offered] })).toEqual([]);
    expect(await sandboxes.strays({ namespaces, attachments: [] })).toEqual([{ kind: 'link', name: 'fp-1' }]);
  });
});

test('one that a crash left without its mark is removed', async () => {
  run('ip link add fp-1 link of-parent address 02:00:00:00:02:02 type macvlan mode bridge');
  await sandboxes.detach(awaited, macvlan('bridge'), {});
  expect(showLink('fp-1')).toBeUndefined();
});

test.each([
  ['on the host', undefined, 'fp-1'],
  ['in the container', path, 'eth0'],
])('one of somebody else’s %s is neither taken for ours nor removed', async (_, where, name) => {
  run('ip link add fp-9 link of-parent address 02:00:00:00:00:99 type macvlan mode bridge');
  run(`ip link set fp-9 name ${name}${where === undefined ? '' : ` netns ${where}`}`);
  if (where === undefined) {
    await refused(
      sandboxes.attach(awaited, macvlan('bridge'), {}),
      'conflict',
      /fp-1 exists already on the host/,
    );
  } else {
    run(`ip link set ${name} up`, where);
  }
  expect(await sandboxes.findTaken(path, macvlan('bridge'))).toBeUndefined();
  await sandboxes.detach(awaited, macvlan('bridge'), {});
  expect(showLink(name, where)).toBeDefined();
});
