// The daemon with the iptables backend, whichever of the two variants the host has under that name.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backends } from '../kernel/firewall/backends.ts';
import { chooseIptables, iptablesPrograms as programs } from '../support/iptables-variant.ts';
import { addressOf, ask, expectSilence, startServer } from '../support/peers.ts';
import { type Netd, TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

describe.for([
  { variant: 'nft', version: '(nf_tables)' },
  { variant: 'legacy', version: '(legacy)' },
])('with iptables-$variant', ({ variant, version }) => {
  const missing = backends.find(({ name }) => name === `iptables-${variant}`)?.missing;

  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    let host: TestHost;
    let netd: Netd;
    beforeAll(async () => {
      host = await TestHost.start();
      await chooseIptables(host, variant);
      netd = await host.netd('--firewall', 'iptables');
      for (const network of ['one', 'two']) await host.net('create', network);
      await startServer(host, 'web', '--network', 'one', '-p', '8080:80');
      await startServer(host, 'peer', '--network', 'two');
    });
    afterAll(() => host[Symbol.asyncDispose]());

    const checkPort = async () =>
      expect(await ask({ host }, '127.0.0.1', 8080)).toMatchObject({ server: 'web' });

    test('the log tells which programs make the rules', () => {
      expect(netd.process.stderr).toContain(version);
    });

    test('ports are published, and networks kept apart', async () => {
      await checkPort();
      const address = await addressOf(host, 'web');
      expect(await ask({ host }, address)).toMatchObject({ server: 'web' });
      await expectSilence({ host, sandbox: 'peer' }, address);
      expect(await host.tryNet('check')).toMatchObject({ status: 0 });
    });

    test('what somebody flushed is found and brought back', async () => {
      await host.run(['iptables', '-t', 'nat', '-F']);
      // Changes by nf_tables are announced, and repaired before anybody asks.
      if (variant === 'legacy') await host.net('check', '--fix');
      await waitUntil('it is repaired', async () => (await host.tryNet('check')).status === 0);
      await checkPort();
    });

    test("the administrator's rule stops a port, whatever netd does meanwhile", async () => {
      const gateway = (await addressOf(host, 'web')).replace(/\d+$/, '1');
      const peer = { host, sandbox: 'peer' };
      expect(await ask(peer, gateway, 8080)).toMatchObject({ server: 'web' });
      const drop = ['FAIRLEAD-USER', '-p', 'tcp', '-m', 'conntrack', '--ctorigdstport', '8080', '-j', 'DROP'];
      await host.run(['iptables', '-A', ...drop]);
      await expectSilence(peer, gateway, 8080);
      await host.net('check', '--fix');
      await host.net('create', 'three');
      await netd.kill9();
      netd = await host.netd('--firewall', 'iptables');
      expect(await host.tryNet('check')).toMatchObject({ status: 0 });
      await expectSilence(peer, gateway, 8080);
      await host.run(['iptables', '-D', ...drop]);
      expect(await ask(peer, gateway, 8080)).toMatchObject({ server: 'web' });
    });

    test('the next start with nftables takes over, and the one after that gives back', async () => {
      for (const firewall of ['nftables', 'iptables']) {
        await netd.kill9();
        netd = await host.netd('--firewall', firewall);
        const saved = await Promise.all(programs.map((program) => host.run([`${program}-save`])));
        expect(saved.map((text) => text.includes('FAIRLEAD-'))).toEqual(
          programs.map(() => firewall === 'iptables'),
        );
        const tables = await host.run(['nft', 'list', 'tables']);
        expect(tables.includes('table inet fairlead')).toBe(firewall === 'nftables');
        await checkPort();
      }
    });
  });
});
