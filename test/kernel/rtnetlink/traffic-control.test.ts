// Token buckets and redirections, judged by tc(8).
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { InterfaceAddress } from '../../../src/base/cidr.ts';
import { createPinnedNamespace, type Namespace, openNamespace } from '../../../src/kernel/netns.ts';
import { runProgram } from '../../../src/kernel/program.ts';
import { addAddress } from '../../../src/kernel/rtnetlink/address.ts';
import { readFilters, readQdiscs, request } from '../../../src/kernel/rtnetlink/client.ts';
import { redirectIngress } from '../../../src/kernel/rtnetlink/filter.ts';
import { createLink, removeLink } from '../../../src/kernel/rtnetlink/link.ts';
import {
  addIngress,
  type Qdisc,
  removeIngress,
  removeRootQdisc,
  setTokenBucket,
  type TokenBucket,
  tokenBucketAsRead,
} from '../../../src/kernel/rtnetlink/qdisc.ts';
import { makeWorkspace, reaches, requireOwnNetwork, run } from '../../support/own-network.ts';

const workspace = makeWorkspace();
const path = `${workspace.netnsDir}/traffic`;
const link = 1000;
const ifb = 1100;
const bucket: TokenBucket = { bytesPerSecond: 1_250_000, burstBytes: 10_000, limitBytes: 40_000 };
let namespace: Namespace;

beforeAll(async () => {
  requireOwnNetwork();
  await createPinnedNamespace(path, { disableIpv6: true });
  namespace = openNamespace({ path });
});

beforeEach(async () => {
  await send(
    createLink({ kind: 'veth', name: 'va', index: link, up: true, peer: { name: 'vb', index: link + 1 } }),
    createLink({ kind: 'ifb', name: 'ifb0', index: ifb, up: true }),
    createLink({ kind: 'ifb', name: 'ifb1', index: ifb + 1, up: true }),
  );
  return () => send(removeLink({ index: link }), removeLink({ index: ifb }), removeLink({ index: ifb + 1 }));
});

afterAll(() => {
  namespace.close();
  workspace.remove();
});

async function send(...messages: readonly Uint8Array[]): Promise<void> {
  await runProgram([request('namespace', ...messages)], namespace);
}

/** What `tc -json` says, in the namespace. */
function tc(command: string): Record<string, unknown>[] {
  return JSON.parse(run(`tc -json ${command}`, path)) as Record<string, unknown>[];
}

async function qdiscsOf(index: number): Promise<Qdisc[]> {
  return (await readQdiscs(namespace)).filter((qdisc) => qdisc.link === index);
}

test('a token bucket is set, changed, read and removed', async () => {
  await send(setTokenBucket({ link, handle: 0x12, ...bucket }));
  const [first] = tc('qdisc show dev va root');
  expect(first).toMatchObject({ kind: 'tbf', handle: '12:', options: { rate: 1_250_000, burst: 10_000 } });
  const changed = { ...bucket, bytesPerSecond: 125_000 };
  await send(setTokenBucket({ link, handle: 0x12, ...changed }));
  const [second] = tc('qdisc show dev va root');
  expect(second).toMatchObject({ handle: '12:', options: { rate: 125_000, burst: 10_000 } });
  expect(await qdiscsOf(link)).toEqual([
    { link, kind: 'tbf', place: 'root', handle: 0x12, tokenBucket: changed },
  ]);
  await send(removeRootQdisc(link));
  expect(await qdiscsOf(link)).toMatchObject([{ kind: 'noqueue', handle: 0 }]);
  await expect(send(removeRootQdisc(link))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a token bucket takes the place of another qdisc', async () => {
  run('tc qdisc add dev va root pfifo', path);
  await send(setTokenBucket({ link, ...bucket }));
  expect(tc('qdisc show dev va root')).toMatchObject([{ kind: 'tbf' }]);
});

test.each<TokenBucket>([
  { bytesPerSecond: 1, burstBytes: 1500, limitBytes: 0 },
  { bytesPerSecond: 125_000, burstBytes: 40_000_000, limitBytes: 1_000_000 },
  { bytesPerSecond: 123_457, burstBytes: 0xffff_ffff, limitBytes: 0xffff_ffff },
  { bytesPerSecond: 1_250_000_000, burstBytes: 1_234_567, limitBytes: 77 },
  { bytesPerSecond: 0xffff_ffff, burstBytes: 1_000_003, limitBytes: 99_999 },
  { bytesPerSecond: 0x1_0000_0000, burstBytes: 1_000_003, limitBytes: 99_999 },
  { bytesPerSecond: 500_000_000_000, burstBytes: 0xffff_fffe, limitBytes: 1 },
])('$burstBytes at $bytesPerSecond a second are kept as foreseen', async (odd) => {
  await send(setTokenBucket({ link, ...odd }));
  expect(await qdiscsOf(link)).toMatchObject([
    { link, kind: 'tbf', place: 'root', tokenBucket: tokenBucketAsRead(odd) },
  ]);
});

test('what a link receives is redirected, then elsewhere, and no longer', async () => {
  await expect(send(redirectIngress({ link, to: ifb }))).rejects.toMatchObject({ step: 0 });
  await send(addIngress(link), addIngress(link), redirectIngress({ link, to: ifb }));
  expect(await qdiscsOf(link)).toMatchObject([{ place: 'root' }, { kind: 'ingress', place: 'ingress' }]);
  const redirected = (to: string) => ({
    kind: 'u32',
    options: { actions: [{ kind: 'mirred', mirred_action: 'redirect', direction: 'egress', to_dev: to }] },
  });
  expect(tc('filter show dev va ingress').at(-1)).toMatchObject(redirected('ifb0'));
  await send(redirectIngress({ link, to: ifb + 1 }));
  expect(tc('filter show dev va ingress').filter(({ options }) => hasActions(options))).toMatchObject([
    redirected('ifb1'),
  ]);
  expect(await readFilters(link, namespace)).toEqual([
    { link, priority: 1, kind: 'u32', redirectsTo: ifb + 1 },
  ]);
  await send(removeIngress(link));
  expect(await readFilters(link, namespace)).toEqual([]);
});

test('what is redirected to an ifb passes its token bucket and is received after all', async () => {
  const peerPath = `${workspace.netnsDir}/sender`;
  await createPinnedNamespace(peerPath, { disableIpv6: true });
  await send(
    addAddress({ link, address: '10.1.2.1/24' as InterfaceAddress }),
    addIngress(link),
    setTokenBucket({ link: ifb, ...bucket }),
    redirectIngress({ link, to: ifb }),
  );
  run(`ip link set vb netns ${peerPath}`, path);
  run('ip link set vb up', peerPath);
  run('ip address add 10.1.2.2/24 dev vb', peerPath);
  expect(reaches('10.1.2.1', peerPath)).toBe(true);
  expect(tc('-statistics qdisc show dev ifb0 root')[0]?.['packets']).toBeGreaterThan(0);
});

test('a clsact holds the redirection just as well', async () => {
  run('tc qdisc add dev va clsact', path);
  await expect(send(addIngress(link))).rejects.toMatchObject({ code: 'EINVAL' });
  expect(await qdiscsOf(link)).toMatchObject([{ place: 'root' }, { kind: 'clsact', place: 'ingress' }]);
  await send(redirectIngress({ link, to: ifb }));
  expect(await readFilters(link, namespace)).toMatchObject([{ redirectsTo: ifb }]);
});

function hasActions(options: unknown): boolean {
  return typeof options === 'object' && options !== null && 'actions' in options;
}
