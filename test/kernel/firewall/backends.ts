// Every firewall backend that can be had here, for suites that hold each to the same.
import { afterAll, beforeAll } from 'vitest';
import type { Firewall, PolicyState } from '../../../src/firewall/firewall.ts';
import { IptablesFirewall } from '../../../src/firewall/iptables/iptables.ts';
import { removeLegacyVariant, removeNftVariant } from '../../../src/firewall/iptables/leftovers.ts';
import { NftablesFirewall } from '../../../src/firewall/nftables/nftables.ts';
import { succeeds } from '../../support/own-network.ts';
import { removeTable } from './own-table.ts';

export interface Backend {
  readonly name: string;
  /** Why it cannot be had here. */
  readonly missing: string | undefined;
  create(): Firewall;
}

const variants = ['nft', 'legacy'] as const;

export const backends: readonly Backend[] = [
  { name: 'nftables', missing: undefined, create: () => new NftablesFirewall() },
  ...variants.map((variant) => ({
    name: `iptables-${variant}`,
    missing: missingOf(variant),
    create: () => new IptablesFirewall({ variant }),
  })),
];

/** For the tests of a `describe`: a backend with this policy in force, and afterwards no rules of any. */
export function enforce(create: Backend['create'], state: PolicyState): Firewall {
  const firewall = create();
  beforeAll(() => firewall.replace(state));
  afterAll(async () => {
    await firewall.close();
    await removeAllRules();
  });
  return firewall;
}

/** Of all backends. */
export async function removeAllRules(): Promise<void> {
  await removeTable();
  await removeNftVariant();
  await removeLegacyVariant();
}

function missingOf(variant: (typeof variants)[number]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const command of ['iptables', 'ip6tables']) {
    for (const table of ['raw', 'filter', 'nat']) {
      // In a namespace that ends with the question: tables of the legacy variant come into being when they are looked at.
      if (!succeeds(`unshare --net ${command}-${variant} -t ${table} -S`))
        return `${command}-${variant} has no table ${table}`;
    }
  }
  return undefined;
}
