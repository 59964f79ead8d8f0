// Publishing and taking back ports of a sandbox that runs: ranges, protocols, addresses, askers, and what is refused.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { PortView } from '../../src/model/view.ts';
import { ask, expectSilence, startServer } from '../support/peers.ts';
import type { Netd, TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';

let topology: Topology;
let host: TestHost;
let outside: TestHost;
let netd: Netd;

beforeAll(async () => {
  topology = await Topology.start('host', 'outside');
  host = topology.host('host');
  outside = topology.host('outside');
  netd = await host.netd();
  await host.net('create', '--ipv6', 'lab');
  for (const name of ['web', 'db']) await startServer(host, name, '--network', 'lab');
});

afterEach(async () => {
  for (const { sandboxName, hostPort, protocol } of await host.netJson<PortView[]>('port'))
    await host.tryNet('unpublish', sandboxName, `${hostPort}/${protocol}`);
});
afterAll(() => topology[Symbol.asyncDispose]());

const publish = (...ports: readonly string[]) => host.net('publish', 'web', ...ports);
const unpublish = (...ports: readonly string[]) => host.net('unpublish', 'web', ...ports);
const ports = async () => (await host.netJson<PortView[]>('port', 'web')).map(summary);
const summary = ({ hostAddress, hostPort, port, protocol }: PortView) =>
  `${hostAddress} ${hostPort}:${port}/${protocol}`;
const everywhere = (...texts: readonly string[]) =>
  texts.flatMap((text) => [`0.0.0.0 ${text}`, `:: ${text}`]);

test('a range is published pair by pair, and taken back in parts', async () => {
  await publish('9000-9003:80-83');
  expect(await ports()).toEqual(everywhere('9000:80/tcp', '9001:81/tcp', '9002:82/tcp', '9003:83/tcp'));
  expect(await ask({ host: outside }, topology.address('host'), 9000)).toMatchObject({ server: 'web' });
  await unpublish('9001-9002');
  expect(await ports()).toEqual(everywhere('9000:80/tcp', '9003:83/tcp'));
  expect(await ask({ host: outside }, topology.address6('host'), 9000)).toMatchObject({ server: 'web' });
  await unpublish('9000', '9003');
  await expectSilence({ host: outside }, topology.address('host'), 9000);
});

test('a range for one port gives the first that is free', async () => {
  await publish('9100-9105:80');
  await publish('9100-9105:80');
  expect(await ports()).toEqual(everywhere('9100:80/tcp', '9101:80/tcp'));
});

test('a port for some answers them and nobody else, and says who they are', async () => {
  const from = [topology.address('outside'), topology.address6('outside')];
  await publish(`target=80,published=9200,${from.map((one) => `from=${one}`).join(',')}`);
  for (const address of [topology.address('host'), topology.address6('host')]) {
    expect(await ask({ host: outside }, address, 9200)).toMatchObject({ server: 'web' });
    await expectSilence({ host }, address, 9200);
    await expectSilence({ host, sandbox: 'db' }, address, 9200);
  }
  expect(await host.net('port', 'web')).toBe(
    `80/tcp -> 0.0.0.0:9200 from ${from[0]}\n80/tcp -> [::]:9200 from ${from[1]}`,
  );
  expect(await host.netJson('port', 'web')).toMatchObject([
    { from: [`${from[0]}/32`] },
    { from: [`${from[1]}/128`] },
  ]);
});

test('a port for askers of one family is left alone for the other', async () => {
  await publish('target=80,published=9210,from=192.0.2.0/24');
  expect(await ports()).toEqual(['0.0.0.0 9210:80/tcp']);
  await host.net('publish', 'db', '[::]:9210:80');
  expect(await ask({ host: outside }, topology.address6('host'), 9210)).toMatchObject({ server: 'db' });
});

test('one number is published on several addresses and for every protocol', async () => {
  await publish('127.0.0.1:9300:80', `${topology.address('host')}:9300:80`, '9300:80/udp', '9300:80/sctp');
  expect((await ports()).sort()).toEqual(
    [
      ...everywhere('9300:80/sctp', '9300:80/udp'),
      `127.0.0.1 9300:80/tcp`,
      `${topology.address('host')} 9300:80/tcp`,
    ].sort(),
  );
  expect(await ask({ host }, '127.0.0.1', 9300)).toMatchObject({ server: 'web' });
  expect(await ask({ host: outside }, topology.address('host'), 9300)).toMatchObject({ server: 'web' });
  await unpublish('9300/sctp', '9300/udp', '9300');
  expect(await ports()).toEqual([]);
});

test('ports are as they were after netd was killed and started anew', async () => {
  await publish('target=80,published=9400,from=10.99.0.0/24', '9401-9402:81-82');
  const before = await host.netJson('port', 'web');
  await netd.kill9();
  netd = await host.netd();
  expect(await host.netJson('port', 'web')).toEqual(before);
  expect(await ask({ host: outside }, topology.address('host'), 9400)).toMatchObject({ server: 'web' });
  expect(await host.tryNet('check')).toMatchObject({ status: 0 });
  await unpublish('9400-9402');
});

test.each([
  [['publish', 'web', '9500:80'], 'port 9500/tcp on 0.0.0.0 is published by sandbox db'],
  [['publish', 'web', '9499-9501:80-82'], 'port 9500/tcp on 0.0.0.0 is published by sandbox db'],
  [['publish', 'web', '9500-9500:80'], 'port 9500/tcp on 0.0.0.0 is published by sandbox db'],
  [['publish', 'web', '9600-9601:80-82'], '2 host ports cannot be paired with 3 ports'],
  [['publish', 'web', '192.0.2.1:9600:80'], '192.0.2.1 is not an address of this host'],
  [
    ['publish', 'web', 'target=80,from=10.0.0.1/8'],
    'from: 10.0.0.1/8 has host bits set; the subnet is 10.0.0.0/8',
  ],
  [
    ['publish', 'web', 'target=80,host-ip=127.0.0.1,from=fd00::/8'],
    'none of fd00::/8 can use it, as it is published for IPv4 (127.0.0.1) alone',
  ],
  [['publish', '--network', 'host', 'web', '80'], 'sandbox web is not connected to network host'],
  [['unpublish', 'web', '9500'], 'sandbox web has not published host port 9500/tcp'],
  [['unpublish', 'db', '9500-9501'], 'sandbox db has not published host port 9501/tcp'],
  [['unpublish', 'db', '9500/udp'], 'sandbox db has not published host port 9500/udp'],
])('net %j is refused, and changes nothing', async (args, message) => {
  await host.net('publish', 'db', '9500:80');
  const { status, stderr } = await host.tryNet(...args);
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(message) });
  expect(await ports()).toEqual([]);
  expect(await ask({ host: outside }, topology.address('host'), 9500)).toMatchObject({ server: 'db' });
});
