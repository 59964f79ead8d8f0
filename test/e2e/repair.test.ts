// What somebody else broke: `net check` says so, and `--fix` or netd itself repairs it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressOf, ask, startServer } from '../support/peers.ts';
import { TestHost } from '../support/test-host.ts';

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

/** The host end of the link of `web`. */
async function hostEnd(): Promise<string> {
  const index = await host.net('exec', 'web', '--', 'cat', '/sys/class/net/eth0/iflink');
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
