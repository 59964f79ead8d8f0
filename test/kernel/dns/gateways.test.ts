// Gateways on loopback, with sandboxes at other addresses of it; strangers, who have none there, are in askers.test.ts of the unit tests.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { createNameService } from '../../../src/dns/engine.ts';
import { frame } from '../../../src/dns/forwarding/framing.ts';
import type { NameService } from '../../../src/dns/name-service.ts';
import type { ResolverView } from '../../../src/model/name-entry.ts';
import { requireOwnNetwork } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { FakeUpstream, truthful } from '../../unit/dns/fake-upstream.ts';
import { questionBytes, readReply } from '../../unit/dns/messages.ts';
import { back, entry, lab, view } from '../../unit/dns/names.ts';
import { openOwnSockets, testPort } from './own-sockets.ts';

const gateway = '127.1.0.1' as IpAddress;
const web = '127.1.0.2';
let directory: string;
let upstream: FakeUpstream;
let names: NameService;

beforeAll(requireOwnNetwork);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gateways-'));
  upstream = await FakeUpstream.start(truthful(1));
  await start('nameserver 127.0.0.1\n');
});

afterEach(async () => {
  await names.shutdown();
  await upstream[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function start(hostConf: string): Promise<void> {
  const resolvConf = join(directory, 'resolv.conf');
  await writeFile(resolvConf, hostConf);
  names = createNameService({
    log: pino({ level: 'silent' }),
    resolvConf,
    upstreamPort: upstream.upstream.port,
    openGatewaySockets: openOwnSockets,
  });
  names.put(entry('web', lab, { addresses: [web] }));
}

async function ask(question: Buffer, from: string = web) {
  const socket = createSocket('udp4').bind(0, from);
  socket.send(question, testPort, gateway);
  const [reply, sender] = await once(socket, 'message');
  socket.close();
  expect(sender.address).toBe(gateway);
  return readReply(reply);
}

const outside = (from?: string) => ask(questionBytes('example.com'), from);
const webView = (changes: Partial<ResolverView> = {}) => {
  return { ...view([lab], { sandboxId: 'web' as ResolverView['sandboxId'] }), ...changes };
};

describe('a sandbox at its gateway', () => {
  beforeEach(() => names.openGateway(lab, gateway));

  test('sees what its view says, which needs no resolver of its own', async () => {
    names.put(entry('db', back, { addresses: ['10.0.1.2'] }));
    names.setView(webView({ networks: [lab, back], links: [{ alias: 'store', target: 'db' as never }] }));
    expect((await ask(questionBytes('db'))).answers).toEqual(['db 5 A 10.0.1.2']);
    expect((await ask(questionBytes('store'))).answers).toEqual(['store 5 A 10.0.1.2']);
  });

  test('is forwarded where its view says', async () => {
    names.setView(webView());
    expect((await outside()).answers).toEqual(['example.com 60 A 192.0.2.1']);
    names.setView(webView({ forwarding: 'none' }));
    expect((await outside()).rcode).toBe(3);
  });

  test('sees the network alone before and after it has a view, and nothing leaves', async () => {
    expect((await ask(questionBytes('web'))).answers).toEqual([`web 5 A ${web}`]);
    names.setView(webView());
    names.close(webView().sandboxId);
    expect((await ask(questionBytes('web'))).answers).toEqual([`web 5 A ${web}`]);
    expect((await outside()).rcode).toBe(2);
    expect(upstream.received).toEqual([]);
  });

  test('gets no datagram a link might have to cut', async () => {
    for (let i = 0; i < 100; i++)
      names.put(entry(`crowd${i}`, lab, { names: ['crowd'], addresses: [`10.0.1.${i}`] }));
    const { answers, flags } = await ask(questionBytes('crowd', { edns: { payloadBytes: 4096 } }));
    expect(flags).toContain('tc');
    expect(answers).toHaveLength(74);
  });

  test('cannot use up the connections of the others', async () => {
    const open = Array.from({ length: 70 }, () =>
      connect({ port: testPort, host: gateway, localAddress: web }),
    );
    let closed = 0;
    for (const socket of open) socket.on('error', () => undefined).on('close', () => closed++);
    await waitUntil('the connections above 64 are closed', () => closed === 6);
    const other = connect({ port: testPort, host: gateway, localAddress: '127.1.0.3' });
    other.write(frame(questionBytes('web')));
    expect((await once(other, 'data'))[0]).toBeInstanceOf(Buffer);
    for (const socket of [...open, other] as Socket[]) socket.destroy();
  });
});

test('the host sees the network, whatever else there is, and is forwarded', async () => {
  names.put(entry('db', back, { addresses: ['10.0.1.2'] }));
  await names.openGateway(lab, gateway);
  expect((await ask(questionBytes('web.lab'), gateway)).answers).toEqual([`web.lab 5 A ${web}`]);
  expect((await outside(gateway)).answers).toEqual(['example.com 60 A 192.0.2.1']);
  await ask(questionBytes('db'), gateway);
  expect(upstream.received).toHaveLength(2);
});

describe('a question is never forwarded to a gateway of ours', () => {
  test.each([
    ['named by the host’s resolv.conf', `nameserver ${gateway}\n`, {}],
    ['named there in another form', `nameserver ::ffff:${gateway}\n`, {}],
    ['given to the sandbox', '', { forwarding: [gateway], namespacePath: '/proc/self/ns/net' }],
  ])('%s', async (_, hostConf, changes) => {
    await names.shutdown();
    // Whatever is sent there, on the upstreams' port, is seen.
    await using itself = await FakeUpstream.start(truthful(9), {
      address: gateway,
      port: upstream.upstream.port,
    });
    await start(hostConf);
    names.setView(webView(changes));
    await names.openGateway(lab, gateway);
    expect((await outside()).rcode).toBe(2);
    expect(itself.received).toEqual([]);
  });

  test('but to those that answer, in its place', async () => {
    await names.shutdown();
    await start(`nameserver ${gateway}\nnameserver 127.0.0.1\n`);
    names.setView(webView());
    await names.openGateway(lab, gateway);
    expect((await outside()).answers).toEqual(['example.com 60 A 192.0.2.1']);
  });
});

test('an address answers for one network at a time', async () => {
  await names.openGateway(lab, gateway);
  await expect(names.openGateway(back, gateway)).rejects.toMatchObject({
    code: 'conflict',
    message: `port 53 of ${gateway} answers for network ${lab}`,
  });
  names.closeGateway(lab);
  await names.openGateway(back, gateway);
});
