// Removals of links, against the kernel.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPinnedNamespace, openNamespace } from '../../../src/kernel/netns.ts';
import { runProgram } from '../../../src/kernel/program.ts';
import { findLink, readLinks, request } from '../../../src/kernel/rtnetlink/client.ts';
import { createLink } from '../../../src/kernel/rtnetlink/link.ts';
import { LinkReaper } from '../../../src/sandbox/link-reaper.ts';
import {
  makeWorkspace,
  requireOwnNetwork,
  run,
  showLinks,
  type Workspace,
} from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';

let workspace: Workspace;
let reaper: LinkReaper;

beforeEach(() => {
  requireOwnNetwork();
  workspace = makeWorkspace();
  reaper = new LinkReaper();
});

afterEach(async () => {
  await Promise.all((await ours()).map((name) => reaper.remove(name)));
  await reaper.close();
  workspace.remove();
});

/** Makes veths of these names, each with its other end `…p`. */
async function make(...names: readonly string[]): Promise<void> {
  const links = names.map((name) => createLink({ kind: 'veth', name, peer: { name: `${name}p` } }));
  await runProgram([request('host', ...links)]);
}

async function ours(): Promise<string[]> {
  return (await readLinks()).map(({ name }) => name).filter((name) => /^rp\d+$/.test(name));
}

const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `rp${index}`);

test('a link can be seen no more when its removal is told', async () => {
  for (let round = 0; round < 10; round++) {
    await make('rp0');
    await reaper.remove('rp0');
    expect(showLinks().map(({ ifname }) => ifname)).not.toContain('rp0');
  }
});

test('a removal is told of before the kernel is done with it', async () => {
  // How long that takes is the kernel's affair, so there may be rounds without any difference.
  const earlier = await waitUntil('a link was gone before its deletion was over', async () => {
    await make('rp0');
    const told: string[] = [];
    const gone = reaper.remove('rp0').then(() => told.push('gone'));
    await Promise.resolve(); // the removal begins
    await Promise.all([gone, reaper.close().then(() => told.push('over'))]);
    return told[0] === 'gone';
  });
  expect(earlier).toBe(true);
});

test('a name that nobody has is no error, alone or among others', async () => {
  await make('rp0', 'rp1');
  await reaper.remove('nothing');
  await Promise.all(['nothing', 'rp0', 'nothing', 'rp1', 'rp1'].map((name) => reaper.remove(name)));
  expect(await ours()).toEqual([]);
});

test('more links than go into all groups at once are removed', async () => {
  const names = namesOf(40 * 16);
  await make(...names);
  await Promise.all(names.map((name) => reaper.remove(name)));
  expect(await ours()).toEqual([]);
});

test('links that others remove at the same time are fine', async () => {
  const names = namesOf(40);
  await make(...names);
  const others = new LinkReaper();
  await Promise.all(names.flatMap((name) => [reaper.remove(name), others.remove(name)]));
  expect(await ours()).toEqual([]);
  await others.close();
});

test('a link that is made anew under the name while the old one goes is left alone', async () => {
  await make('rp0');
  const old = await findLink({ name: 'rp0' });
  const removal = reaper.remove('rp0');
  await waitUntil('the name is free', () => make('rp0').then(() => true), { intervalMs: 0 });
  await removal;
  await reaper.close();
  const anew = await findLink({ name: 'rp0' });
  expect(anew).toMatchObject({ name: 'rp0', group: 0 });
  expect(anew?.index).not.toBe(old?.index);
});

test('a link that the kernel keeps is an error, and the next removal goes on', async () => {
  await make('rp0', 'rp1');
  const kept = { name: 'NetlinkError', code: 'ENOTSUP' };
  await expect(reaper.remove('lo')).rejects.toMatchObject(kept);
  try {
    const results = await Promise.allSettled(['rp0', 'lo'].map((name) => reaper.remove(name)));
    expect(results[1]).toMatchObject({ status: 'rejected', reason: kept });
  } finally {
    run('ip link set lo group default');
  }
  await Promise.all([reaper.remove('rp0'), reaper.remove('rp1')]);
  expect(await ours()).toEqual([]);
  await reaper.close(); // nothing that was not told
});

test('a link inside a namespace is removed there and nowhere else', async () => {
  const path = `${workspace.netnsDir}/inside`;
  await createPinnedNamespace(path, { disableIpv6: true });
  const namespace = openNamespace({ path });
  await make('rp0');
  const index = (await findLink({ name: 'rp0' }))?.index ?? 0;
  const link = createLink({ kind: 'veth', name: 'rp0', index, peer: { name: 'rp0p' } });
  await runProgram([request('namespace', link)], namespace);
  await reaper.removeInside(namespace, index);
  expect(showLinks(path).map(({ ifname }) => ifname)).toEqual(['lo']);
  await reaper.removeInside(namespace, index); // absent is fine
  namespace.close();
  expect(await ours()).toEqual(['rp0']);
});
