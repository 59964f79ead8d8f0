// Sockets in a namespace, held host ports, and datagrams to unix sockets.
import { execFile } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  closeFd,
  type HeldHostPort,
  holdHostPort,
  openServersInNamespace,
  sendToUnixSocket,
} from '../../../src/kernel/sockets.ts';
import { makePinDirectory, removePinDirectory } from './pin-directory.ts';
import { makeScratchNamespace, type ScratchNamespace } from './scratch-namespace.ts';
import { until } from './until.ts';

async function bound(
  socket: Socket,
  options: { fd: number } | { port: number; address: string },
): Promise<Socket> {
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(options, resolve);
  });
  return socket;
}

async function listening(options: { fd: number } | { port: number; host: string }): Promise<Server> {
  const server = createServer((socket) => socket.end('hello'));
  server.listen(options);
  await once(server, 'listening');
  return server;
}

describe('in a namespace', () => {
  let scratch: ScratchNamespace;

  beforeEach(async () => {
    scratch = await makeScratchNamespace();
  });

  afterEach(() => scratch.remove());

  test.each([
    ['udp4', '127.0.0.1'],
    ['udp6', '::1'],
  ] as const)('a %s server at %s answers a client there', async (type, address) => {
    const { udp, tcp } = await openServersInNamespace(scratch.namespace, address, 53);
    const server = await bound(createSocket(type), { fd: udp });
    server.on('message', (message, from) => server.send(`${message} yourself`, from.port, from.address));
    const other = await openServersInNamespace(scratch.namespace, address, 0);
    const client = await bound(createSocket(type), { fd: other.udp });
    expect(server.address()).toMatchObject({ address, port: 53 });
    const answer = once(client, 'message');
    client.send('hello', 53, address);
    expect(String((await answer)[0])).toBe('hello yourself');
    server.close();
    client.close();
    closeFd(tcp);
    closeFd(other.tcp);
  });

  test('a TCP server can be reached in there and nowhere else', async () => {
    const { udp, tcp } = await openServersInNamespace(scratch.namespace, '127.0.0.1', 8080);
    const server = await listening({ fd: tcp });
    const script = 'exec 3<>/dev/tcp/127.0.0.1/8080; cat <&3';
    const inside = await promisify(execFile)('nsenter', [`--net=${scratch.path}`, 'bash', '-c', script]);
    expect(inside.stdout).toBe('hello');
    const outside = connect({ port: 8080, host: '127.0.0.1' });
    expect((await once(outside, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
    server.close();
    closeFd(udp);
  });

  test('an address in use and one that is not there are told apart', async () => {
    const { udp, tcp } = await openServersInNamespace(scratch.namespace, '127.0.0.1', 53);
    const again = () => openServersInNamespace(scratch.namespace, '127.0.0.1', 53);
    const inUse = { code: 'EADDRINUSE', syscall: 'bind' };
    await expect(again()).rejects.toMatchObject(inUse);
    closeFd(udp);
    await expect(again()).rejects.toMatchObject(inUse);
    closeFd(tcp);
    const reopened = await again();
    closeFd(reopened.udp);
    closeFd(reopened.tcp);
    await expect(openServersInNamespace(scratch.namespace, '192.0.2.1', 53)).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
  });

  test.each([
    ['localhost', 53],
    ['', 53],
    ['fe80::1%lo', 53],
    ['127.0.0.1', -1],
    ['127.0.0.1', 65_536],
    ['127.0.0.1', 5.5],
  ])('%j port %s is refused before the kernel is asked', async (address, port) => {
    await expect(openServersInNamespace(scratch.namespace, address, port)).rejects.toThrow(
      /is not (an IP address|a port)/,
    );
  });
});

describe('held ports', () => {
  const held: HeldHostPort[] = [];

  function hold(protocol: 'tcp' | 'udp' | 'sctp', address: string, port: number): HeldHostPort {
    const result = holdHostPort(protocol, address, port);
    held.push(result);
    return result;
  }

  afterEach(() => {
    for (const { fd } of held.splice(0)) closeFd(fd);
  });

  test.each(['127.0.0.1', '0.0.0.0', '::1', '::'])(
    'nobody else can listen on a held TCP port of %s',
    async (host) => {
      const { port } = hold('tcp', host, 0);
      expect(port).toBeGreaterThan(0);
      await expect(listening({ port, host })).rejects.toMatchObject({ code: 'EADDRINUSE' });
      expect(() => holdHostPort('tcp', host, port)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
    },
  );

  test('nobody else can bind a held UDP port', async () => {
    const { port } = hold('udp', '127.0.0.1', 0);
    const binding = bound(createSocket('udp4'), { port, address: '127.0.0.1' });
    await expect(binding).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('a port somebody listens on cannot be held', async () => {
    const server = await listening({ port: 0, host: '127.0.0.1' });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(() => holdHostPort('tcp', '0.0.0.0', port)).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
    server.close();
  });

  test('a port that was let go is free again', async () => {
    const { fd, port } = holdHostPort('tcp', '127.0.0.1', 0);
    closeFd(fd);
    const server = await listening({ port, host: '127.0.0.1' });
    server.close();
  });

  test('both families and both protocols hold one number at the same time', () => {
    const { port } = hold('tcp', '0.0.0.0', 0);
    expect(hold('tcp', '::', port).port).toBe(port);
    expect(hold('udp', '0.0.0.0', port).port).toBe(port);
    expect(hold('udp', '::', port).port).toBe(port);
  });

  test('what is sent to a held UDP port is dropped, not queued', async () => {
    const { port } = hold('udp', '127.0.0.1', 0);
    const client = createSocket('udp4');
    client.send('hello', port, '127.0.0.1');
    await until(() => udpSocketState(port)?.drops === 1);
    expect(udpSocketState(port)?.queued).toBe(0);
    client.close();
  });

  test('an address the host does not have is EADDRNOTAVAIL', () => {
    expect(() => holdHostPort('tcp', '192.0.2.1', 80)).toThrow(
      expect.objectContaining({ code: 'EADDRNOTAVAIL' }),
    );
  });

  const kernelHasSctp = existsSync('/proc/net/sctp');

  test.skipIf(kernelHasSctp)('a protocol the kernel has no sockets for says so', () => {
    expect(() => holdHostPort('sctp', '127.0.0.1', 80)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(EPROTONOSUPPORT|ESOCKTNOSUPPORT)$/) }),
    );
  });

  test.skipIf(!kernelHasSctp)('an SCTP port is held', () => {
    const { port } = hold('sctp', '127.0.0.1', 0);
    expect(() => holdHostPort('sctp', '127.0.0.1', port)).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
  });
});

/** Bytes waiting and packets dropped at the UDP socket bound to a port. */
function udpSocketState(port: number): { queued: number; drops: number } | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const fields = lines.find((line) => line[1]?.endsWith(suffix));
  if (fields === undefined) return undefined;
  return { queued: Number.parseInt(fields[4]?.split(':')[1] ?? '', 16), drops: Number(fields[12]) };
}

test.each(['path', 'abstract name'])('a datagram reaches the unix socket of a %s', async (kind) => {
  const directory = makePinDirectory();
  const path = kind === 'path' ? join(directory, 'socket') : `@${directory}`;
  const address = kind === 'path' ? `UNIX-RECVFROM:${path}` : `ABSTRACT-RECVFROM:${path.slice(1)}`;
  const receiver = promisify(execFile)('socat', ['-T5', address, 'STDOUT']);
  onTestFinished(() => void receiver.child.kill());
  await until(() => readFileSync('/proc/net/unix', 'utf8').includes(path));
  sendToUnixSocket(path, 'READY=1');
  expect((await receiver).stdout).toBe('READY=1');
  removePinDirectory(directory);
});

test('a unix socket nobody listens at is refused', () => {
  const gone = expect.objectContaining({ code: 'ENOENT' });
  expect(() => sendToUnixSocket('/does/not/exist', 'x')).toThrow(gone);
  const tooLong = expect.objectContaining({ code: 'ENAMETOOLONG' });
  expect(() => sendToUnixSocket(`/${'x'.repeat(200)}`, 'x')).toThrow(tooLong);
});
