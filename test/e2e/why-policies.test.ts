// `net why` and real packets agree where ports are for some, networks let others in, and senders are held to their own addresses.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WhyView } from '../../src/model/why.ts';
import { backends } from '../kernel/firewall/backends.ts';
import { chooseIptables } from '../support/iptables-variant.ts';
import { ask, startServer } from '../support/peers.ts';
import { TestHost } from '../support/test-host.ts';

const firewalls = backends.map(({ name, missing }) => ({ firewall: name, missing }));

describe.each(firewalls)('with $firewall', ({ firewall, missing }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    let host: TestHost;
    beforeAll(async () => {
      host = await TestHost.start();
      const [backend = '', variant] = firewall.split('-');
      if (variant !== undefined) await chooseIptables(host, variant);
      await host.netd('--firewall', backend);
      for (const [name, number] of [
        ['lab', 5],
        ['near', 6],
        ['far', 7],
      ] as const) {
        await host.net(
          'create',
          '--ipv6',
          '--subnet',
          `10.${number}.0.0/24`,
          '--subnet',
          `fd0${number}::/64`,
          name,
        );
      }
      const some = 'target=80,published=8080,from=10.6.0.0/24';
      await startServer(host, 'web', '--network', 'lab', '-p', some, '-p', '8053:53/udp');
      for (const [name, network] of [
        ['peer', 'lab'],
        ['liar', 'lab'],
        ['friend', 'near'],
        ['stranger', 'far'],
      ] as const) {
        await host.net('run', '-d', '--name', name, '--network', network, '--', 'sleep', 'infinity');
      }
      await host.net('policy', 'add', 'friend', 'web:80-90');
      await host.net('policy', 'add', 'near', 'web:53/udp');
      await host.net('policy', 'add', 'lab', 'stranger');
      // Sends from an address of its own making.
      await host.net('exec', 'liar', '--', 'ip', 'address', 'add', '10.5.0.77/32', 'dev', 'lo');
      const route = ['10.5.0.2/32', 'dev', 'eth0', 'src', '10.5.0.77'];
      await host.net('exec', 'liar', '--', 'ip', 'route', 'add', ...route);
      await ask({ host }, '10.5.0.2');
    });
    afterAll(() => host[Symbol.asyncDispose]());

    test.each([
      { from: 'friend', to: '10.6.0.1:8080', reaches: true },
      { from: 'stranger', to: '10.7.0.1:8080', reaches: false },
      { from: 'friend', to: '10.5.0.2:80', reaches: true },
      { from: 'friend', to: '[fd05::2]:90', reaches: true },
      { from: 'friend', to: '10.5.0.2:91', reaches: false },
      { from: 'friend', to: '10.5.0.2:53/udp', reaches: true },
      { from: 'friend', to: '[fd05::2]:53/udp', reaches: true },
      { from: 'friend', to: '10.5.0.2', reaches: false },
      { from: 'friend', to: 'fd05::2', reaches: false },
      { from: 'stranger', to: '10.5.0.2:80', reaches: false },
      { from: 'stranger', to: '10.5.0.2:53/udp', reaches: false },
      { from: 'stranger', to: '10.7.0.1:8053/udp', reaches: true },
      { from: 'peer', to: '10.7.0.2', reaches: true },
      { from: 'peer', to: 'fd07::2', reaches: true },
      { from: 'peer', to: '10.5.0.2:53/udp', reaches: true },
      { from: 'peer', to: '10.5.0.2', reaches: true },
      { from: 'peer', to: 'fd05::2', reaches: true },
      { from: 'liar', to: '10.5.0.2:80', reaches: false },
      { from: 'liar', to: '10.5.0.2', reaches: false },
    ])('from $from to $to: reaches it: $reaches', async ({ from, to, reaches }) => {
      const { stdout, stderr } = await host.tryNet('why', '--probe', '--format', 'json', from, to);
      if (stdout === '') throw new Error(stderr);
      const [way] = (JSON.parse(stdout) as WhyView).ways;
      const steps = way?.steps.map(({ text }) => text).join('; ');
      expect(way?.probe, steps).toMatchObject({ answered: reaches, agrees: true });
    });
  });
});
