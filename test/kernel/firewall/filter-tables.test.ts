// Networks beside others who make rules by iptables without a chain for others: where ours go, and what stays as it was.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { FirewallBesideOthers } from './beside-others.ts';
import { hasChain, removeDockerRules, rulesOf } from './docker-rules.ts';
import { networkPolicy } from './lan.ts';
import { removeTable } from './own-table.ts';

const state = { networks: [networkPolicy(1, { ifname: 'fl-0123456789' })], endpoints: [] };
const jumps = { FORWARD: '-j FAIRLEAD-FORWARD', INPUT: '-j FAIRLEAD-INPUT' } as const;

let firewall: FirewallBesideOthers;
let warned: Error[];
beforeEach(() => {
  warned = [];
  firewall = new FirewallBesideOthers({ warn: (error) => warned.push(error), inform: () => {} });
});
afterEach(async () => {
  await firewall.close();
  await removeTable();
  removeDockerRules();
  expect(warned).toEqual([]);
});

describe.for(['iptables-nft', 'ip6tables-nft'] as const)('rules of %s', (command) => {
  test.for<[what: string, chain: 'FORWARD' | 'INPUT', made: readonly string[], then: readonly string[]]>([
    ['an empty chain that drops', 'FORWARD', ['-P FORWARD DROP'], [jumps.FORWARD]],
    ['an empty chain that drops', 'INPUT', ['-P INPUT DROP'], [jumps.INPUT]],
    [
      'rules that may decide, which come first',
      'FORWARD',
      ['-P FORWARD DROP', '-A FORWARD -i eth7 -j DROP'],
      ['-i eth7 -j DROP', jumps.FORWARD],
    ],
    [
      'a rule that rejects the rest',
      'INPUT',
      ['-A INPUT -i lo -j ACCEPT', '-A INPUT -j REJECT'],
      ['-i lo -j ACCEPT', jumps.INPUT, '-j REJECT'],
    ],
    [
      'a rule that drops the rest, and one that tells of it',
      'FORWARD',
      ['-A FORWARD -j LOG', '-A FORWARD -j DROP'],
      [jumps.FORWARD, '-j LOG', '-j DROP'],
    ],
    [
      'a chain that drops the rest',
      'FORWARD',
      ['-N last', '-A last -j DROP', '-A FORWARD -j last'],
      [jumps.FORWARD, '-j last'],
    ],
    [
      'a chain that only tells of what is dropped',
      'INPUT',
      ['-P INPUT DROP', '-N tell', '-A tell -m limit --limit 3/min -j LOG', '-A INPUT -j tell'],
      [jumps.INPUT, '-j tell'],
    ],
    ['a rule that accepts the rest', 'FORWARD', ['-P FORWARD DROP', '-A FORWARD -j ACCEPT'], ['-j ACCEPT']],
    ['a chain that accepts', 'INPUT', ['-A INPUT -i eth7 -j DROP'], ['-i eth7 -j DROP']],
  ])('with %s, in %s', async ([, chain, made, then]) => {
    for (const words of made) run(`${command} ${words}`);
    const before = run(`${command} -S`);
    await firewall.replace(state);
    expect(rulesOf(command, chain)).toEqual(summary(then));
    expect(await firewall.inspect()).toEqual([]);
    await firewall.replace({ networks: [], endpoints: [] });
    expect(run(`${command} -S`)).toBe(before);
  });

  test('let through what networks forward, and questions for names', async () => {
    for (const chain of ['FORWARD', 'INPUT']) run(`${command} -P ${chain} DROP`);
    await firewall.replace(state);
    expect(rulesOf(command, 'FAIRLEAD-FORWARD')).toEqual(['-i fl-+ -j ACCEPT', '-o fl-+ -j ACCEPT']);
    expect(rulesOf(command, 'FAIRLEAD-INPUT')).toEqual([
      '-i fl-+ -p udp -m udp --dport 53 -j ACCEPT',
      '-i fl-+ -p tcp -m tcp --dport 53 -j ACCEPT',
    ]);
    // What it prints it takes.
    run(`${command} -C FAIRLEAD-INPUT -i fl-+ -p udp --dport 53 -j ACCEPT`);
  });

  test('of somebody who adds some later stay before ours', async () => {
    run(`${command} -P FORWARD DROP`);
    await firewall.replace(state);
    run(`${command} -A FORWARD -i eth7 -j DROP`);
    await waitUntil('ours moved', () => rulesOf(command, 'FORWARD').at(-1) === jumps.FORWARD);
    expect(rulesOf(command, 'FORWARD')).toEqual(['-i eth7 -j DROP', jumps.FORWARD]);
  });

  test('move to the chain for others when Docker makes it', async () => {
    run(`${command} -P FORWARD DROP`);
    await firewall.replace(state);
    for (const words of ['-N DOCKER-USER', '-A DOCKER-USER -j RETURN', '-I FORWARD -j DOCKER-USER']) {
      run(`${command} ${words}`);
    }
    await waitUntil('ours moved', () => rulesOf(command, 'DOCKER-USER').includes(jumps.FORWARD));
    expect(rulesOf(command, 'FORWARD')).toEqual(['-j DOCKER-USER']);
    expect(await firewall.inspect()).toEqual([]);
  });

  test('of libvirt stay as they are and keep what they keep apart', async () => {
    makeLibvirtRules(command);
    run(`${command} -P FORWARD DROP`);
    const before = run(`${command} -S`).split('\n');
    await firewall.replace(state);
    const after = run(`${command} -S`).split('\n');
    expect(after.filter((line) => !line.includes('FAIRLEAD'))).toEqual(before);
    expect(rulesOf(command, 'FORWARD').at(-1)).toBe(jumps.FORWARD);
    run(`${command} -F FORWARD`);
    await waitUntil('ours are back', () => rulesOf(command, 'FORWARD').includes(jumps.FORWARD));
  });

  test('lost by a flush come back', async () => {
    for (const chain of ['FORWARD', 'INPUT']) run(`${command} -P ${chain} DROP`);
    await firewall.replace(state);
    for (const words of ['-F', '-X']) run(`${command} ${words}`);
    await waitUntil('they are back', async () => (await firewall.inspect()).length === 0);
    expect(hasChain(command, 'FAIRLEAD-INPUT')).toBe(true);
  });
});

/** As libvirt's networkAddFirewallRules makes them for its network `default` (src/network/network_iptables.c). */
function makeLibvirtRules(command: 'iptables-nft' | 'ip6tables-nft'): void {
  const chains = { INP: 'INPUT', OUT: 'OUTPUT', FWO: 'FORWARD', FWI: 'FORWARD', FWX: 'FORWARD' } as const;
  for (const [chain, builtIn] of Object.entries(chains)) {
    run(`${command} -N LIBVIRT_${chain}`);
    run(`${command} -I ${builtIn} -j LIBVIRT_${chain}`);
  }
  for (const protocol of ['udp', 'tcp']) {
    run(`${command} -A LIBVIRT_INP -i virbr0 -p ${protocol} --dport 53 -j ACCEPT`);
  }
  run(`${command} -A LIBVIRT_FWI -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`);
  run(`${command} -A LIBVIRT_FWI -o virbr0 -j REJECT`);
  run(`${command} -A LIBVIRT_FWO -i virbr0 -j ACCEPT`);
  run(`${command} -A LIBVIRT_FWO -i virbr0 -j REJECT`);
  run(`${command} -A LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT`);
}

/** iptables prints how it rejects. */
function summary(rules: readonly string[]) {
  return rules.map((rule) => (rule.endsWith('REJECT') ? expect.stringContaining(rule) : rule));
}
