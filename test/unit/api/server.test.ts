import { spawnSync } from 'node:child_process';
import { chmod, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { groupId } from '../../../src/api/unix-socket.ts';
import { Client } from '../../../src/client/client.ts';
import { listeningApi, testApi, testDirectory } from '../../support/test-api.ts';

/** Sends bytes, half-closes, and returns everything that comes back. */
async function talk(socket: string, bytes: string | Uint8Array): Promise<string> {
  const connection = connect(socket);
  connection.end(bytes);
  return text(connection);
}

async function isServed(socket: string): Promise<boolean> {
  return (await new Client(socket).version()).version === '1.2.3';
}

describe('the socket', () => {
  test('is for its owner and group only, and nothing else is left beside it', async () => {
    const { socket } = await listeningApi();
    const { mode } = await stat(socket);
    expect(mode & 0o777).toBe(0o660);
    expect(await readdir(join(socket, '..'))).toEqual(['api.sock']);
  });

  test('is gone when the server has closed', async () => {
    const { server, socket } = await listeningApi();
    await server.close();
    await expect(stat(socket)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('of a daemon that answers is left alone', async () => {
    const { socket } = await listeningApi();
    await expect(testApi().server.listen(socket)).rejects.toMatchObject({
      code: 'conflict',
      message: `another daemon answers at ${socket}`,
    });
    expect(await isServed(socket)).toBe(true);
  });

  test('of a daemon that died is replaced', async () => {
    const socket = join(await testDirectory(), 'api.sock');
    const script = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script]);
    expect((await stat(socket)).isSocket()).toBe(true);
    await testApi().server.listen(socket);
    expect(await isServed(socket)).toBe(true);
  });

  test('is not put over a file that is none', async () => {
    const path = join(await testDirectory(), 'api.sock');
    await writeFile(path, 'precious');
    await expect(testApi().server.listen(path)).rejects.toMatchObject({
      code: 'conflict',
      message: `${path} exists and is not a socket`,
    });
    expect((await stat(path)).size).toBe(8);
  });

  test('with too long a path is refused with the limit', async () => {
    const directory = await testDirectory();
    const path = join(directory, 'x'.repeat(100));
    await expect(testApi().server.listen(path)).rejects.toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringContaining('at most 107 are possible'),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test('may be reached through a link', async () => {
    const { socket } = await listeningApi();
    const link = join(await testDirectory(), 'link');
    await symlink(socket, link);
    expect(await isServed(link)).toBe(true);
  });
});

describe('what is no request', () => {
  test.each([
    ['garbage', '\x16\x03\x01\x02\x00\x01\x00\xff', '400 Bad Request'],
    ['words', 'hello?\r\n\r\n', '400 Bad Request'],
    [
      'a header without end',
      `GET / HTTP/1.1\r\nx: ${'y'.repeat(100_000)}`,
      '431 Request Header Fields Too Large',
    ],
    ['a length that is none', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n', '400 Bad Request'],
  ])('%s is answered with a reason', async (_name, bytes, status) => {
    const { socket } = await listeningApi();
    const answer = await talk(socket, bytes);
    expect(answer).toContain(`HTTP/1.1 ${status}\r\n`);
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
    expect(JSON.parse(body)).toEqual({
      message: `not a valid HTTP request (${status})`,
      code: 'invalid_parameter',
    });
    expect(await isServed(socket)).toBe(true);
  });

  test('random bytes never hurt the daemon', async () => {
    const { socket } = await listeningApi();
    for (let seed = 1; seed <= 50; seed++) {
      await talk(
        socket,
        Uint8Array.from({ length: seed * 7 }, (_, i) => (seed * 31 + i * i * 17) & 0xff),
      );
    }
    expect(await isServed(socket)).toBe(true);
  });

  test('a body cut short changes nothing', async () => {
    const { socket, controller } = await listeningApi();
    const head = 'POST /fairlead/v1/networks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
    await talk(socket, `${head}content-length: 100\r\n\r\n{"name":"lab"}`);
    expect(controller.networks()).toHaveLength(3);
    expect(await isServed(socket)).toBe(true);
  });

  test('a connection closed for writing is still answered', async () => {
    const { socket } = await listeningApi();
    const answer = await talk(socket, 'GET /fairlead/v1/version HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(answer).toContain('"version":"1.2.3"');
  });

  test('a client that says nothing does not keep the server from closing', async () => {
    const { socket, server } = await listeningApi();
    const silent = connect(socket);
    await new Promise((resolve) => silent.once('connect', resolve));
    const closed = new Promise((resolve) => silent.once('close', resolve));
    silent.resume();
    await server.close();
    await closed;
  });
});

describe('the client', () => {
  test.each([
    ['no such socket; is netd running?', async (path: string) => void path],
    ['nothing listens there; is netd running?', (path: string) => writeFile(path, '')],
  ])('says %s', async (reason, prepare) => {
    const path = join(await testDirectory(), 'api.sock');
    await prepare(path);
    await expect(new Client(path).version()).rejects.toMatchObject({
      code: 'unavailable',
      message: `cannot reach netd at unix://${path}: ${reason}`,
    });
  });

  test('says when the connection is cut', async () => {
    const path = join(await testDirectory(), 'api.sock');
    const cutter = createNetServer((connection) => connection.destroy());
    await new Promise<void>((resolve) => cutter.listen(path, resolve));
    await chmod(path, 0o600);
    await expect(new Client(path).version()).rejects.toMatchObject({ code: 'unavailable' });
    await new Promise((resolve) => cutter.close(resolve));
  });

  test('says when a stream breaks off', async () => {
    const path = join(await testDirectory(), 'api.sock');
    const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n';
    const breaker = createNetServer((connection) => {
      connection.once('data', () => connection.end(head));
    });
    await new Promise<void>((resolve) => breaker.listen(path, resolve));
    onTestFinished(() => void breaker.close());
    const lost = { code: 'unavailable', message: `the connection to netd at unix://${path} was lost` };
    const chunks = new Client(path).logs('job', { follow: true });
    expect(String((await chunks.next()).value)).toBe('one');
    await expect(chunks.next()).rejects.toMatchObject(lost);
    await expect(new Client(path).events({ filters: [] }).next()).rejects.toMatchObject(lost);
    await expect(new Client(path).version()).rejects.toMatchObject(lost);
  });

  test('gives refusals their code back', async () => {
    const { socket } = await listeningApi();
    await expect(new Client(socket).network('lab')).rejects.toMatchObject({
      name: 'NetError',
      code: 'not_found',
      message: 'no network lab',
    });
  });
});

test.each([
  ['root:x:0:\nfairlead:x:117:ann\n', 117],
  ['root:x:0:\n', undefined],
  ['fairlead:x::\n', undefined],
])('the group file %j gives %s', (file, id) => {
  expect(groupId(file, 'fairlead')).toBe(id);
});
