// Why the kernel refused a transaction, in words a user can act on.
import type { IpAddress } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { Batch } from '../../kernel/nftables/batch.ts';
import type { Hook } from '../../kernel/nftables/chain.ts';
import { commit } from '../../kernel/nftables/client.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { NftSet } from '../../kernel/nftables/set.ts';
import { type ChainRules, sets, tableName } from './layout.ts';
import { fitSegmentSize, masquerade, published, snatTo, toHost } from './match.ts';

/** Answers of a kernel that lacks something the table needs. */
const missing = new Set(['ENOENT', 'EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EINVAL', 'ENOPROTOOPT']);
const probeTable = 'fairlead-probe';

/** The error for a refused transaction: `not_implemented` names what the kernel lacks. */
export async function refusal(thrown: unknown): Promise<NetError> {
  if (thrown instanceof NetError) return thrown;
  const options = { cause: thrown };
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof NetlinkError) {
    if (thrown.code === 'EPERM') {
      const text = `nft table inet ${tableName} cannot be changed: another process owns it, or CAP_NET_ADMIN is missing`;
      return new NetError('unavailable', text, options);
    }
    const feature = missing.has(thrown.code) ? await missingFeature() : undefined;
    if (feature !== undefined) return notImplemented(feature, options);
  }
  return new NetError('internal', `firewall rules refused by the kernel: ${reason}`, options);
}

/** Errors: as `refusal`, when the kernel would not take our rules. */
export async function requireNftables(): Promise<void> {
  try {
    await commit(new Batch(probeTable).addTable(0).deleteTable());
  } catch (error) {
    throw await refusal(error);
  }
  const feature = await missingFeature();
  if (feature !== undefined) throw notImplemented(feature);
}

/** Whether a rehearsed transaction would go through; it leaves nothing. */
export async function accepted(
  tableFlags: number,
  chain?: ChainRules,
  sets: readonly NftSet[] = [],
): Promise<boolean> {
  const batch = new Batch(probeTable).addTable(tableFlags);
  for (const set of sets) batch.addSet(set);
  if (chain !== undefined) {
    const { rules, ...definition } = chain;
    batch.addChain(definition);
    for (const rule of rules) batch.addRule(chain.name, rule);
  }
  try {
    await commit(batch.deleteTable());
    return true;
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  }
}

/** The first feature the kernel lacks, in its configuration's words; undefined when it has all. */
async function missingFeature(): Promise<string | undefined> {
  if (!(await accepted(0))) return 'nf_tables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET)';
  for (const { feature, base, rules, sets } of features) {
    if (!(await accepted(0, { name: 'probe', base, rules }, sets))) return feature;
  }
  return undefined;
}

function notImplemented(feature: string, options?: ErrorOptions): NetError {
  return new NetError('not_implemented', `firewall: this kernel has no ${feature}`, options);
}

interface Feature {
  readonly feature: string;
  readonly base: Hook;
  readonly rules: readonly Rule[];
  readonly sets?: readonly NftSet[];
}

const prerouting: Hook = { type: 'nat', hook: 'prerouting', priority: -100 };
const postrouting: Hook = { type: 'nat', hook: 'postrouting', priority: 100 };
const forward: Hook = { type: 'filter', hook: 'forward', priority: 0 };
const someAddress = '192.0.2.1' as IpAddress;
const intervalSets = sets.filter(({ interval }) => interval === true);
const originalAddress: Rule = [{ kind: 'ct', key: 'original ip daddr', to: 0 }];
const features: readonly Feature[] = [
  { feature: 'nft chains of type nat (CONFIG_NFT_NAT)', base: postrouting, rules: [] },
  { feature: 'nft ct (CONFIG_NFT_CT)', base: postrouting, rules: [published()] },
  { feature: 'nft fib (CONFIG_NFT_FIB_INET)', base: prerouting, rules: [toHost()] },
  { feature: 'nft nat (CONFIG_NFT_NAT)', base: postrouting, rules: [snatTo(4, someAddress)] },
  { feature: 'nft masquerade (CONFIG_NFT_MASQ)', base: postrouting, rules: [masquerade()] },
  { feature: 'nft sets of concatenated intervals (Linux 5.6)', base: forward, rules: [], sets: intervalSets },
  {
    feature: 'nft original addresses of connections (Linux 4.17)',
    base: postrouting,
    rules: [originalAddress],
  },
  { feature: 'nft segment sizes (rt and exthdr, Linux 4.14)', base: forward, rules: [fitSegmentSize()] },
];
