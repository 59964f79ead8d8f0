// What networks keep apart, and what they let through.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, ask, expectSilence, resolve, startHostServer, startServer } from '../support/peers.ts';
import type { TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';

let topology: Topology;
let host: TestHost;

beforeAll(async () => {
  topology = await Topology.start('host', 'outside');
  host = topology.host('host');
  await host.netd();
  startHostServer(topology.host('outside'), 'world', 80);
  await ask({ host }, topology.address('outside'));
});

afterAll(() => topology[Symbol.asyncDispose]());

describe('an ordinary network', () => {
  test('reaches the world under the host’s address', async () => {
    await host.net('create', 'plain');
    await startServer(host, 'inner', '--network', 'plain');
    const answer = await ask({ host, sandbox: 'inner' }, topology.address('outside'));
    expect(answer).toEqual({ server: 'world', asker: topology.address('host') });
  });

  test('is not reached from another network', async () => {
    await host.net('create', 'apart');
    await startServer(host, 'apart', '--network', 'apart');
    expect(await ask({ host }, await addressOf(host, 'inner'))).toMatchObject({ server: 'inner' });
    await expectSilence({ host, sandbox: 'apart' }, await addressOf(host, 'inner'));
  });

  test('keeps its own source address when masquerade is off', async () => {
    await host.net('create', '-o', 'masquerade=false', '--subnet', '10.77.0.0/24', 'bare');
    await topology
      .host('outside')
      .run(['ip', 'route', 'add', '10.77.0.0/24', 'via', topology.address('host')]);
    await startServer(host, 'bare', '--network', 'bare');
    const answer = await ask({ host, sandbox: 'bare' }, topology.address('outside'));
    expect(answer).toEqual({ server: 'world', asker: await addressOf(host, 'bare') });
  });
});

describe('an internal network', () => {
  beforeAll(async () => {
    await host.net('create', '--internal', 'vault');
    await startServer(host, 'safe', '--network', 'vault');
    await startServer(host, 'safe-too', '--network', 'vault');
  });

  test('connects its own', async () => {
    expect(await ask({ host, sandbox: 'safe' }, 'safe-too')).toMatchObject({ server: 'safe-too' });
  });

  test('does not reach the world, by address or by name', async () => {
    await expectSilence({ host, sandbox: 'safe' }, topology.address('outside'));
    expect(await resolve(host, 'safe', 'example.com')).toEqual([]);
  });
});

describe('a network with icc=false', () => {
  beforeAll(async () => {
    await host.net('create', '-o', 'icc=false', 'strangers');
    await startServer(host, 'one', '--network', 'strangers');
    await startServer(host, 'two', '--network', 'strangers');
  });

  test('keeps its own apart', async () => {
    expect(await ask({ host }, await addressOf(host, 'two'))).toMatchObject({ server: 'two' });
    await expectSilence({ host, sandbox: 'one' }, await addressOf(host, 'two'));
  });

  test('reaches the world', async () => {
    expect(await ask({ host, sandbox: 'one' }, topology.address('outside'))).toMatchObject({
      server: 'world',
    });
  });
});

describe('a network with IPv6', () => {
  beforeAll(async () => {
    await host.net('create', '--ipv6', 'dual');
    await host.net('create', '--ipv6', '--no-ipv4', 'six');
    await startServer(host, 'left', '--network', 'dual');
    await startServer(host, 'right', '--network', 'dual');
    await startServer(host, 'sixth', '--network', 'six');
    await startServer(host, 'seventh', '--network', 'six');
  });

  test('gives both kinds of address, and names for both', async () => {
    expect(await resolve(host, 'left', 'right', 'A')).toEqual([await addressOf(host, 'right', 'eth0', 4)]);
    expect(await resolve(host, 'left', 'right', 'AAAA')).toEqual([await addressOf(host, 'right', 'eth0', 6)]);
  });

  test('connects over both', async () => {
    for (const family of [4, 6]) {
      const address = await addressOf(host, 'right', 'eth0', family);
      expect(await ask({ host, sandbox: 'left' }, address)).toMatchObject({ server: 'right' });
    }
  });

  test('reaches the world under the host’s IPv6 address', async () => {
    const answer = await ask({ host, sandbox: 'left' }, topology.address6('outside'));
    expect(answer).toEqual({ server: 'world', asker: topology.address6('host') });
  });

  test('works without IPv4, names included', async () => {
    const address = await addressOf(host, 'seventh', 'eth0', 6);
    expect(await resolve(host, 'sixth', 'seventh', 'AAAA')).toEqual([address]);
    expect(await resolve(host, 'sixth', 'seventh', 'A')).toEqual([]);
    expect(await ask({ host, sandbox: 'sixth' }, address)).toMatchObject({ server: 'seventh' });
  });
});
