// The table `filter` of one family, where iptables and those who use it have their rules: what is in it that concerns us.
import { listChains, listRules } from '../../kernel/nftables/client.ts';
import type { DecodedExpression } from '../../kernel/nftables/expression/expression.ts';
import type { DecodedRule, RuleHandle } from '../../kernel/nftables/rule.ts';
import type { Verdict } from '../../kernel/nftables/verdict.ts';
import { exactly, type Pattern } from './rules.ts';

export const filterName = 'filter';
/** Where Docker leaves room for the rules of others, and never touches them (docs.docker.com, "Packet filtering and firewalls"). */
export const userChain = 'DOCKER-USER';

export type FilterFamily = 'ip' | 'ip6';
/** What is forwarded, and what is for the host itself. */
export type Way = keyof typeof ways;

export interface WayChains {
  /** The chain iptables has at the hook. */
  readonly builtIn: string;
  /** Ours, which a rule of others' chains leads to. */
  readonly own: string;
}

export const ways = {
  forward: { builtIn: 'FORWARD', own: 'FAIRLEAD-FORWARD' },
  input: { builtIn: 'INPUT', own: 'FAIRLEAD-INPUT' },
} as const satisfies Readonly<Record<string, WayChains>>;

export const ownChains: readonly string[] = Object.values(ways).map(({ own }) => own);

export interface PlacedRule {
  readonly handle: RuleHandle;
  /** Without what changes nothing: comments, and the counters that iptables gives to every rule. */
  readonly rule: DecodedRule;
}

export interface FilterTable {
  readonly family: FilterFamily;
  /** Rules by chain. */
  readonly chains: ReadonlyMap<string, readonly PlacedRule[]>;
  /** Chains at hooks whose end drops. */
  readonly dropping: ReadonlySet<string>;
  /** Bridges that Docker's rules name, in order. */
  readonly named: readonly Pattern[];
}

/** Reads no rules where iptables has not been used. */
export async function readFilter(family: FilterFamily): Promise<FilterTable> {
  const found = await listChains(filterName, family);
  const names = new Set(found.map(({ name }) => name));
  const dropping = found.filter(({ base }) => typeof base === 'object' && base.policy === 'drop');
  const concernsUs = Object.values(ways).some(({ builtIn, own }) => names.has(builtIn) || names.has(own));
  const rules = concernsUs ? await listRules(filterName, family) : [];
  const chains = new Map([...names].map((name) => [name, [] as PlacedRule[]]));
  for (const { chain, handle, rule } of rules) {
    chains.get(chain)?.push({ handle, rule: withoutIdle(rule) });
  }
  return {
    family,
    chains,
    dropping: new Set(dropping.map(({ name }) => name)),
    named: namedByDocker(chains),
  };
}

/** Without comments and counters. */
export function withoutIdle(rule: DecodedRule): DecodedRule {
  return rule.filter((expression) => !changesNothing(expression));
}

function changesNothing(expression: DecodedExpression): boolean {
  return expression?.kind === 'counter' || (expression?.kind === 'match' && expression.name === 'comment');
}

/** The verdict of a rule that asks nothing of a packet. */
export function unconditional(rule: DecodedRule): Verdict | undefined {
  const [only] = rule;
  if (rule.length !== 1 || only === undefined) return undefined;
  if (only.kind === 'reject' || (only.kind === 'target' && only.name === 'REJECT')) return 'drop';
  return only.kind === 'immediate' && 'verdict' in only ? only.verdict : undefined;
}

export function leadsTo(rule: DecodedRule, chain: string): boolean {
  return rule.some(
    (expression) =>
      expression?.kind === 'immediate' &&
      'verdict' in expression &&
      typeof expression.verdict === 'object' &&
      expression.verdict.jump === chain,
  );
}

/** Docker has a rule for what goes to each of its bridges, in a chain of its own or where such a chain is jumped to. */
function namedByDocker(chains: FilterTable['chains']): readonly Pattern[] {
  const dockers = [...chains.keys()].filter(isDockers);
  const found = [...chains].flatMap(([chain, rules]) =>
    rules
      .filter(({ rule }) => dockers.includes(chain) || dockers.some((name) => leadsTo(rule, name)))
      .flatMap(({ rule }) => destinationsOf(rule)),
  );
  return [...new Set(found)].sort();
}

/** Docker's own chains, apart from the one it leaves to others. */
export function isDockers(chain: string): boolean {
  return chain.startsWith('DOCKER') && chain !== userChain;
}

function destinationsOf(rule: DecodedRule): readonly Pattern[] {
  return rule.flatMap((expression, index) => {
    const before = rule[index - 1];
    const isName = before?.kind === 'meta' && before.key === 'oifname';
    if (!isName || expression?.kind !== 'cmp' || expression.operator !== 'eq') return [];
    // iptables ends a name with one NUL, nft pads it with several; the beginning of names has none.
    const end = expression.value.indexOf(0);
    return end < 0 ? [] : [exactly(Buffer.from(expression.value.subarray(0, end)).toString())];
  });
}
