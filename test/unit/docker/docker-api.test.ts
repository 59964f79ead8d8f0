// Docker's API as a client meets it: real HTTP, with answers that are as they should be and others that are not.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DockerApi } from '../../../src/docker/docker-api.ts';
import { FakeDockerd } from '../../support/fake-dockerd.ts';

const id = 'c1'.padEnd(64, '0');

let directory: string;
let socket: string;
let dockerd: FakeDockerd;
let api: DockerApi;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'docker-api-'));
  socket = join(directory, 'docker.sock');
  dockerd = await FakeDockerd.listen(socket);
  api = new DockerApi(socket);
});

afterEach(async () => {
  vi.useRealTimers();
  api.close();
  await dockerd[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

test('networks are read with the subnets and addresses they keep', async () => {
  dockerd.networks = [
    {
      Id: 'n1',
      Name: 'lab',
      Driver: 'fairlead',
      IPAM: {
        Config: [
          { Subnet: '10.1.0.7/24', Gateway: '10.1.0.1', AuxiliaryAddresses: { printer: '10.1.0.9' } },
          { Subnet: 'FD00:0:0::/64' },
        ],
      },
    },
    { Id: 'n2', Name: 'none', IPAM: { Driver: 'default', Options: null, Config: null } },
  ];
  expect(await api.networks()).toEqual([
    { id: 'n1', name: 'lab', subnets: ['10.1.0.0/24', 'fd00::/64'], addresses: ['10.1.0.1', '10.1.0.9'] },
    { id: 'n2', name: 'none', subnets: [], addresses: [] },
  ]);
});

test('a container is read with the names it has on each network', async () => {
  const lab = {
    EndpointID: 'e1',
    IPAddress: '10.1.0.2',
    GlobalIPv6Address: '',
    Aliases: ['db', 'c10000000000'],
  };
  const old = {
    EndpointID: 'e2',
    IPAddress: '',
    GlobalIPv6Address: 'fd00::2',
    Aliases: null,
    DNSNames: null,
  };
  const recent = { EndpointID: 'e3', IPAddress: '10.2.0.2', Aliases: ['db'], DNSNames: ['web', 'db'] };
  const stopped = { EndpointID: '', IPAddress: '' };
  dockerd.containers = [
    { id, name: 'web', hostname: 'w', pid: 7, sandboxKey: '/x', networks: { lab, old, recent, stopped } },
  ];
  expect(await api.container('web')).toEqual({
    id,
    name: 'web',
    hostname: 'w',
    running: true,
    pid: 7,
    networkMode: '',
    sandboxKey: '/x',
    endpoints: [
      { id: 'e1', addresses: ['10.1.0.2'], names: ['db', 'c10000000000'] },
      { id: 'e2', addresses: ['fd00::2'], names: [] },
      { id: 'e3', addresses: ['10.2.0.2'], names: ['db', 'web'] },
    ],
  });
});

test('a container that is not there is not found', async () => {
  await expect(api.container('web')).rejects.toMatchObject({ code: 'not_found' });
});

test.each([
  ['no JSON', 'oops'],
  ['half of it', '[{"Id":"c1","Netw'],
  ['an object for a list', '{"message":"nope"}'],
  ['a list of something else', '[7]'],
  ['no id', '[{"Names":["/web"]}]'],
  ['networks that are none', '[{"Id":"c1","NetworkSettings":{"Networks":"all"}}]'],
  ['an endpoint id that is none', '[{"Id":"c1","NetworkSettings":{"Networks":{"lab":{"EndpointID":7}}}}]'],
])('a list of containers that is %s is no list without containers', async (_, body) => {
  dockerd.answer = (_path, response) => Boolean(response.end(body));
  await expect(api.containers()).rejects.toMatchObject({ code: 'unavailable' });
});

test('an answer that is cut is no answer', async () => {
  dockerd.answer = (_path, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('[', () => response.destroy());
    return true;
  };
  await expect(api.networks()).rejects.toMatchObject({ code: 'unavailable' });
});

test('a refusal says why and names the socket', async () => {
  dockerd.answer = (_path, response) => {
    response.writeHead(500).end('{"message":"out of order"}');
    return true;
  };
  await expect(api.networks()).rejects.toThrow(
    `cannot ask Docker at unix://${socket}: status 500: {"message":"out of order"}`,
  );
  await expect(api.events()).rejects.toMatchObject({ code: 'unavailable' });
});

test('what speaks no HTTP is not Docker', async () => {
  const path = join(directory, 'other.sock');
  const server = createServer(
    (connection) =>
      void connection
        .on('error', () => {})
        .resume()
        .end('hello\r\n\r\n'),
  );
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await expect(new DockerApi(path).networks()).rejects.toMatchObject({ code: 'unavailable' });
  await new Promise((resolve) => server.close(resolve));
});

test.each([
  ['no socket', 'absent.sock', 'no such socket; is dockerd running?'],
  ['a file', 'file.sock', 'nothing listens there; is dockerd running?'],
])('%s means that Docker is not there', async (_, name, reason) => {
  const path = join(directory, name);
  writeFileSync(join(directory, 'file.sock'), '');
  await expect(new DockerApi(path).networks()).rejects.toMatchObject({
    code: 'unavailable',
    message: `cannot ask Docker at unix://${path}: ${reason}`,
  });
});

test.each([
  ['before its head', false],
  ['in the middle', true],
])('an answer that does not go on %s is given up after ten seconds', async (_, begins) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const waiting = new Promise<void>((resolve) => {
    dockerd.answer = (_path, response) => {
      if (begins) response.write('[', () => resolve());
      else resolve();
      return true;
    };
  });
  const refused = expect(api.networks()).rejects.toThrow('no answer within 10 s');
  await waiting;
  await vi.advanceTimersByTimeAsync(10_000);
  await refused;
});

test('events come one by one, whatever is between them', async () => {
  const events = await api.events();
  dockerd.emit('network', 'create', 'n1', { name: 'lab', type: 'fairlead' });
  expect((await events.next()).value).toEqual({
    type: 'network',
    action: 'create',
    id: 'n1',
    attributes: { name: 'lab', container: '' },
  });
  dockerd.write('no json\n\n');
  expect((await events.next()).value).toBe('unreadable');
  dockerd.write(`${'x'.repeat(2 * 1024 * 1024)}\n`);
  expect((await events.next()).value).toBe('unreadable');
  dockerd.emit('network', 'connect', 'n1', { container: id });
  expect((await events.next()).value).toMatchObject({ action: 'connect', attributes: { container: id } });
});

test('events that end in the middle of a line end without that one', async () => {
  const events = await api.events();
  dockerd.write('{"Type":"netw');
  dockerd.emit('network', 'create', 'n1');
  expect((await events.next()).value).toBe('unreadable');
  dockerd.write('{"Type":"network","Action":"crea');
  const next = events.next();
  dockerd.cut();
  await expect(next).rejects.toMatchObject({ code: 'unavailable' });
});

test('of events only those are asked for that change names, from just before on', async () => {
  await api.events();
  const [query] = dockerd.queries;
  expect(JSON.parse(query?.get('filters') ?? '')).toEqual({
    type: { network: true, container: true },
    event: { create: true, connect: true, rename: true },
  });
  const now = Date.now() / 1000;
  expect(Number(query?.get('since'))).toBeGreaterThan(now - 60);
  expect(Number(query?.get('since'))).toBeLessThan(now);
});

test('closing cuts short what goes on', async () => {
  dockerd.answer = (path) => path === '/networks';
  const events = await api.events();
  const outcomes = Promise.allSettled([api.networks(), events.next()]);
  api.close();
  const unavailable = { status: 'rejected', reason: { code: 'unavailable' } };
  expect(await outcomes).toMatchObject([unavailable, unavailable]);
  await expect(api.containers()).rejects.toMatchObject({ code: 'unavailable' });
});
