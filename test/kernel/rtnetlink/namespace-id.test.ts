// The numbers of namespaces, judged by ip(8).
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPinnedNamespace, type Namespace, openNamespace } from '../../../src/kernel/netns.ts';
import { findLink } from '../../../src/kernel/rtnetlink/client.ts';
import { namespaceId } from '../../../src/kernel/rtnetlink/namespace-id.ts';
import { makeWorkspace, requireOwnNetwork, run } from '../../support/own-network.ts';

const workspace = makeWorkspace();
const path = `${workspace.netnsDir}/numbered`;
let namespace: Namespace;

beforeAll(async () => {
  requireOwnNetwork();
  await createPinnedNamespace(path, { disableIpv6: true });
  namespace = openNamespace({ path });
});

afterAll(() => {
  namespace.close();
  workspace.remove();
});

test('a namespace has a number once a link leads there, which both tell', async () => {
  expect(await namespaceId(namespace)).toBeUndefined();
  run('ip link add ni-host type veth peer name ni-inner');
  run(`ip link set ni-inner netns ${path}`);
  const id = await namespaceId(namespace);
  expect(run('ip link show dev ni-host')).toContain(`link-netnsid ${id}`);
  expect((await findLink({ name: 'ni-host' }))?.parentNamespace).toBe(id);
  run('ip link delete ni-host');
});

test('a link in the same namespace is in none of another number', async () => {
  run('ip link add ni-host type veth peer name ni-peer');
  expect((await findLink({ name: 'ni-host' }))?.parentNamespace).toBeUndefined();
  run('ip link delete ni-host');
});
