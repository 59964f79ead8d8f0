// Gateway modes as `net` makes them: who reaches what, what is shown, and what is refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, ask, expectSilence, startHostServer, startServer } from '../support/peers.ts';
import type { Netd, TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';

const label = 'com.docker.network.bridge';
const subnets = { 4: '10.70.0.0/24', 6: 'fd70::/64' } as const;

let topology: Topology;
let host: TestHost;
let outside: TestHost;
let netd: Netd;

beforeAll(async () => {
  topology = await Topology.start('host', 'outside');
  host = topology.host('host');
  outside = topology.host('outside');
  netd = await host.netd();
  startHostServer(outside, 'world', 80);
  await outside.run(['ip', 'route', 'add', '10.70.0.0/16', 'via', topology.address('host')]);
  await outside.run(['ip', 'route', 'add', 'fd70::/32', 'via', topology.address6('host')]);
  await ask({ host }, topology.address('outside'));
});

afterAll(() => topology[Symbol.asyncDispose]());

describe.each([4, 6] as const)('a routed network, over IPv%i', (family) => {
  const name = `routed${family}`;
  const web = `web${family}`;
  const hostAddress = () => (family === 4 ? topology.address('host') : topology.address6('host'));
  const outsideAddress = () => (family === 4 ? topology.address('outside') : topology.address6('outside'));

  beforeAll(async () => {
    const families = family === 4 ? [] : ['--ipv6', '--no-ipv4'];
    const option = `${label}.gateway_mode_ipv${family}=routed`;
    await host.net('create', ...families, '--subnet', subnets[family], '-o', option, name);
    await startServer(host, web, '--network', name, '-p', '8080:80');
    await startServer(host, `shut${family}`, '--network', name);
    await ask({ host, sandbox: web }, await addressOf(host, `shut${family}`, 'eth0', family));
  });

  test('a published port is reached at the sandbox itself, and nothing else there', async () => {
    const own = await addressOf(host, web, 'eth0', family);
    expect(await ask({ host: outside }, own)).toEqual({ server: web, asker: outsideAddress() });
    await expectSilence({ host: outside }, await addressOf(host, `shut${family}`, 'eth0', family));
  });

  test('the host holds no port, so any of it can have that', async () => {
    const stand = startHostServer(host, 'stand', 8080);
    expect(await ask({ host: outside }, hostAddress(), 8080)).toMatchObject({ server: 'stand' });
    await stand.end('SIGTERM');
  });

  test('the world sees the sandbox’s own address', async () => {
    const answer = await ask({ host, sandbox: web }, outsideAddress());
    expect(answer).toEqual({ server: 'world', asker: await addressOf(host, web, 'eth0', family) });
  });

  test('the port is listed where it is reached, and taken back by its number', async () => {
    const own = await addressOf(host, web, 'eth0', family);
    const shown = family === 4 ? own : `[${own}]`;
    expect((await host.net('port', web)).trim()).toBe(`80/tcp -> ${shown}:80`);
    expect(JSON.parse(await host.net('port', web, '--format', 'json'))).toMatchObject([
      { port: 80, hostAddress: family === 4 ? '0.0.0.0' : '::', hostPort: 0, address: own },
    ]);
    await host.net('unpublish', web, '80');
    expect(await host.net('port', web)).toBe('');
    await expectSilence({ host: outside }, own);
    await host.net('publish', web, '80');
    expect(await ask({ host: outside }, own)).toMatchObject({ server: web });
  });

  test('netd takes it over after a crash', async () => {
    await netd.kill9();
    netd = await host.netd();
    const own = await addressOf(host, web, 'eth0', family);
    expect(await ask({ host: outside }, own)).toMatchObject({ server: web });
    await host.net('check');
  });
});

describe('an isolated network', () => {
  beforeAll(async () => {
    const modes = [4, 6].flatMap((family) => ['-o', `gateway_mode_ipv${family}=isolated`]);
    await host.net('create', '--internal', '--ipv6', '--subnet', '10.71.0.0/29', ...modes, 'island');
    await startServer(host, 'friday', '--network', 'island');
    await startServer(host, 'robinson', '--network', 'island');
  });

  test('connects its own, by name', async () => {
    expect(await ask({ host, sandbox: 'robinson' }, 'friday')).toMatchObject({ server: 'friday' });
  });

  test('the host has no address on it, and keeps none for a gateway', async () => {
    const [network] = JSON.parse(await host.net('inspect', '--format', 'json', 'island'));
    const bridge = network.options.bridge as string;
    expect(await host.run(['ip', '-o', 'address', 'show', 'dev', bridge])).toBe('');
    expect(network.ipam.pools.map((pool: { gateway?: string }) => pool.gateway)).toEqual([
      undefined,
      undefined,
    ]);
    expect(await addressOf(host, 'friday')).toBe('10.71.0.1');
  });

  test.each([4, 6])('host and sandbox do not reach each other over IPv%i', async (family) => {
    await expectSilence({ host }, await addressOf(host, 'friday', 'eth0', family));
    const stand = startHostServer(host, 'stand', 8099);
    const address = family === 4 ? topology.address('host') : topology.address6('host');
    expect(await ask({ host: outside }, address, 8099)).toMatchObject({ server: 'stand' });
    await expectSilence({ host, sandbox: 'friday' }, address, 8099);
    await stand.end('SIGTERM');
  });

  test('publishes nothing', async () => {
    const { status, stderr } = await host.tryNet('publish', 'friday', '80', '--network', 'island');
    expect(status).not.toBe(0);
    expect(stderr).toContain('network island is internal');
  });

  test('must be internal', async () => {
    const { status, stderr } = await host.tryNet('create', '-o', 'gateway_mode_ipv4=isolated', 'open');
    expect(status).not.toBe(0);
    expect(stderr).toContain('gateway mode isolated can only be used for an internal network');
    expect(await host.net('ls', '-q', '--filter', 'name=open')).toBe('');
  });
});

test('a network leaves with the addresses it was given, over both families', async () => {
  const [ipv4, ipv6] = ['10.99.0.77', 'fd99::77'];
  await host.run(['ip', 'address', 'add', `${ipv4}/24`, 'dev', 'eth0']);
  await host.run(['ip', 'address', 'add', `${ipv6}/64`, 'dev', 'eth0', 'nodad', 'preferred_lft', '0']);
  const sources = ['-o', `host_ipv4=${ipv4}`, '-o', `com.docker.network.host_ipv6=${ipv6}`];
  await host.net('create', '--ipv6', ...sources, 'sourced');
  await startServer(host, 'agent', '--network', 'sourced');
  const place = { host, sandbox: 'agent' };
  expect(await ask(place, topology.address('outside'))).toEqual({ server: 'world', asker: ipv4 });
  expect(await ask(place, topology.address6('outside'))).toEqual({ server: 'world', asker: ipv6 });
});

test('ports go to the network’s host_binding unless they say otherwise', async () => {
  await host.net('create', '-o', `${label}.host_binding_ipv4=127.0.0.1`, 'bound');
  await startServer(host, 'local', '--network', 'bound', '-p', '8070:80', '-p', '0.0.0.0:8071:80');
  expect(await ask({ host }, '127.0.0.1', 8070)).toMatchObject({ server: 'local' });
  expect(await ask({ host: outside }, topology.address('host'), 8071)).toMatchObject({ server: 'local' });
  await expectSilence({ host: outside }, topology.address('host'), 8070);
});

test('with inhibit_ipv4 the gateway’s address is for a sandbox on the network', async () => {
  await host.net('create', '--subnet', '10.72.0.0/24', '-o', 'inhibit_ipv4=true', 'lent');
  await startServer(host, 'guest', '--network', 'lent');
  const bridge = JSON.parse(await host.net('inspect', '--format', 'json', 'lent'))[0].options
    .bridge as string;
  expect(await host.run(['ip', '-4', '-o', 'address', 'show', 'dev', bridge])).toBe('');
  await expectSilence({ host }, await addressOf(host, 'guest'));
  const route = await host.net('exec', 'guest', '--', 'ip', '-4', 'route', 'show', 'default');
  expect(route).toContain('via 10.72.0.1');
  await startServer(host, 'router', '--network', 'lent');
  await host.net('exec', 'router', '--', 'ip', 'address', 'add', '10.72.0.1/24', 'dev', 'eth0');
  expect(await ask({ host, sandbox: 'guest' }, '10.72.0.1')).toMatchObject({ server: 'router' });
});
