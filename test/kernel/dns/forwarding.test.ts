// Servers asked from the namespace they belong to, servers of links, and a resolv.conf that is mounted over.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { familyOf, type IpAddress } from '../../../src/base/cidr.ts';
import { upstreamFrom } from '../../../src/dns/forwarding/asking-sockets.ts';
import { ReplyCache } from '../../../src/dns/forwarding/cache.ts';
import type { Upstream } from '../../../src/dns/forwarding/exchange.ts';
import { Forwarder } from '../../../src/dns/forwarding/forwarder.ts';
import { followHostUpstreams } from '../../../src/dns/forwarding/upstreams.ts';
import { unpinNamespace, withNamespace } from '../../../src/kernel/netns.ts';
import { openServersInNamespace } from '../../../src/kernel/sockets.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { requireOwnNetwork, run, showLink } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { from, query, told } from '../../unit/dns/asking.ts';
import { type Behaviour, FakeUpstream, silent, truthful } from '../../unit/dns/fake-upstream.ts';
import { replyTo } from '../../unit/dns/upstream-replies.ts';
import { PinnedNamespaces } from './pinned-namespaces.ts';
import { PodBridge } from './pod-bridge.ts';

const serverPort = 5353;
let namespaces: PinnedNamespaces;
let forwarder: Forwarder;
let started: FakeUpstream[];

beforeAll(requireOwnNetwork);

beforeEach(() => {
  namespaces = new PinnedNamespaces();
  forwarder = new Forwarder({ cache: new ReplyCache() });
  started = [];
});

afterEach(async () => {
  forwarder.close();
  for (const server of started) await server[Symbol.asyncDispose]();
  await namespaces[Symbol.asyncDispose]();
});

/** A nameserver in a namespace. */
async function serve(path: string, address: string, behaviour: Behaviour): Promise<FakeUpstream> {
  const fds = await withNamespace({ path }, (namespace) =>
    openServersInNamespace(namespace, address, serverPort),
  );
  const udp = createSocket(familyOf(address as IpAddress) === 4 ? 'udp4' : 'udp6').bind({ fd: fds.udp });
  const tcp = createServer().listen({ fd: fds.tcp });
  await once(tcp, 'listening');
  const server = FakeUpstream.on(behaviour, { udp, tcp });
  started.push(server);
  return server;
}

function upstreamIn(path: string, address: string, sandbox = path): Upstream {
  const place = { sandboxId: sandbox as SandboxId, namespacePath: path };
  return upstreamFrom(place, address as IpAddress, serverPort);
}

const ask = (upstream: Upstream) => forwarder.forward(query(), [upstream], 'asker');
const cutting: Behaviour = (question, transport) =>
  transport === 'udp' ? [replyTo(question, { flags: 0x0200 })] : truthful(1)(question, transport);

describe('a server of a sandbox', () => {
  test.each(['127.0.0.1', '::1'])('at %s is asked in its namespace, over TCP too', async (address) => {
    const path = await namespaces.create('sandbox');
    const server = await serve(path, address, cutting);
    expect(await told(ask(upstreamIn(path, address)))).toEqual(['upstream', ...from(1)]);
    expect(server.received.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
  });

  test('is another than that of the same address elsewhere, and so are its replies', async () => {
    const [one, other] = [await namespaces.create('one'), await namespaces.create('other')];
    await serve(one, '127.0.0.1', truthful(1));
    await serve(other, '127.0.0.1', truthful(2));
    await serve('/proc/self/ns/net', '127.0.0.1', truthful(3));
    const upstreams = [
      upstreamIn(one, '127.0.0.1'),
      upstreamIn(other, '127.0.0.1'),
      { address: '127.0.0.1', port: serverPort },
    ];
    for (const source of ['upstream', 'cache']) {
      expect(await Promise.all(upstreams.map((upstream) => told(ask(upstream))))).toEqual(
        [1, 2, 3].map((last) => [source, ...from(last)]),
      );
    }
    expect(forwarder.statistics().map(({ sandboxId, replied }) => [sandboxId, replied])).toEqual(
      expect.arrayContaining([
        [one, 1],
        [other, 1],
        [undefined, 1],
      ]),
    );
  });

  test.each<[string, string, RegExp]>([
    ['nobody is at', '127.0.0.1', /ECONNREFUSED/],
    ['no route leads to', '192.0.2.1', /ENETUNREACH/],
    ['no route of IPv6 leads to', '2001:db8::1', /ENETUNREACH|EADDRNOTAVAIL/],
  ])('that %s fails at once', async (_, address, reason) => {
    const path = await namespaces.create('sandbox');
    const reasons: string[] = [];
    const telling = new Forwarder({ onUpstream: ({ reason = '' }) => reasons.push(reason) });
    for (let i = 0; i < 3; i++) {
      const asked = telling.forward(query(`n${i}`), [upstreamIn(path, address)], 'asker');
      expect(await asked).toBeUndefined();
    }
    expect(reasons).toEqual([expect.stringMatching(reason)]);
  });

  test('fails at once when its namespace is gone', async () => {
    expect(await ask(upstreamIn('/run/netns/nowhere', '127.0.0.1'))).toBeUndefined();
  });

  test('keeps nothing open in its namespace once it is forgotten, whatever is under way', async () => {
    const path = await namespaces.create('sandbox');
    // An interface goes with the namespace it is in, and its peer with it.
    run(`ip link add name sb-peer type veth peer name eth0 netns ${path}`);
    const server = await serve(path, '127.0.0.1', silent);
    const asked = ask(upstreamIn(path, '127.0.0.1', 'sandbox'));
    await waitUntil('it was asked', () => server.received.length > 0);
    forwarder.forget('sandbox');
    expect(await asked).toBeUndefined();
    expect(forwarder.statistics()).toEqual([]);
    await server[Symbol.asyncDispose]();
    started = [];
    await unpinNamespace(path);
    await waitUntil('the namespace ended', () => showLink('sb-peer') === undefined);
  });
});

test('a server is asked by an address of a link, over TCP too', async () => {
  using bridge = new PodBridge('link0', ['fe80::53/64']);
  const server = await serve('/proc/self/ns/net', '::', cutting);
  const upstream = { address: `fe80::53%${bridge.name}`, port: serverPort };
  expect(await told(ask(upstream))).toEqual(['upstream', ...from(1)]);
  expect(server.received.map(({ transport }) => transport)).toEqual(['udp', 'tcp']);
  expect(await ask({ address: 'fe80::53%nosuch0', port: serverPort })).toBeUndefined();
});

test('a resolv.conf that is mounted over is followed', async () => {
  const [path, other] = ['resolv.conf', 'other'].map((name) => join(namespaces.directory, name)) as [
    string,
    string,
  ];
  await writeFile(path, 'nameserver 192.0.2.1\n');
  await writeFile(other, 'nameserver 192.0.2.2\n');
  const log = pino({ level: 'silent' });
  const options = { log, resolvConf: path, stubResolvConf: '/nowhere', rereadMs: 20 };
  const upstreams = followHostUpstreams(options);
  const become = (address: string) =>
    waitUntil(`it is ${address}`, () => upstreams.addresses.join() === address);
  run(`mount --bind ${other} ${path}`);
  try {
    await become('192.0.2.2');
    await writeFile(other, 'nameserver 192.0.2.3\n');
    await become('192.0.2.3');
  } finally {
    run(`umount ${path}`);
    upstreams.close();
  }
});
