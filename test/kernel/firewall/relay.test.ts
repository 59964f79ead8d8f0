// Ports the kernel cannot translate, carried by the relay: real sockets on addresses of a namespace's loopback interface.
import { execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { familyOf } from '../../../src/base/cidr.ts';
import { HeldPorts } from '../../../src/firewall/held-ports.ts';
import type { HostPortOwner } from '../../../src/firewall/host-ports.ts';
import type { EndpointId } from '../../../src/model/ids.ts';
import type { PublishedPort } from '../../../src/model/port.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';

const endpoint = { 4: '10.9.0.2' as IpAddress, 6: 'fd09::2' as IpAddress } as const;
const host = { 4: '10.9.0.1' as IpAddress, 6: 'fd09::1' as IpAddress } as const;

beforeAll(() => {
  requireOwnNetwork();
  for (const family of [4, 6] as const) {
    for (const address of [endpoint[family], host[family]]) {
      execFileSync('ip', ['address', 'add', `${address}/${family === 4 ? 32 : 128}`, 'dev', 'lo']);
    }
  }
});

function ownerOn(...addresses: IpAddress[]): HostPortOwner {
  return { endpointId: 'relayed' as EndpointId, sandboxName: 'web', addresses };
}

interface Relayed {
  readonly protocol?: 'tcp' | 'udp';
  readonly at: string | readonly string[];
  readonly to: IpAddress | readonly IpAddress[];
  readonly port: number;
  readonly from?: readonly string[];
  readonly most?: number;
  readonly idleMs?: number;
}

/** Holds a port and returns its number with what holds it. */
async function relay({ protocol = 'tcp', at, to, port, from, most = 100, idleMs = 60_000 }: Relayed) {
  const ports = new HeldPorts({ most, idleMs });
  const owner = ownerOn(...[to].flat());
  onTestFinished(() => ports.release(owner.endpointId));
  const hostAddresses = [at].flat() as IpAddress[];
  const askers = from !== undefined && { from: from as Cidr[] };
  const [held] = await ports.reserve(owner, [{ protocol, port, hostAddresses, ...askers }]);
  return { ports, owner, held: held as PublishedPort, hostPort: held?.hostPort ?? 0 };
}

/** A server that does as told with each connection; it says nothing by itself. */
async function serve(address: IpAddress, onConnection: (socket: Socket) => void) {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen({ port: 0, host: address });
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

/** Says who it is to whoever comes. */
function serveName(address: IpAddress) {
  return serve(address, (socket) => void socket.end(`${address} ${socket.remoteAddress}`));
}

function open(hostPort: number, address: string, localAddress?: string): Socket {
  const socket = connect({
    port: hostPort,
    host: address,
    allowHalfOpen: true,
    ...(localAddress && { localAddress }),
  });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** To the end of what is said; the socket can still speak. Errors: those of the socket. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => void chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

/** What a port says; `reset`, or `silence` when the connection is not even made. */
async function ask(hostPort: number, address: string, localAddress?: string): Promise<string> {
  const socket = open(hostPort, address, localAddress);
  const silence = setTimeout(() => socket.destroy(new Error('silence')), 400);
  try {
    await once(socket, 'connect');
    clearTimeout(silence);
    return (await readAll(socket)).toString();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNRESET' ? 'reset' : (error as Error).message;
  } finally {
    clearTimeout(silence);
    socket.destroy();
  }
}

/** Connections, or sockets of UDP, that are connected to an endpoint's address: those of the relay. */
function relayed(protocol: 'tcp' | 'udp', port: number): number {
  const established = '01';
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = ['', '6'].flatMap((suffix) =>
    readFileSync(`/proc/self/net/${protocol}${suffix}`, 'utf8').split('\n'),
  );
  return lines.filter((line) => {
    const fields = line.trim().split(/\s+/);
    return fields[2]?.endsWith(remote) === true && fields[3] === established;
  }).length;
}

describe('a port', () => {
  test.for([
    { at: '::', asked: '::1', to: [4] },
    { at: '::', asked: host[6], to: [4] },
    { at: '::1', asked: '::1', to: [4] },
    { at: host[6], asked: host[6], to: [4] },
    { at: '0.0.0.0', asked: '127.0.0.1', to: [6] },
    { at: '0.0.0.0', asked: host[4], to: [6] },
    { at: '127.0.0.1', asked: '127.0.0.1', to: [6] },
    { at: '::', asked: '::1', to: [6] },
    { at: '::', asked: '::1', to: [4, 6] },
    { at: '::1', asked: '::1', to: [4, 6] },
  ] as const)('on $at leads from $asked to an endpoint with IPv$to', async ({ at, asked, to }) => {
    const target = endpoint[to.find((family) => family === familyOf(at)) ?? to[0]];
    const port = await serveName(target);
    const { hostPort } = await relay({ at, to: to.map((family) => endpoint[family]), port });
    const answer = await ask(hostPort, asked);
    expect(answer.split(' ')[0]).toBe(target);
  });

  test.for([
    { at: '::', asked: host[6], to: 6 },
    { at: host[6], asked: host[6], to: 6 },
    { at: '0.0.0.0', asked: '127.0.0.1', to: 4 },
  ] as const)(
    'on $at is left to the kernel at $asked, of the family of its endpoint',
    async ({ at, asked, to }) => {
      const port = await serveName(endpoint[to]);
      const { hostPort } = await relay({ at, to: endpoint[to], port });
      expect(await ask(hostPort, asked)).toBe('silence');
    },
  );

  test.for([
    { to: 4, answers: ['::1', host[6]], silent: ['127.0.0.1', host[4]] },
    { to: 6, answers: ['::1', '127.0.0.1', host[4]], silent: [host[6]] },
  ] as const)(
    'on 0.0.0.0 and :: leads to IPv$to from where the kernel does not',
    async ({ to, answers, silent }) => {
      const port = await serveName(endpoint[to]);
      const { hostPort } = await relay({ at: ['0.0.0.0', '::'], to: endpoint[to], port });
      for (const asked of answers) expect(await ask(hostPort, asked)).toContain(endpoint[to]);
      for (const asked of silent) expect(await ask(hostPort, asked)).toBe('silence');
    },
  );

  test('on 0.0.0.0 and :: is held by one socket until both are let go', async () => {
    const port = await serveName(endpoint[4]);
    const { ports, owner, hostPort } = await relay({ at: ['0.0.0.0', '::'], to: endpoint[4], port });
    const listeners = () => run(`ss -Hltn sport = ${hostPort}`).split('\n').filter(Boolean).length;
    expect(listeners()).toBe(1);
    ports.release(owner.endpointId);
    expect(listeners()).toBe(0);
  });

  test('is answered while the event loop is busy', async () => {
    const { hostPort } = await relay({ at: '::', to: endpoint[4], port: 9009 });
    const server = spawn('socat', [
      `TCP4-LISTEN:9009,bind=${endpoint[4]},reuseaddr`,
      'SYSTEM:echo still here',
    ]);
    onTestFinished(() => void server.kill());
    await waitUntil('the server listens', async () =>
      readFileSync('/proc/self/net/tcp', 'utf8').includes(':2331 '),
    );
    const answer = execFileSync('socat', ['-u', `TCP6:[::1]:${hostPort}`, '-'], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(answer).toBe('still here\n');
  });

  test('that nobody serves at the endpoint resets whoever asks', async () => {
    const { hostPort } = await relay({ at: '::', to: endpoint[4], port: 9 });
    expect(await ask(hostPort, '::1')).toBe('reset');
  });

  test.for([
    { at: '::', to: 4, from: ['fd09::1/128'], good: host[6], bad: endpoint[6] },
    { at: '::', to: 4, from: ['fd08::/16', 'fd09::/127'], good: host[6], bad: endpoint[6] },
    { at: '::', to: 6, from: ['fd00::/8', '::1/128'], good: '::1', bad: undefined },
    { at: '::', to: 6, from: ['fd00::/8'], good: undefined, bad: '::1' },
    { at: '0.0.0.0', to: 6, from: ['10.9.0.1/32', '10.8.0.0/16'], good: host[4], bad: endpoint[4] },
    { at: '0.0.0.0', to: 6, from: ['0.0.0.0/0'], good: endpoint[4], bad: undefined },
    { at: '0.0.0.0', to: 6, from: [], good: undefined, bad: endpoint[4] },
  ] as const)(
    'on $at to IPv$to for $from is for $good and not for $bad',
    async ({ at, to, from, good, bad }) => {
      const port = await serveName(endpoint[to]);
      const { hostPort } = await relay({ at, to: endpoint[to], port, from });
      const asked = at === '0.0.0.0' ? '127.0.0.1' : '::1';
      if (good !== undefined) expect(await ask(hostPort, asked, good)).toContain(endpoint[to]);
      if (bad !== undefined) expect(await ask(hostPort, asked, bad)).toBe('silence');
    },
  );

  test.for([
    [4, 1200, '0.0.0.0'],
    [6, 500, '::'],
  ] as const)(
    'for more askers than a socket can tell apart is refused: IPv%i',
    async ([family, count, at]) => {
      const from = Array.from({ length: count }, (_, i) =>
        family === 4 ? `10.${i >> 8}.${i & 0xff}.0/25` : `fd00:${i.toString(16)}::1/128`,
      );
      const to = endpoint[family === 4 ? 6 : 4];
      await expect(relay({ at, to, port: 80, from })).rejects.toThrow(
        `from= lists ${count} subnets, too many`,
      );
    },
  );

  test('is relayed again when it is restored', async () => {
    const port = await serveName(endpoint[4]);
    const { ports, owner, held, hostPort } = await relay({ at: '::', to: endpoint[4], port });
    ports.release(owner.endpointId);
    expect(await ask(hostPort, '::1')).toMatch(/ECONNREFUSED/);
    expect(await ports.restore(owner, [held])).toEqual([]);
    expect(await ask(hostPort, '::1')).toContain(endpoint[4]);
  });

  test('is free, and its connections are gone, once it is let go', async () => {
    const port = await serve(endpoint[4], (socket) => void socket.write('hello'));
    const { ports, owner, hostPort } = await relay({ at: '::', to: endpoint[4], port });
    const socket = open(hostPort, '::1');
    await once(socket, 'data');
    ports.release(owner.endpointId);
    const server = createServer().listen({ port: hostPort, host: '::', exclusive: true });
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    await expect(readAll(socket)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(relayed('tcp', port)).toBe(0);
  });
});

describe('a relayed connection', () => {
  const megabytes = 24;
  const block = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7 + (i >> 8)) & 0xff));

  test('carries all bytes both ways, and each end of a half', async () => {
    const port = await serve(endpoint[4], (socket) => void socket.pipe(socket));
    const { hostPort } = await relay({ at: '::', to: endpoint[4], port });
    const socket = open(hostPort, '::1');
    const back = readAll(socket);
    for (let i = 0; i < megabytes; i++) if (!socket.write(block)) await once(socket, 'drain');
    socket.end();
    const received = await back;
    expect(received.length).toBe(megabytes << 20);
    expect(received.equals(Buffer.concat(Array.from({ length: megabytes }, () => block)))).toBe(true);
  });

  test('is answered after its client has ended', async () => {
    const port = await serve(endpoint[4], async (socket) => {
      const question = await readAll(socket);
      socket.end(`you said ${question}`);
    });
    const { hostPort } = await relay({ at: '::', to: endpoint[4], port });
    const socket = open(hostPort, '::1');
    socket.end('goodbye');
    expect((await readAll(socket)).toString()).toBe('you said goodbye');
  });

  test('is heard after its server has ended', async () => {
    let heard: Promise<Buffer> | undefined;
    const port = await serve(endpoint[4], (socket) => {
      heard = readAll(socket);
      socket.end('goodbye');
    });
    const { hostPort } = await relay({ at: '::', to: endpoint[4], port });
    const socket = open(hostPort, '::1');
    expect((await readAll(socket)).toString()).toBe('goodbye');
    socket.end('one more thing');
    expect((await heard)?.toString()).toBe('one more thing');
    await waitUntil('it is over', async () => relayed('tcp', port) === 0);
  });

  test('is held up by a server that does not read, and goes on when it does', async () => {
    let server: Socket | undefined;
    const port = await serve(endpoint[4], (socket) => {
      server = socket.pause();
    });
    const { hostPort } = await relay({ at: '::', to: endpoint[4], port });
    const socket = open(hostPort, '::1');
    let sent = 0;
    const flood = (async () => {
      for (; sent < 64; sent++) if (!socket.write(block)) await once(socket, 'drain');
      socket.end();
    })();
    let before = -1;
    await waitUntil('nothing more is taken', async () => {
      const isStuck = server !== undefined && sent > 0 && sent === before;
      before = sent;
      return isStuck;
    });
    expect(sent).toBeLessThan(64);
    let received = 0;
    server?.on('data', (chunk) => {
      received += chunk.length;
    });
    server?.resume();
    await flood;
    await waitUntil('all has arrived', async () => received === 64 << 20);
  });

  test.for(['client', 'server'] as const)('is reset for both when its %s resets it', async (who) => {
    let server: Socket | undefined;
    const port = await serve(endpoint[4], (socket) => {
      server = socket;
      socket.write('hello');
    });
    const { hostPort } = await relay({ at: '::', to: endpoint[4], port });
    const client = open(hostPort, '::1');
    await once(client, 'data');
    const [resetter, other] = who === 'client' ? [client, server] : [server, client];
    const failed = once(other as Socket, 'error');
    resetter?.resetAndDestroy();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    await waitUntil('it is forgotten', async () => relayed('tcp', port) === 0);
  });

  test('waits while there are as many as may be, and is served when one of them ends', async () => {
    const port = await serve(endpoint[4], (socket) => {
      socket.write('hello');
      socket.on('end', () => socket.end());
    });
    const { hostPort } = await relay({ at: '::', to: endpoint[4], port, most: 2 });
    const first = [open(hostPort, '::1'), open(hostPort, '::1')];
    await Promise.all(first.map((socket) => once(socket, 'data')));
    const third = open(hostPort, '::1');
    let isServed = false;
    third.on('data', () => {
      isServed = true;
    });
    await once(third, 'connect');
    expect(relayed('tcp', port)).toBe(2);
    expect(isServed).toBe(false);
    first[0]?.end();
    await waitUntil('the third is served', async () => isServed);
    for (const socket of [...first, third]) socket.destroy();
    await waitUntil('all are over', async () => relayed('tcp', port) === 0);
    for (let i = 0; i < 10; i++) {
      const socket = open(hostPort, '::1');
      await once(socket, 'data');
      socket.destroy();
    }
  });
});

describe('a relayed UDP port', () => {
  /** Answers each datagram with the port it came from. */
  async function serveUdp(address: IpAddress): Promise<number> {
    const socket = createSocket(familyOf(address) === 4 ? 'udp4' : 'udp6');
    socket.on('message', (message, { port }) =>
      socket.send(`${message} by ${port}`, port, addressOfPeer(socket)),
    );
    const addressOfPeer = (_: UdpSocket) => peers.get(socket) ?? '';
    const peers = new Map<UdpSocket, string>();
    socket.prependListener('message', (_, { address: peer }) => void peers.set(socket, peer));
    socket.bind(0, address);
    onTestFinished(() => void socket.close());
    await once(socket, 'listening');
    return socket.address().port;
  }

  /** Connected, so that it hears nothing but answers from where it asked. */
  async function client(hostPort: number, address: string, localAddress?: string) {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    onTestFinished(() => void socket.close());
    socket.on('error', () => {});
    socket.bind(0, localAddress);
    await once(socket, 'listening');
    socket.connect(hostPort, address);
    await once(socket, 'connect');
    return async (text: string) => {
      const heard = once(socket, 'message');
      socket.send(text);
      const silence = new Promise<string[]>((resolve) => setTimeout(resolve, 500, ['silence']));
      return String((await Promise.race([heard, silence]))[0]);
    };
  }

  test.for([
    { at: '::', asked: '::1', to: 4 },
    { at: '::', asked: host[6], to: 4 },
    { at: '::', asked: '::1', to: 6 },
    { at: '0.0.0.0', asked: host[4], to: 6 },
    { at: '0.0.0.0', asked: '127.0.0.1', to: 6 },
    { at: host[4], asked: host[4], to: 6 },
    { at: ['0.0.0.0', '::'], asked: host[6], to: 4 },
    { at: ['0.0.0.0', '::'], asked: host[4], to: 6 },
    { at: ['0.0.0.0', '::'], asked: '::1', to: 6 },
  ] as const)('on $at answers from $asked, for an endpoint with IPv$to', async ({ at, asked, to }) => {
    const port = await serveUdp(endpoint[to]);
    const { hostPort } = await relay({ protocol: 'udp', at, to: endpoint[to], port });
    const say = await client(hostPort, asked);
    expect(await say('hello')).toMatch(/^hello by \d+$/);
  });

  test('tells each client its own answers, and knows it again', async () => {
    const port = await serveUdp(endpoint[4]);
    const { hostPort } = await relay({ protocol: 'udp', at: '::', to: endpoint[4], port });
    const [one, two] = [await client(hostPort, '::1'), await client(hostPort, '::1')];
    const first = await one('first');
    const second = await two('second');
    expect([first, second]).toEqual([expect.stringMatching(/^first/), expect.stringMatching(/^second/)]);
    expect(first.split(' ')[2]).not.toBe(second.split(' ')[2]);
    expect(await one('first')).toBe(first);
    expect(relayed('udp', port)).toBe(2);
  });

  test('forgets a client that was silent for long', async () => {
    const port = await serveUdp(endpoint[4]);
    const { hostPort } = await relay({ protocol: 'udp', at: '::', to: endpoint[4], port, idleMs: 100 });
    const say = await client(hostPort, '::1');
    expect(await say('hello')).toContain('hello');
    await waitUntil('it is forgotten', async () => relayed('udp', port) === 0);
    expect(await say('hello again')).toContain('hello again');
  });

  test('forgets the client that was silent longest when there are too many', async () => {
    const port = await serveUdp(endpoint[4]);
    const { hostPort } = await relay({ protocol: 'udp', at: '::', to: endpoint[4], port, most: 2 });
    for (let i = 0; i < 5; i++) {
      const say = await client(hostPort, '::1');
      expect(await say(`client ${i}`)).toContain(`client ${i}`);
      expect(relayed('udp', port)).toBe(Math.min(i + 1, 2));
    }
  });

  test('is for those it is published for, and left to the kernel elsewhere', async () => {
    const port = await serveUdp(endpoint[6]);
    const { hostPort } = await relay({ protocol: 'udp', at: '::', to: endpoint[6], port, from: ['::1/128'] });
    expect(await (await client(hostPort, '::1'))('hello')).toContain('hello');
    expect(await (await client(hostPort, '::1', host[6]))('hello')).toBe('silence');
    expect(await (await client(hostPort, host[6]))('hello')).toBe('silence');
  });
});

test('programs started meanwhile, which have copies of its descriptors until they run, are no harm to it', async () => {
  const port = await serve(endpoint[6], (socket) => void socket.end('hello'));
  const { hostPort } = await relay({ at: '::1', to: endpoint[6], port });
  const turns = Array.from({ length: 40 }, (_, turn) => turn);
  for (const turn of turns) {
    const programs = Array.from({ length: 4 }, () => once(spawn('true', { stdio: 'ignore' }), 'exit'));
    const answers = Array.from({ length: 20 }, async () => {
      const client = connect({ port: hostPort, host: '::1' });
      client.on('error', () => {});
      const [text] = (await once(client, 'data')) as [Buffer];
      // Some go away with a reset, some without.
      if (turn % 2 === 0) client.resetAndDestroy();
      else client.end();
      return String(text);
    });
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['hello']));
    await Promise.all(programs);
  }
});
