// One backend after another: what is left in the end is the last one's alone.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '../../../src/base/log.ts';
import { chooseFirewall, choosePassage, type FirewallSetting } from '../../../src/firewall/choose.ts';
import type { Firewall } from '../../../src/firewall/firewall.ts';
import { IptablesFirewall } from '../../../src/firewall/iptables/iptables.ts';
import { run, succeeds } from '../../support/own-network.ts';
import { backends, removeAllRules } from './backends.ts';
import { makeDockerRules, removeDockerRules } from './docker-rules.ts';
import { addressOf, bridgeOf, endpointPolicy, forward, networkPolicy } from './lan.ts';
import { takeTable } from './own-table.ts';

const state = {
  networks: [networkPolicy(1)],
  endpoints: [endpointPolicy('web', 1, [forward(8080, addressOf(1, 2)), forward(8080, addressOf(1, 2, 6))])],
};
const log = createLog('error', 'text');
const missing = backends.map((backend) => backend.missing).find((reason) => reason !== undefined);

let table: AsyncDisposable;
beforeAll(async () => {
  table = await takeTable();
}, 130_000);
afterEach(removeAllRules);
afterAll(() => table?.[Symbol.asyncDispose]());

const variantOfPrograms = succeeds('iptables-restore --version') && run('iptables-restore --version');
const current = String(variantOfPrograms).includes('nf_tables') ? 'nft' : 'legacy';
const other = current === 'nft' ? 'legacy' : 'nft';

describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
  test.for<{ before: FirewallSetting | 'other'; after: FirewallSetting; holders: readonly string[] }>([
    { before: 'nftables', after: 'iptables', holders: [current] },
    { before: 'iptables', after: 'nftables', holders: ['nftables'] },
    { before: 'iptables', after: 'auto', holders: ['nftables'] },
    { before: 'other', after: 'iptables', holders: [current] },
    { before: 'other', after: 'nftables', holders: ['nftables'] },
  ])('$after after $before', async ({ before, after, holders }) => {
    await use(
      before === 'other' ? new IptablesFirewall({ variant: other }) : await chooseFirewall(before, log),
    );
    const last = await chooseFirewall(after, log);
    await use(last);
    expect(await last.inspect(state)).toEqual([]);
    expect(holdersNow()).toEqual(holders);
    await last.close();
  });

  test('what let networks past Docker by nftables goes, and iptables does so in its way', async () => {
    makeDockerRules('iptables-nft', ['docker0']);
    await use(await chooseFirewall('nftables', log));
    await passOthers();
    expect(run('iptables-nft -S DOCKER-USER')).toContain('-j FAIRLEAD-FORWARD');
    const last = await chooseFirewall('iptables', log);
    await use(last);
    expect(run('iptables-nft -S')).not.toContain('FAIRLEAD-FORWARD');
    await use(await chooseFirewall('nftables', log));
    await passOthers();
    expect(run('iptables-nft -S DOCKER-USER')).toContain('-j FAIRLEAD-FORWARD');
    expect(holdersNow()).toEqual(['nftables', 'nft']);
    await last.close();
    removeDockerRules();
  });
});

/** As a run of the daemon that ends. */
async function use(firewall: Firewall): Promise<void> {
  await firewall.replace(state);
  await firewall.close();
}

/** What a run with the nftables backend does beside its own rules. */
async function passOthers(): Promise<void> {
  const passage = choosePassage('nftables', log);
  await passage.bringAbout([bridgeOf(1)]);
  await passage.close();
}

function holdersNow(): readonly string[] {
  const variants = ['nft', 'legacy'].filter((variant) =>
    ['iptables', 'ip6tables'].some((program) => run(`${program}-${variant}-save`).includes('FAIRLEAD-')),
  );
  return [...(succeeds('nft list table inet fairlead') ? ['nftables'] : []), ...variants];
}
