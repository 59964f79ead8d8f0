// What somebody else broke: `net check` says so, and `--fix` or netd itself repairs it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, ask, startServer } from '../support/peers.ts';
import { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.start();
  await host.netd();
  await host.net('create', '-o', 'bridge=lab0', '--subnet', '10.66.0.0/24', 'lab');
  await startServer(host, 'web', '--network', 'lab', '-p', '8080:80');
  await startServer(host, 'peer', '--network', 'lab');
  await ask({ host }, '127.0.0.1', 8080);
});

afterAll(() => host[Symbol.asyncDispose]());

/** The host end of the link of a sandbox. */
async function hostEnd(sandbox = 'web'): Promise<string> {
  const index = await host.net('exec', sandbox, '--', 'cat', '/sys/class/net/eth0/iflink');
  const links = JSON.parse(await host.run(['ip', '-json', 'link'])) as { ifindex: number; ifname: string }[];
  return links.find(({ ifindex }) => ifindex === Number(index))?.ifname ?? 'nothing';
}

const damages: readonly [string, () => Promise<string> | string][] = [
  ['the bridge was deleted', () => 'ip link del lab0'],
  ['the bridge was set down', () => 'ip link set lab0 down'],
  ['a port was taken off the bridge', async () => `ip link set ${await hostEnd()} nomaster`],
  ['a port was set down', async () => `ip link set ${await hostEnd()} down`],
  ['the gateway address was deleted', () => 'ip address del 10.66.0.1/24 dev lab0'],
  ['a link was deleted', async () => `ip link del ${await hostEnd()}`],
  ['an address in a sandbox was deleted', () => 'ip netns exec web ip address flush dev eth0 scope global'],
  ['a route in a sandbox was deleted', () => 'ip netns exec web ip route del default'],
  ['the ruleset was flushed', () => 'nft flush ruleset'],
];

describe('net check --fix', () => {
  test('says nothing and ends with 0 while all is well', async () => {
    expect(await host.tryNet('check')).toMatchObject({ status: 0, stderr: '' });
  });

  test.each(damages)('brings all back when %s', async (_, damage) => {
    const before = await host.state();
    const address = await addressOf(host, 'web');
    await host.shell(await damage());
    await host.net('check', '--fix');
    expect(await host.tryNet('check')).toMatchObject({ status: 0 });
    expect(await addressOf(host, 'web')).toBe(address);
    expect((await host.state()).routes).toEqual(before.routes);
    expect(await ask({ host, sandbox: 'peer' }, 'web')).toMatchObject({ server: 'web' });
    expect(await ask({ host }, '127.0.0.1', 8080)).toMatchObject({ server: 'web' });
  });

  test('leaves foreign things alone', async () => {
    await host.shell(`
      ip link add theirs type bridge
      ip netns add theirs
      nft add table inet theirs
      nft add chain inet theirs forward`);
    await host.net('check', '--fix');
    const { links, namespaces, ruleset } = await host.state();
    expect(links).toContainEqual(expect.stringMatching(/^theirs /));
    expect(namespaces).toContain('theirs');
    expect(ruleset).toContain('table inet theirs {');
  });
});

// A flush of the rules does not even reach a table the kernel lets netd own. A route alone is not announced.
const bridgeDamages: readonly [string, string, RegExp][] = [
  ['the bridge was deleted', 'ip link del lab0', /repair .*bridge lab0.*is missing/],
  ['the bridge was set down', 'ip link set lab0 down', /repair .*bridge lab0.*is down/],
  [
    'the gateway address was deleted',
    'ip address del 10.66.0.1/24 dev lab0',
    /repair .*bridge lab0.*lacks address 10.66.0.1/,
  ],
];

/** Each of a sandbox of its own: what is damaged again as soon as it is repaired is repaired less and less often. */
const linkDamages: readonly [string, (sandbox: string) => Promise<string> | string, string][] = [
  [
    'was taken off the bridge',
    async (name) => `ip link set ${await hostEnd(name)} nomaster`,
    'is no port of bridge lab0',
  ],
  ['was set down', async (name) => `ip link set ${await hostEnd(name)} down`, 'is down'],
  [
    'no longer turns packets round',
    async (name) => `bridge link set dev ${await hostEnd(name)} hairpin off`,
    'is isolated, hairpin, locked or guarded otherwise',
  ],
  ['was deleted', async (name) => `ip link del ${await hostEnd(name)}`, 'is missing'],
  [
    'lost its address',
    (name) => `ip netns exec ${name} ip address flush dev eth0 scope global`,
    'lacks address 10.66.0.',
  ],
];

describe('netd by itself', () => {
  test.each(bridgeDamages)('brings all back when %s, and says what', async (_, damage, event) => {
    await expectRepair(damage, event);
  });

  test.each(linkDamages)('brings a link back that %s, and says what', async (_, damage, problem) => {
    const sandbox = `box-${linkDamages.findIndex(([, one]) => one === damage)}`;
    await startServer(host, sandbox, '--network', 'lab');
    await expectRepair(
      await damage(sandbox),
      new RegExp(`repair .*sandbox ${sandbox}: interface eth0.*${problem}`),
    );
    expect(await ask({ host, sandbox: 'peer' }, sandbox)).toMatchObject({ server: sandbox });
  });
});

async function expectRepair(damage: string, event: RegExp): Promise<void> {
  const since = String(Date.now() / 1000);
  await host.shell(damage);
  const events = host.spawnNet('events', '--since', since);
  await events.line(event);
  await events.end('SIGTERM');
  await waitUntil('nothing is left to repair', async () => (await host.tryNet('check')).status === 0);
  expect(await ask({ host, sandbox: 'peer' }, 'web')).toMatchObject({ server: 'web' });
}

describe('a foreign flush while netd was away', () => {
  test('is repaired by the next start', async () => {
    await using away = await TestHost.start();
    const first = await away.netd();
    await away.net('create', 'lab');
    await startServer(away, 'web', '--network', 'lab', '-p', '8080:80');
    await ask({ host: away }, '127.0.0.1', 8080);
    await first.kill9();
    await away.run(['nft', 'flush', 'ruleset']);
    await away.netd();
    expect(await ask({ host: away }, '127.0.0.1', 8080)).toMatchObject({ server: 'web' });
    await away.net('check');
  });
});
