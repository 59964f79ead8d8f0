// The chains in the kernel: others' rules are left alone, ours come first, and what is missing is noticed.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { IptablesFirewall } from '../../../src/firewall/iptables/iptables.ts';
import type { EndpointId, NetworkId } from '../../../src/model/ids.ts';
import { run, succeeds } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { backends, removeAllRules } from './backends.ts';
import { addressOf, endpointPolicy, forward, networkPolicy } from './lan.ts';
import { takeTable } from './own-table.ts';

const web = endpointPolicy('web', 1, [forward(8080, addressOf(1, 2)), forward(8080, addressOf(1, 2, 6))]);
const state = { networks: [networkPolicy(1), networkPolicy(2, { internal: true })], endpoints: [web] };

let table: AsyncDisposable;
beforeAll(async () => {
  table = await takeTable();
}, 130_000);
afterAll(() => table?.[Symbol.asyncDispose]());

describe.for(['nft', 'legacy'] as const)('iptables-%s', (variant) => {
  const missing = backends.find(({ name }) => name === `iptables-${variant}`)?.missing;
  const iptables = (words: string) => run(`iptables-${variant} ${words}`);
  /** As `iptables -S`, the chains and rules in any order but those of one chain. */
  const rules = () =>
    ['iptables', 'ip6tables']
      .flatMap((program) => run(`${program}-${variant}-save`).split('\n'))
      .filter(isRule);
  const byChain = () => [...rules()].sort((a, b) => chainOf(a).localeCompare(chainOf(b)));

  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    const firewall = new IptablesFirewall({ variant });
    const heard: string[] = [];
    firewall.onForeignChange((who) => heard.push(who));
    beforeEach(async () => {
      await firewall.replace(state);
      heard.length = 0;
    });
    afterEach(removeAllRules);
    afterAll(() => firewall.close());

    test('has the rules people look for', () => {
      expect(iptables('-t nat -L -n')).toMatch(
        /DNAT +(tcp|6) +-- +0\.0\.0\.0\/0 +0\.0\.0\.0\/0 +tcp dpt:8080 to:10\.81\.1\.2:80/,
      );
      expect(iptables('-t nat -L -n')).toMatch(/MASQUERADE +(all|0) +-- +10\.81\.1\.0\/24 +0\.0\.0\.0\/0/);
    });

    test('has the difference after a change, whatever came first', async () => {
      const moved = endpointPolicy('web', 1, [
        forward(8081, addressOf(1, 2)),
        forward(8080, addressOf(1, 3)),
        forward(53, addressOf(1, 3), {
          protocol: 'udp',
          hostAddress: '127.0.0.1' as IpAddress,
          keepSource: false,
        }),
        forward(54, addressOf(1, 3), { protocol: 'sctp', hostAddress: '192.0.2.1' as IpAddress }),
      ]);
      const changed = networkPolicy(1, { icc: false, trustedInterfaces: ['wg0'], ifname: 'br-own' });
      await firewall.apply([
        { network: changed },
        { removedNetwork: 'network-2' as NetworkId },
        { endpoint: moved },
        { network: networkPolicy(3) },
      ]);
      expect(await firewall.inspect()).toEqual([]);
      const stepByStep = [...rules()].sort();
      await removeAllRules();
      await firewall.replace({ networks: [changed, networkPolicy(3)], endpoints: [moved] });
      expect([...rules()].sort()).toEqual(stepByStep);
    });

    test('is as before when a change is applied and taken back', async () => {
      const before = byChain();
      const other = endpointPolicy('other', 1, [forward(9000, addressOf(1, 9), { keepSource: false })]);
      await firewall.apply([{ endpoint: other }, { network: networkPolicy(7) }]);
      await firewall.apply([
        { removedEndpoint: 'other' as EndpointId },
        { removedNetwork: 'network-7' as NetworkId },
      ]);
      expect(byChain()).toEqual(before);
    });

    test.for([
      { what: 'by us', network: networkPolicy(8, { ifname: 'any+' }), code: 'invalid_parameter' },
      {
        what: 'by the program for one of the families',
        network: networkPolicy(8, { source: { ipv4: { address: '10.0.0.999' as IpAddress }, ipv6: 'keep' } }),
        code: 'internal',
      },
    ])('does not change when a change is refused $what', async ({ network, code }) => {
      const before = byChain();
      const also = endpointPolicy('also', 1, [forward(9000, addressOf(1, 9, 6))]);
      await expect(firewall.apply([{ endpoint: also }, { network }])).rejects.toMatchObject({ code });
      expect(byChain()).toEqual(before);
      expect(await firewall.inspect()).toEqual([]);
    });

    test('comes before the rules of others, which stay as they are', async () => {
      iptables('-I FORWARD -i eth7 -j ACCEPT');
      iptables('-t nat -N THEIRS');
      iptables('-t nat -A THEIRS -j RETURN');
      iptables('-t nat -I PREROUTING -j THEIRS');
      onTestFinished(() => {
        iptables('-F FORWARD');
        iptables('-t nat -F PREROUTING');
        iptables('-t nat -F THEIRS');
        iptables('-t nat -X THEIRS');
      });
      const theirs = () => rules().filter((rule) => /eth7|THEIRS/.test(rule));
      const before = theirs();
      const problem = (target: string) => `does not begin with one rule that leads to ${target}`;
      expect(await firewall.inspect()).toEqual([
        { object: 'iptables chain filter FORWARD', problem: problem('FAIRLEAD-FILTER') },
        { object: 'iptables chain nat PREROUTING', problem: problem('FAIRLEAD-DNAT') },
      ]);
      await firewall.replace(state);
      expect(await firewall.inspect()).toEqual([]);
      expect(theirs()).toEqual(before);
    });

    test('asks the rules Docker leaves to others, and leaves its bridges to Docker', async () => {
      for (const words of ['-N DOCKER-USER', '-N DOCKER', '-A FORWARD -o shop -j DOCKER']) iptables(words);
      onTestFinished(() => {
        for (const words of ['-F FORWARD', '-X DOCKER-USER', '-X DOCKER']) iptables(words);
      });
      expect(await firewall.inspect()).not.toEqual([]);
      await firewall.replace(state);
      expect(await firewall.inspect()).toEqual([]);
      expect(iptables('-S FAIRLEAD-ACCEPT')).toContain('-A FAIRLEAD-ACCEPT -j DOCKER-USER\n');
      expect(iptables('-S FAIRLEAD-PASS')).toContain('-A FAIRLEAD-PASS -o shop -j RETURN\n');
      await removeAllRules();
    });

    test('removes chains of ours nobody asks for, and what leads to them', async () => {
      for (const words of [
        '-N FAIRLEAD-OLD',
        '-A FAIRLEAD-OLD -j DROP',
        '-I OUTPUT -s 192.0.2.1 -j FAIRLEAD-OLD',
      ])
        iptables(words);
      expect(await firewall.inspect()).toEqual([
        { object: 'iptables chain filter FAIRLEAD-OLD', problem: 'is not ours' },
      ]);
      await firewall.replace(state);
      expect(rules().join('\n')).not.toContain('FAIRLEAD-OLD');
    });

    test('is made whole by the next change when chains were taken away', async () => {
      const chain = 'FAIRLEAD-SNAT-NETWORKS';
      for (const words of ['-F FAIRLEAD-SNAT', `-F ${chain}`, `-X ${chain}`]) iptables(`-t nat ${words}`);
      await firewall.apply([{ network: networkPolicy(4) }]);
      expect(await firewall.inspect()).toEqual([]);
    });

    test('holds two thousand ports of one endpoint, and one more', async () => {
      const ports = Array.from({ length: 2000 }, (_, i) => forward(20_000 + i, addressOf(1, 2)));
      await firewall.apply([{ endpoint: endpointPolicy('many', 1, ports) }]);
      await firewall.apply([
        { endpoint: endpointPolicy('many', 1, [...ports, forward(7, addressOf(1, 2))]) },
      ]);
      expect(await firewall.inspect()).toEqual([]);
      expect(rules().filter((rule) => rule.startsWith('-A FAIRLEAD-P-many'))).toHaveLength(2001);
    });

    // The other variant announces nothing.
    describe.skipIf(variant === 'legacy')('and hears of changes', () => {
      test.for(['iptables-nft -t nat -F', 'iptables-nft -I FORWARD -j ACCEPT', 'nft flush ruleset'])(
        'after %s',
        async (deed) => {
          run(deed);
          await waitUntil('the change is announced', () => heard.length > 0);
          expect(heard[0]).toMatch(/^(iptables-nft|iptables|nft) \(pid \d+\)$/);
          await firewall.replace(state);
          expect(await firewall.inspect()).toEqual([]);
          succeeds('iptables-nft -D FORWARD -j ACCEPT');
        },
      );

      test('is silent after changes of ours and of what does not concern us', async () => {
        await firewall.apply([{ network: networkPolicy(6) }]);
        run('iptables-nft -A FORWARD -i eth7 -j ACCEPT');
        run('iptables-nft -t mangle -A FORWARD -j ACCEPT');
        run('iptables-nft -t nat -F FAIRLEAD-SNAT');
        await waitUntil('the last change is announced', () => heard.length > 0);
        expect(heard).toHaveLength(1);
        run('iptables-nft -F FORWARD');
        run('nft delete table ip mangle');
      });
    });
  });
});

function isRule(line: string): boolean {
  return line.startsWith('-A');
}

function chainOf(rule: string): string {
  return rule.split(' ')[1] ?? '';
}
