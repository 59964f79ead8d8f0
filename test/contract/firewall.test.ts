// The firewall backends on a real kernel, in a network namespace of their own.
import { afterAll, beforeAll, describe } from 'vitest';
import { IptablesFirewall } from '../../src/firewall/iptables/iptables.ts';
import { NftablesFirewall } from '../../src/firewall/nftables/nftables.ts';
import { NoFirewall } from '../../src/firewall/none.ts';
import { GuardedFirewall } from '../../src/firewall/senders/guarded-firewall.ts';
import { SenderTable } from '../../src/firewall/senders/sender-table.ts';
import { backends, removeAllRules } from '../kernel/firewall/backends.ts';
import { takeTable } from '../kernel/firewall/own-table.ts';
import { run } from '../support/own-network.ts';
import { type FirewallUnderTest, firewallContract } from './firewall.ts';

let table: AsyncDisposable;
const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('nftables', () => {
  beforeAll(async () => {
    table = await takeTable();
  }, 130_000);
  afterAll(() => table?.[Symbol.asyncDispose]());

  firewallContract(async (): Promise<FirewallUnderTest> => {
    const firewall = new NftablesFirewall({ owned: false });
    await firewall.replace({ networks: [], endpoints: [] });
    return {
      firewall,
      tamper: async () => void run('nft delete table inet fairlead'),
      [Symbol.asyncDispose]: () => firewall.close(),
    };
  });
});

describe.skipIf(!isRoot)('nftables, with a guard over what endpoints send', () => {
  beforeAll(async () => {
    table = await takeTable();
  }, 130_000);
  afterAll(() => table?.[Symbol.asyncDispose]());

  firewallContract(async (): Promise<FirewallUnderTest> => {
    const rules = new NftablesFirewall({ owned: false });
    const firewall = new GuardedFirewall(rules, await SenderTable.open({ owned: false }));
    await firewall.replace({ networks: [], endpoints: [] });
    return {
      firewall,
      tamper: async () => void run('nft delete table bridge fairlead'),
      [Symbol.asyncDispose]: () => firewall.close(),
    };
  });
});

describe.for([
  { variant: 'nft', tamper: 'iptables-nft -t nat -F' },
  { variant: 'legacy', tamper: 'iptables-legacy -t nat -F' },
] as const)('iptables-$variant', ({ variant, tamper }) => {
  const missing = backends.find(({ name }) => name === `iptables-${variant}`)?.missing;
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    beforeAll(async () => {
      table = await takeTable();
    }, 130_000);
    afterAll(async () => {
      await removeAllRules();
      await table?.[Symbol.asyncDispose]();
    });

    firewallContract(async (): Promise<FirewallUnderTest> => {
      const firewall = new IptablesFirewall({ variant });
      await firewall.replace({ networks: [], endpoints: [] });
      return {
        firewall,
        tamper: async () => void run(tamper),
        [Symbol.asyncDispose]: () => firewall.close(),
      };
    });
  });
});

describe('none', () => {
  firewallContract(
    async () => ({
      firewall: new NoFirewall(),
      tamper: async () => {},
      async [Symbol.asyncDispose]() {},
    }),
    {
      skip: {
        reason: 'it has no rules',
        tests: [
          'a port that leads to two places is a conflict, and nothing changes',
          'rules beyond what should be there are found, and gone when replaced',
          'rules taken away by others are missed, and replaced',
        ],
      },
    },
  );
});
