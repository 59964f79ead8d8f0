// `net why --probe`: real packets from inside the namespaces, beside what the trace says, and nothing left of them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WhyView } from '../../src/model/why.ts';
import { addressOf, ask, startHostServer, startServer } from '../support/peers.ts';
import { TestHost } from '../support/test-host.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.start();
  await host.netd();
  await host.net('create', '--ipv6', '--subnet', '10.5.0.0/24', '--subnet', 'fd05::/64', 'lab');
  await host.net('create', '--subnet', '10.6.0.0/24', 'far');
  await startServer(host, 'web', '--network', 'lab', '-p', '8080:80');
  await host.net('run', '-d', '--name', 'peer', '--network', 'lab', '--', 'sleep', 'infinity');
  await host.net('run', '-d', '--name', 'stranger', '--network', 'far', '--', 'sleep', 'infinity');
  await ask({ host }, await addressOf(host, 'web'));
});
afterAll(() => host[Symbol.asyncDispose]());

async function probe(from: string, to: string) {
  const { status, stdout, stderr } = await host.tryNet('why', '--probe', '--format', 'json', from, to);
  if (stdout === '') throw new Error(stderr);
  return { status, ways: (JSON.parse(stdout) as WhyView).ways };
}

const agree = 'theory and practice agree';
const cases = [
  { from: 'peer', to: 'web:80', passes: true, answered: true, text: `is answered; ${agree}` },
  { from: 'host', to: 'web:80', passes: true, answered: true, text: `is answered; ${agree}` },
  { from: 'peer', to: 'web', passes: true, answered: true, text: 'an echo request from peer is answered' },
  { from: 'host', to: 'web', passes: true, answered: true, text: 'an echo request from host is answered' },
  { from: 'host', to: '127.0.0.1:8080', passes: true, answered: true, text: agree },
  { from: 'host', to: '[::1]:8080', passes: true, answered: true, text: agree },
  { from: 'stranger', to: 'web:80', passes: false, answered: false, text: agree },
  { from: 'stranger', to: '10.5.0.2', passes: false, answered: false, text: agree },
  { from: 'stranger', to: 'web:81/udp', passes: false, answered: false, text: agree },
  { from: 'stranger', to: '10.5.0.2:81', passes: false, answered: false, text: agree },
  // Nothing listens, which the way says; the listener that stands in is reached.
  { from: 'peer', to: 'web:81', passes: false, answered: true, text: 'by a listener put on 81/tcp for it' },
  {
    from: 'peer',
    to: 'web:53/udp',
    passes: false,
    answered: true,
    text: 'by a listener put on 53/udp for it',
  },
  { from: 'host', to: 'web:81', passes: false, answered: true, text: 'by a listener put on 81/tcp for it' },
  { from: 'peer', to: '10.5.0.1:4000', passes: false, answered: true, text: 'put on 4000/tcp for it' },
] as const;

test.each(cases)('from $from to $to: $text', async ({ from, to, passes, answered, text }) => {
  const { status, ways } = await probe(from, to);
  expect(ways.length).toBeGreaterThan(0);
  for (const way of ways) {
    expect(way.passes, way.steps.map((step) => step.text).join('; ')).toBe(passes);
    expect(way.probe).toEqual({ answered, agrees: true, text: expect.stringContaining(text) });
  }
  expect(status).toBe(passes ? 0 : 1);
});

test('of a machine outside it says that only that one can try', async () => {
  const { ways } = await probe('outside:lo', 'web:80');
  expect(ways[0]?.probe).toEqual({ text: expect.stringContaining('not tried') });
});

test('a service of UDP that keeps silent proves nothing', async () => {
  const server = host.spawn([
    'net',
    'exec',
    'web',
    '--',
    'socat',
    '-u',
    'UDP6-RECV:5300,ipv6only=0',
    'STDOUT',
  ]);
  await expect
    .poll(async () => host.net('exec', 'web', '--', 'ss', '-Huln', 'sport = :5300'))
    .toContain('5300');
  const { ways } = await probe('peer', 'web:5300/udp');
  await server.end('SIGTERM');
  for (const way of ways) {
    expect(way).toMatchObject({ passes: true, probe: { text: expect.stringContaining('may choose') } });
    expect(way.probe).not.toHaveProperty('agrees');
  }
});

test('a rule that only counts real packets makes practice differ from theory', async () => {
  await host.shell(`
    nft add table inet foreign
    nft 'add chain inet foreign sent { type filter hook output priority 0; }'
    nft add rule inet foreign sent ip daddr 10.5.0.2 tcp dport 80 limit rate over 1/hour burst 1 packets drop`);
  // The first connection has used up what the rate allows.
  await probe('host', '10.5.0.2:80');
  const { status, ways } = await probe('host', '10.5.0.2:80');
  await host.run(['nft', 'delete', 'table', 'inet', 'foreign']);
  expect(ways).toMatchObject([{ passes: true, probe: { answered: false, agrees: false } }]);
  expect(status).toBe(1);
});

test.each([
  { what: 'used up', bytes: 1, passes: false },
  { what: 'left', bytes: 1_000_000, passes: true },
])('a quota that is $what is judged as it stands', async ({ bytes, passes }) => {
  await host.shell(`
    nft add table inet foreign
    nft 'add chain inet foreign sent { type filter hook output priority 0; }'
    nft add rule inet foreign sent ip daddr 10.5.0.2 tcp dport 80 quota over ${bytes} bytes drop`);
  const { ways } = await probe('host', '10.5.0.2:80');
  await host.run(['nft', 'delete', 'table', 'inet', 'foreign']);
  expect(ways).toMatchObject([{ passes, probe: { answered: passes, agrees: true } }]);
});

test('of a connection that was there before it says that it goes on, and nothing once it has ended', async () => {
  const echo = host.spawn(['net', 'exec', 'web', '--', 'socat', 'TCP-LISTEN:7000,fork,reuseaddr', 'PIPE']);
  const client = host.spawn(['socat', 'TCP:10.5.0.2:7000,retry=50,interval=0.1', 'EXEC:"sleep infinity"']);
  const noted = async () => {
    const { stdout } = await host.tryNet('why', '--format', 'json', 'host', 'web:7000');
    const { ways } = JSON.parse(stdout) as WhyView;
    return ways.find(({ address }) => address === '10.5.0.2');
  };
  await expect.poll(async () => (await noted())?.note, { timeout: 10_000 }).toContain('answered by 10.5.0.2');
  await host.shell(`
    nft add table inet foreign
    nft 'add chain inet foreign sent { type filter hook output priority 0; }'
    nft add rule inet foreign sent ip daddr 10.5.0.2 ct state new drop`);
  expect(await noted()).toMatchObject({
    passes: false,
    note: expect.stringContaining('a connection of before is open'),
  });
  await host.run(['nft', 'delete', 'table', 'inet', 'foreign']);
  await client.end('SIGTERM');
  await expect.poll(async () => (await noted())?.note, { timeout: 10_000 }).toBeUndefined();
  await echo.end('SIGTERM');
});

test('nothing is left of it, and a port that was in use goes on', async () => {
  const server = startHostServer(host, 'old', 4001);
  await ask({ host }, '127.0.0.1', 4001);
  const [before, rules] = await Promise.all([sockets(), host.state()]);
  await Promise.all([probe('peer', 'web:81'), probe('peer', 'web:53/udp'), probe('peer', '10.5.0.1:4001')]);
  await expect.poll(sockets).toEqual(before);
  expect(await host.state()).toEqual(rules);
  expect(await ask({ host }, '127.0.0.1', 4001)).toMatchObject({ server: 'old' });
  await server.end('SIGTERM');
  await host.net('check');
});

/** Of every kind that waits for something, wherever. */
async function sockets(): Promise<readonly string[]> {
  const show = ['ss', '-Hlntuw'];
  const all = await Promise.all([
    host.run(show),
    ...['web', 'peer'].map((name) => host.net('exec', name, '--', ...show)),
  ]);
  return all.map((text) => text.split('\n').sort().join('\n'));
}
