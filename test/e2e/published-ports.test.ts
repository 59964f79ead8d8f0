// A published port, asked from everywhere it should and should not answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, ask, expectSilence, startServer } from '../support/peers.ts';
import type { TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';
import { waitUntil } from '../support/wait-until.ts';

let topology: Topology;
let host: TestHost;
let outside: TestHost;

beforeAll(async () => {
  topology = await Topology.start('host', 'outside');
  host = topology.host('host');
  outside = topology.host('outside');
  await host.netd();
  await host.net('create', '--ipv6', 'lab');
  await host.net('create', 'other');
  await startServer(host, 'web', '--network', 'lab', '-p', '8080:80', '-p', '127.0.0.1:8081:80');
  await startServer(host, 'neighbour', '--network', 'lab');
  await startServer(host, 'stranger', '--network', 'other');
  await ask({ host, sandbox: 'web' }, '127.0.0.1');
});

afterAll(() => topology[Symbol.asyncDispose]());

describe('a published port', () => {
  test('answers from outside, and the server sees who asks', async () => {
    const answer = await ask({ host: outside }, topology.address('host'), 8080);
    expect(answer).toEqual({ server: 'web', asker: topology.address('outside') });
  });

  test('answers from outside over IPv6', async () => {
    const answer = await ask({ host: outside }, topology.address6('host'), 8080);
    expect(answer).toEqual({ server: 'web', asker: topology.address6('outside') });
  });

  test.each([
    ['its address on the wire', () => topology.address('host')],
    ['127.0.0.1', () => '127.0.0.1'],
    ['its IPv6 address on the wire', () => topology.address6('host')],
  ])('answers the host itself at %s', async (_, address) => {
    expect(await ask({ host }, address(), 8080)).toMatchObject({ server: 'web' });
  });

  test.each([['neighbour'], ['web'], ['stranger']])('answers %s at the host’s address', async (sandbox) => {
    expect(await ask({ host, sandbox }, topology.address('host'), 8080)).toMatchObject({ server: 'web' });
  });

  test('answers at 127.0.0.1 only when published there', async () => {
    expect(await ask({ host }, '127.0.0.1', 8081)).toMatchObject({ server: 'web' });
    await expectSilence({ host: outside }, topology.address('host'), 8081);
  });

  test.each(['all', 'default', 'eth0'])('leaves loopback addresses unroutable on %s', async (name) => {
    const setting = `net.ipv4.conf.${name}.route_localnet`;
    expect(await host.run(['sysctl', '-n', setting])).toBe('0');
  });

  test('is the only way in: the sandbox’s own address is not reached from outside', async () => {
    const address = await addressOf(host, 'web');
    await outside.run(['ip', 'route', 'add', address, 'via', topology.address('host')]);
    await expectSilence({ host: outside }, address);
  });

  test('is listed with the address it is bound to', async () => {
    const ports = (await host.net('port', 'web')).split('\n').map((line) => line.trim());
    expect(ports).toContain('80/tcp -> 0.0.0.0:8080');
    expect(ports).toContain('80/tcp -> 127.0.0.1:8081');
  });

  test('is held on the host: no other process may bind it', async () => {
    const { status, stderr } = await host.attempt(['socat', 'TCP-LISTEN:8080,bind=0.0.0.0', 'STDOUT']);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/in use/);
  });

  test('still answers after somebody flushed the whole ruleset', async () => {
    await host.run(['nft', 'flush', 'ruleset']);
    await waitUntil('the port answers again', async () => {
      const { server } = await ask({ host: outside }, topology.address('host'), 8080);
      return server === 'web';
    });
    await host.net('check');
  });

  test('is silent once its process has gone', async () => {
    await startServer(host, 'brief', '--network', 'lab', '-p', '8090:80');
    expect(await ask({ host: outside }, topology.address('host'), 8090)).toMatchObject({ server: 'brief' });
    await host.net('stop', 'brief');
    await host.net('sandbox', 'rm', 'brief');
    await expectSilence({ host: outside }, topology.address('host'), 8090);
    expect(await host.net('port')).not.toMatch(/8090/);
  });
});

describe('a published UDP port', () => {
  test('answers from outside, also after its server was replaced', async () => {
    for (const name of ['first', 'second']) {
      const echo = ['socat', '-T1', 'UDP-RECVFROM:5300,fork', `SYSTEM:echo ${name}`];
      await host.net('run', '-d', '--name', name, '--network', 'lab', '-p', '5353:5300/udp', '--', ...echo);
      const answer = await waitUntil(`${name} answers`, async () => {
        const target = `UDP:${topology.address('host')}:5353,sourceport=40000`;
        const { stdout } = await outside.attempt(['socat', '-T1', 'STDIO', target], { input: 'who?\n' });
        return stdout.trim() === '' ? undefined : stdout.trim();
      });
      expect(answer).toBe(name);
      await host.net('stop', name);
      await host.net('sandbox', 'rm', name);
    }
  });
});
