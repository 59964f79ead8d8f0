// Published ports the kernel cannot translate, asked from everywhere: `::1`, and addresses of the other family than the sandbox's.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, ask, expectSilence, startHostServer, startServer } from '../support/peers.ts';
import type { Netd, TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';
import { waitUntil } from '../support/wait-until.ts';

describe.each(['nftables', 'iptables'])('with %s', (firewall) => {
  let topology: Topology;
  let host: TestHost;
  let outside: TestHost;
  let netd: Netd;
  const start = async () => {
    netd = await host.netd('--firewall', firewall);
  };

  beforeAll(async () => {
    topology = await Topology.start('host', 'outside');
    host = topology.host('host');
    outside = topology.host('outside');
    await start();
    await host.net('create', '--subnet', '10.76.4.0/24', 'four');
    await host.net('create', '--ipv6', '--no-ipv4', '--subnet', 'fd76:6::/64', 'six');
    await host.net('create', '--ipv6', 'both');
    await host.net('create', '--internal', '--subnet', '10.76.7.0/24', '--subnet', 'fd76:7::/64', 'inner');
    await startServer(host, 'inner', '--network', 'inner');
    await startServer(host, 'four', '--network', 'four', '-p', '8080:80', '-p', '[::1]:8083:80');
    const askers = `target=80,published=8084,from=${topology.address6('outside')},from=10.0.0.0/8`;
    await host.net('publish', 'four', askers);
    await startServer(host, 'six', '--network', 'six', '-p', '8081:80');
    await startServer(host, 'both', '--network', 'both', '-p', '8082:80');
    // The relay takes connections before anybody listens behind it, and resets them.
    for (const port of [8080, 8081, 8082]) {
      const answers = () =>
        ask({ host }, '::1', port).then(
          () => true,
          () => false,
        );
      await waitUntil(`port ${port} is answered`, answers);
    }
  });

  afterAll(() => topology[Symbol.asyncDispose]());

  test.each([
    ['four', 8080, '::1'],
    ['four', 8080, '127.0.0.1'],
    ['four', 8083, '::1'],
    ['six', 8081, '::1'],
    ['six', 8081, '127.0.0.1'],
    ['both', 8082, '::1'],
    ['both', 8082, '127.0.0.1'],
  ])('%s answers the host itself at port %i of %s', async (server, port, address) => {
    expect(await ask({ host }, address, port)).toMatchObject({ server });
  });

  test.each([4, 6] as const)('each sandbox answers outside over IPv%i', async (family) => {
    const address = family === 4 ? topology.address('host') : topology.address6('host');
    for (const [server, port] of [
      ['four', 8080],
      ['six', 8081],
      ['both', 8082],
    ] as const) {
      expect(await ask({ host: outside }, address, port)).toMatchObject({ server });
    }
  });

  test.each([4, 6] as const)('each sandbox answers a sandbox over IPv%i', async (family) => {
    const address = family === 4 ? topology.address('host') : topology.address6('host');
    for (const [server, port] of [
      ['four', 8080],
      ['six', 8081],
      ['both', 8082],
    ] as const) {
      expect(await ask({ host, sandbox: 'both' }, address, port)).toMatchObject({ server });
    }
  });

  test('who asks is seen within a family; through the relay it is the host’s address on the network', async () => {
    const seen = async (address: string, port: number) => (await ask({ host: outside }, address, port)).asker;
    expect(await seen(topology.address('host'), 8080)).toBe(topology.address('outside'));
    expect(await seen(topology.address6('host'), 8080)).toBe('10.76.4.1');
    expect(await seen(topology.address6('host'), 8081)).toBe(topology.address6('outside'));
    expect(await seen(topology.address('host'), 8081)).toBe('fd76:6::1');
  });

  test('a port of ::1 is for the host alone', async () => {
    expect(await ask({ host }, '::1', 8083)).toMatchObject({ server: 'four' });
    await expectSilence({ host: outside }, topology.address6('host'), 8083);
  });

  test('a port for some is relayed to them alone', async () => {
    expect(await ask({ host: outside }, topology.address6('host'), 8084)).toMatchObject({ server: 'four' });
    await expectSilence({ host }, '::1', 8084);
    await expectSilence({ host }, topology.address6('host'), 8084);
  });

  test.each([
    ['fd76:7::1', 8080],
    ['10.76.7.1', 8081],
  ])('nothing is relayed for a sandbox of an internal network: %s port %i', async (gateway, port) => {
    expect(await ask({ host, sandbox: 'both' }, gateway, port)).toBeDefined();
    await expectSilence({ host, sandbox: 'inner' }, gateway, port);
  });

  test('UDP is relayed too, and answers come from where it was asked', async () => {
    const echo = ['socat', '-T5', 'UDP4-RECVFROM:5300,fork', 'SYSTEM:cat'];
    await host.net('run', '-d', '--name', 'echo', '--network', 'four', '-p', '5300:5300/udp', '--', ...echo);
    for (const [place, address] of [
      [host, '::1'],
      [outside, topology.address6('host')],
    ] as const) {
      const answer = await waitUntil(`${address} answers`, async () => {
        const asking = ['socat', '-T1', 'STDIO', `UDP6:[${address}]:5300`];
        const { stdout } = await place.attempt(asking, { input: 'who?' });
        return stdout === '' ? undefined : stdout;
      });
      expect(answer).toBe('who?');
    }
  });

  test('both addresses are listed, as Docker lists them', async () => {
    expect((await host.net('port', 'four')).split('\n')).toEqual(
      expect.arrayContaining(['80/tcp -> 0.0.0.0:8080', '80/tcp -> [::]:8080', '80/tcp -> [::1]:8083']),
    );
    const ports = JSON.parse(await host.net('port', 'six', '--format', 'json'));
    const address = await addressOf(host, 'six', 'eth0', 6);
    expect(ports).toMatchObject([
      { hostAddress: '0.0.0.0', hostPort: 8081, address },
      { hostAddress: '::', hostPort: 8081, address },
    ]);
    await host.net('check');
  });

  test('sctp is not relayed, and says so', async () => {
    const { status, stderr } = await host.tryNet('publish', 'four', '[::1]:8090:80/sctp');
    expect(status).toBe(1);
    expect(stderr).toContain('sctp is not relayed');
    await host.net('publish', 'four', '8090:80/sctp');
    expect(await host.net('port', 'four')).not.toContain('[::]:8090');
    await host.net('unpublish', 'four', '8090/sctp');
  });

  test('the next netd takes the ports up again', async () => {
    await netd.kill9();
    await expectSilence({ host }, '::1', 8080);
    await start();
    for (const [server, port] of [
      ['four', 8080],
      ['six', 8081],
      ['both', 8082],
    ] as const) {
      expect(await ask({ host }, '::1', port)).toMatchObject({ server });
    }
  });

  test('a sandbox that has left its network answers no longer, and its port is free', async () => {
    await host.net('disconnect', 'six', 'six');
    await expectSilence({ host }, '127.0.0.1', 8081);
    const other = startHostServer(host, 'other', 8081);
    expect(await ask({ host }, '::1', 8081)).toMatchObject({ server: 'other' });
    await other.end('SIGTERM');
  });
});
