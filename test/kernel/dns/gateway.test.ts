// The resolver at the gateway addresses of two bridges, asked by dig from pods, from strangers and from the host.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { createNameService } from '../../../src/dns/engine.ts';
import type { NameService } from '../../../src/dns/name-service.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';
import { FakeUpstream, truthful } from '../../unit/dns/fake-upstream.ts';
import { back, entry, lab, view } from '../../unit/dns/names.ts';
import { hostNamespace, PinnedNamespaces } from './pinned-namespaces.ts';
import { PodBridge } from './pod-bridge.ts';

const labGateway = '10.66.0.1' as IpAddress;
const labGateway6 = 'fd66::1' as IpAddress;
const backGateway = '10.66.1.1' as IpAddress;
let namespaces: PinnedNamespaces;
let bridges: { readonly lab: PodBridge; readonly back: PodBridge };
let upstream: FakeUpstream;
let names: NameService;
/** On `lab`; on both; on `back`; plugged into `lab`, where nobody knows its address. */
let pods: { readonly web: string; readonly both: string; readonly db: string; readonly stranger: string };

beforeAll(async () => {
  requireOwnNetwork();
  namespaces = new PinnedNamespaces();
  bridges = {
    lab: new PodBridge('lab0', [`${labGateway}/24`, `${labGateway6}/64`]),
    back: new PodBridge('back0', [`${backGateway}/24`]),
  };
  pods = {
    web: await namespaces.create('web'),
    both: await namespaces.create('both'),
    db: await namespaces.create('db'),
    stranger: await namespaces.create('stranger'),
  };
  bridges.lab.plug(pods.web, 'eth0', ['10.66.0.2/24', 'fd66::2/64']);
  bridges.lab.plug(pods.both, 'eth0', ['10.66.0.3/24', 'fd66::3/64']);
  bridges.back.plug(pods.both, 'eth1', ['10.66.1.3/24']);
  bridges.back.plug(pods.db, 'eth0', ['10.66.1.4/24']);
  bridges.lab.plug(pods.stranger, 'eth0', ['10.66.0.99/24', 'fd66::99/64']);
  run(`ip route add default via ${backGateway}`, pods.db);
});

beforeEach(async () => {
  upstream = await FakeUpstream.start(truthful(1));
  const resolvConf = join(namespaces.directory, 'host-resolv.conf');
  await writeFile(resolvConf, `nameserver ${labGateway}\nnameserver ${upstream.upstream.address}\n`);
  const upstreamPort = upstream.upstream.port;
  names = createNameService({ log: pino({ level: 'silent' }), resolvConf, upstreamPort });
  names.put(entry('web', lab, { addresses: ['10.66.0.2', 'fd66::2'] }));
  names.put(entry('both', lab, { addresses: ['10.66.0.3', 'fd66::3'] }));
  names.put(entry('both', back, { addresses: ['10.66.1.3'] }));
  names.put(entry('db', back, { addresses: ['10.66.1.4'] }));
  names.setView(view([lab], { sandboxId: 'web' as SandboxId, forwarding: 'none' }));
  names.setView(view([lab, back], { sandboxId: 'both' as SandboxId }));
  await names.openGateway(lab, labGateway);
  await names.openGateway(lab, labGateway6);
  await names.openGateway(back, backGateway);
});

afterEach(async () => {
  await names.shutdown();
  await upstream[Symbol.asyncDispose]();
});

afterAll(async () => {
  bridges.lab[Symbol.dispose]();
  bridges.back[Symbol.dispose]();
  await namespaces[Symbol.asyncDispose]();
});

/** dig itself sees to it that the reply comes from the address it asked. */
async function ask(path: string, server: string, ...question: string[]): Promise<string> {
  const { status, answers } = await namespaces.dig(path, question, server);
  if (status !== 'NOERROR') return status;
  return answers
    .map((line) => line.split(' ').at(-1))
    .sort()
    .join(' ');
}

describe.each([
  ['+notcp', labGateway],
  ['+tcp', labGateway],
  ['+notcp', labGateway6],
  ['+tcp', labGateway6],
])('dig %s @%s', (transport, server) => {
  const dig = (path: string, name: string) => ask(path, server, transport, name, 'A');

  test('a pod sees the network it is on', async () => {
    expect(await dig(pods.web, 'both')).toBe('10.66.0.3');
    expect(await dig(pods.web, 'db')).toBe('NXDOMAIN');
  });

  test('a pod on two networks sees both, and is forwarded as its view says', async () => {
    expect(await dig(pods.both, 'db')).toBe('10.66.1.4');
    expect(await dig(pods.both, 'both')).toBe('10.66.0.3 10.66.1.3');
    expect(await dig(pods.both, 'example.com')).toBe('192.0.2.1');
  });

  test('a stranger is refused, for names of ours and others', async () => {
    expect(await dig(pods.stranger, 'web')).toBe('REFUSED');
    expect(await dig(pods.stranger, 'example.com')).toBe('REFUSED');
    expect(upstream.received).toEqual([]);
  });

  test('the host sees that network alone, and is forwarded', async () => {
    expect(await dig(hostNamespace, 'web')).toBe('10.66.0.2');
    expect(await dig(hostNamespace, 'example.com')).toBe('192.0.2.1');
  });
});

test('a pod is a stranger at the gateway of a network it is not on', async () => {
  expect(await ask(pods.db, backGateway, 'both')).toBe('10.66.1.3');
  expect(await ask(pods.db, labGateway, 'both')).toBe('REFUSED');
});

test('the host may ask from loopback and from another of its gateway addresses', async () => {
  expect(await ask(hostNamespace, labGateway, '-b', '127.0.0.1', 'web')).toBe('10.66.0.2');
  expect(await ask(hostNamespace, labGateway, '-b', backGateway, 'web')).toBe('10.66.0.2');
});

test('an address is worth what its endpoint is: nothing without, another view with another', async () => {
  names.remove(entry('both', lab, { addresses: [] }).endpointId);
  expect(await ask(pods.both, labGateway, 'db')).toBe('REFUSED');
  names.put(entry('next', lab, { addresses: ['10.66.0.3'] }));
  expect(await ask(pods.both, labGateway, 'next')).toBe('10.66.0.3');
  expect(await ask(pods.both, labGateway, 'db')).toBe('SERVFAIL');
  names.setView(view([lab], { sandboxId: 'next' as SandboxId, forwarding: 'none' }));
  expect(await ask(pods.both, labGateway, 'db')).toBe('NXDOMAIN');
});

test.each([
  [labGateway, '24'],
  [labGateway6, '64'],
])('%s lost and had again is answered at as before', async (address, prefix) => {
  bridges.lab.removeAddress(`${address}/${prefix}`);
  await expect(names.openGateway(lab, address)).resolves.toBeUndefined();
  bridges.lab.addAddress(`${address}/${prefix}`);
  expect(await ask(pods.web, address, '+notcp', 'both')).toBe('10.66.0.3');
  expect(await ask(pods.web, address, '+tcp', 'both')).toBe('10.66.0.3');
});

test('on a bridge made again it is answered at as before', async () => {
  const [gateway, pod] = ['10.66.2.1' as IpAddress, '10.66.2.2'];
  const path = await namespaces.create('other');
  const makeBridge = () => {
    const bridge = new PodBridge('other0', [`${gateway}/24`]);
    bridge.plug(path, 'eth0', [`${pod}/24`]);
    return bridge;
  };
  using first = makeBridge();
  names.put(entry('other', lab, { addresses: [pod] }));
  await names.openGateway(lab, gateway);
  first[Symbol.dispose]();
  using _again = makeBridge();
  expect(await ask(path, gateway, '+notcp', 'web')).toBe('10.66.0.2');
  expect(await ask(path, gateway, '+tcp', 'web')).toBe('10.66.0.2');
});

test('both families of a network end together', async () => {
  expect(names.gatewaysOf(lab)).toEqual([labGateway, labGateway6]);
  names.closeGateway(lab);
  expect(names.gatewaysOf(lab)).toEqual([]);
  expect(run('ss -Hlntu sport = 53').match(/\S+:53\b/g)).toEqual([`${backGateway}:53`, `${backGateway}:53`]);
});

describe('a port 53 somebody else has', () => {
  beforeEach(() => names.closeGateway(lab));

  test('for datagrams is theirs, and named', async () => {
    names.closeGateway(back);
    const other = createSocket('udp4').bind(53, '0.0.0.0');
    await once(other, 'listening');
    const opened = names.openGateway(lab, labGateway);
    await expect(opened).rejects.toMatchObject({ code: 'conflict', message: `${labGateway}:53 is taken` });
    other.close();
    await names.openGateway(lab, labGateway);
    expect(await ask(pods.web, labGateway, 'both')).toBe('10.66.0.3');
  });

  test('for connections is theirs, and named', async () => {
    const other = createServer().listen(53, labGateway6);
    await once(other, 'listening');
    const opened = names.openGateway(lab, labGateway6);
    await expect(opened).rejects.toMatchObject({ code: 'conflict', message: `[${labGateway6}]:53 is taken` });
    other.close();
    await names.openGateway(lab, labGateway6);
    expect(await ask(pods.web, labGateway6, '+notcp', 'both')).toBe('10.66.0.3');
  });
});

test('an address the host does not have is unavailable, and says so', async () => {
  await expect(names.openGateway(lab, '10.66.0.7' as IpAddress)).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/10\.66\.0\.7:53: .*address not available/i),
  });
});
