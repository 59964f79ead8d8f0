// Views as the thread is told them: what replies from outside are remembered under.
import { beforeEach, expect, test } from 'vitest';
import { Destinations } from '../../../../src/dns/forwarding/destinations.ts';
import { Mirror } from '../../../../src/dns/names/mirror.ts';
import { Views } from '../../../../src/dns/names/views.ts';
import type { SandboxId } from '../../../../src/model/ids.ts';
import type { Forwarding } from '../../../../src/model/name-entry.ts';
import { lab, view } from '../names.ts';

let host: readonly string[];
let ours: readonly string[];
let told: Buffer[];
let views: Views;

beforeEach(() => {
  host = ['9.9.9.9'];
  ours = [];
  told = [];
  const destinations = new Destinations({
    host: () => host,
    port: 53,
    isOurs: (address) => ours.includes(address),
  });
  const mirror = new Mirror((change) => told.push(Buffer.from(change)));
  views = new Views(mirror, (one) => destinations.placeOf(one));
});

/** The group a sandbox's view is given now; undefined when nothing is told. */
function set(
  sandbox: string,
  forwarding: Forwarding | readonly string[],
  namespacePath?: string,
): number | undefined {
  const before = told.length;
  const sandboxId = sandbox as SandboxId;
  const own = { sandboxId, forwarding: forwarding as Forwarding, ...(namespacePath && { namespacePath }) };
  views.set(view([lab], own));
  return told.length === before ? undefined : groupOf(told.at(-1));
}

const groupOf = (change?: Buffer) => change?.readUInt32BE(9);
/** What is told because of something else. */
function afterwards(change: () => void): readonly (number | undefined)[] {
  const before = told.length;
  change();
  return told.slice(before).map(groupOf);
}

test('who asks the same servers shares what they said', () => {
  const group = set('a', 'host');
  expect(group).toBeGreaterThan(0);
  expect(set('b', 'host')).toBe(group);
});

test('servers of its own are not asked from the host while a sandbox has no namespace', () => {
  const destinations = new Destinations({ host: () => host, port: 53, isOurs: () => false });
  const own = view([lab], { sandboxId: 'a' as SandboxId, forwarding: ['9.9.9.8'] as unknown as Forwarding });
  expect(destinations.of(own)).toEqual([]);
  const there = destinations.of({ ...own, namespacePath: '/run/netns/a' });
  expect(there).toMatchObject([{ address: '9.9.9.8', askedFrom: 'a' }]);
});

test.each<[string, Forwarding | readonly string[], string | undefined]>([
  ['other servers', ['9.9.9.8'], '/run/netns/b'],
  ['more servers', ['9.9.9.9', '9.9.9.8'], '/run/netns/b'],
  ['no server', [], undefined],
  ['the same one, from a namespace of its own', ['9.9.9.9'], '/run/netns/b'],
])('who asks %s has its own', (_, forwarding, path) => {
  const group = set('a', 'host');
  const other = set('b', forwarding, path);
  expect(other).toBeGreaterThan(0);
  expect(other).not.toBe(group);
});

test('two namespaces are two places, whatever they are called', () => {
  expect(set('a', ['9.9.9.9'], '/run/netns/a')).not.toBe(set('b', ['9.9.9.9'], '/run/netns/a'));
});

test('where nothing leaves, nothing is remembered', () => {
  expect(set('a', 'none')).toBe(0);
});

test('servers that changed are others, even when they are as before again', () => {
  const first = set('a', 'host');
  set('b', 'none');
  host = ['9.9.9.8'];
  const [second, ...more] = afterwards(() => views.refresh());
  expect(more).toEqual([]);
  host = ['9.9.9.9'];
  const [third] = afterwards(() => views.refresh());
  expect(new Set([first, second, third]).size).toBe(3);
  expect(afterwards(() => views.refresh())).toEqual([]);
});

test('a server that turns out to be ourselves is none', () => {
  const group = set('a', 'host');
  ours = ['9.9.9.9'];
  const [alone] = afterwards(() => views.refresh());
  expect(alone).toBeGreaterThan(0);
  expect(alone).not.toBe(group);
});

test('a view that is gone is told once, and seen by nobody', () => {
  set('a', 'host');
  views.delete('a' as SandboxId);
  views.delete('a' as SandboxId);
  expect(told).toHaveLength(2);
  expect(views.get('a' as SandboxId)).toBeUndefined();
});
