// The table `filter` of one family, where iptables and Docker have their rules: what is in it that concerns us.
import { listChains, listRules } from '../../kernel/nftables/client.ts';
import type { DecodedExpression } from '../../kernel/nftables/expression/expression.ts';
import type { DecodedRule, RuleHandle } from '../../kernel/nftables/rule.ts';
import type { Verdict } from '../../kernel/nftables/verdict.ts';
import { exactly, type Pattern } from './rules.ts';

export const filterName = 'filter';
/** Where Docker leaves room for the rules of others, and never touches them (docs.docker.com, "Packet filtering and firewalls"). */
export const userChain = 'DOCKER-USER';
export const ownChain = 'FAIRLEAD-FORWARD';

export type FilterFamily = 'ip' | 'ip6';

export interface PlacedRule {
  readonly handle: RuleHandle;
  /** Without what changes nothing: comments, and the counters that iptables gives to every rule. */
  readonly rule: DecodedRule;
}

export interface FilterTable {
  readonly family: FilterFamily;
  /** It drops what it forwards unless a rule accepts it, and has Docker's chain for such rules. */
  readonly concernsUs: boolean;
  /** Undefined when there is no such chain. */
  readonly own: readonly PlacedRule[] | undefined;
  readonly user: readonly PlacedRule[];
  /** Bridges that Docker's rules name, in order. */
  readonly named: readonly Pattern[];
}

/** Reads no rules where no chain concerns us. */
export async function readFilter(family: FilterFamily): Promise<FilterTable> {
  const chains = await listChains(filterName, family);
  const names = new Set(chains.map(({ name }) => name));
  const drops = chains.some(
    ({ base }) => typeof base === 'object' && base.hook === 'forward' && base.policy === 'drop',
  );
  const concernsUs = drops && names.has(userChain);
  if (!concernsUs && !names.has(ownChain)) {
    return { family, concernsUs, own: undefined, user: [], named: [] };
  }
  const rules = (await listRules(filterName, family)).map(({ rule, ...place }) => ({
    ...place,
    rule: rule.filter((expression) => !changesNothing(expression)),
  }));
  return {
    family,
    concernsUs,
    own: names.has(ownChain) ? rules.filter(({ chain }) => chain === ownChain) : undefined,
    user: rules.filter(({ chain }) => chain === userChain),
    named: namedByDocker([...names].filter(isDockers), rules),
  };
}

function changesNothing(expression: DecodedExpression): boolean {
  return expression?.kind === 'counter' || (expression?.kind === 'match' && expression.name === 'comment');
}

/** The verdict of a rule that asks nothing of a packet. */
export function unconditional(rule: DecodedRule): Verdict | undefined {
  const [only] = rule;
  return rule.length === 1 && only?.kind === 'immediate' && 'verdict' in only ? only.verdict : undefined;
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
function namedByDocker(
  chains: readonly string[],
  rules: readonly { readonly chain: string; readonly rule: DecodedRule }[],
): readonly Pattern[] {
  const found = rules
    .filter(({ chain, rule }) => chains.includes(chain) || chains.some((name) => leadsTo(rule, name)))
    .flatMap(({ rule }) => destinationsOf(rule));
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
