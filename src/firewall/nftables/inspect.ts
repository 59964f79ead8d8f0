// Compares the table in the kernel with what was last applied.
import { isDeepStrictEqual } from 'node:util';
import { getTable, listChains, listElements, listRules, listSets } from '../../kernel/nftables/client.ts';
import type { DecodedRule } from '../../kernel/nftables/rule.ts';
import { setForm } from '../../kernel/nftables/set.ts';
import type { Difference } from '../../model/difference.ts';
import { destinationText, ifnameText } from './key.ts';
import { baseChains, type ChainRules, sets, tableName } from './layout.ts';
import type { SetElement } from './render.ts';
import { nameOf, type Ruleset, sameElement } from './ruleset.ts';

export async function inspectTable(ruleset: Ruleset): Promise<readonly Difference[]> {
  if ((await getTable(tableName)) === undefined) {
    return [{ object: `nft table inet ${tableName}`, problem: 'is missing' }];
  }
  return [...(await inspectChains(ruleset)), ...(await inspectElements(ruleset))];
}

async function inspectChains(ruleset: Ruleset): Promise<readonly Difference[]> {
  const chains = new Map((await listChains(tableName)).map((chain) => [chain.name, chain]));
  const rules = new Map<string, DecodedRule[]>();
  for (const { chain, rule } of await listRules(tableName))
    rules.set(chain, [...(rules.get(chain) ?? []), rule]);
  const wanted = wantedChains(ruleset);
  const known = new Set(wanted.map(({ name }) => name));
  return [
    ...wanted.flatMap((chain) => {
      const problem = chainProblem(chain, chains.get(chain.name), rules.get(chain.name) ?? []);
      return problem === undefined ? [] : [chainDifference(chain.name, problem)];
    }),
    ...[...chains.keys()]
      .filter((name) => !known.has(name))
      .map((name) => chainDifference(name, 'is not ours')),
  ];
}

function wantedChains(ruleset: Ruleset): readonly ChainRules[] {
  return [...baseChains, ...[...ruleset.chains].map(([name, rules]) => ({ name, rules }))];
}

/** Undefined where it is as it should be. */
export function chainProblem(
  wanted: ChainRules,
  found: Awaited<ReturnType<typeof listChains>>[number] | undefined,
  rules: readonly DecodedRule[],
): string | undefined {
  if (found === undefined) return 'is missing';
  if (!isDeepStrictEqual(found.base, wanted.base)) return 'has another hook or policy';
  return isDeepStrictEqual(rules, wanted.rules) ? undefined : 'has other rules';
}

function chainDifference(name: string, problem: string): Difference {
  return { object: `nft chain ${name}`, problem };
}

async function inspectElements(ruleset: Ruleset): Promise<readonly Difference[]> {
  const forms = new Map((await listSets(tableName)).map(({ name, form }) => [name, form]));
  const wanted = new Map([...ruleset.elements()].map((element) => [nameOf(element), element]));
  const differences: Difference[] = [];
  for (const set of sets) {
    if (forms.get(set.name) !== setForm(set)) {
      const problem = forms.has(set.name) ? 'is of another form' : 'is missing';
      differences.push({ object: `nft set ${set.name}`, problem });
      continue;
    }
    for (const element of await listElements(tableName, set.name)) {
      differences.push(...elementProblem({ ...element, set: set.name }, wanted));
    }
  }
  for (const element of wanted.values()) {
    if (forms.has(element.set)) differences.push({ object: objectOf(element), problem: 'is missing' });
  }
  return differences;
}

/** Takes what is found off the list of what is wanted. */
function elementProblem(found: SetElement, wanted: Map<string, SetElement>): readonly Difference[] {
  const name = nameOf(found);
  const expected = wanted.get(name);
  wanted.delete(name);
  if (expected === undefined) return [{ object: objectOf(found), problem: 'is not ours' }];
  return sameElement(found, expected) ? [] : [{ object: objectOf(found), problem: 'leads elsewhere' }];
}

const byInterface = new Set(sets.filter(({ key }) => key[0] === 'ifname').map(({ name }) => name));
/** Where a published port is an element of its own, as opposed to what comes with it. */
const ofPorts = /^((address-|restricted-|open-)?ports|(open-)?ranges)-/;

/** `port 8080/tcp on 192.0.2.1`, or an element of a set by its name. */
function objectOf({ set, key, lastKey }: SetElement): string {
  if (byInterface.has(set)) return `element ${ifnameText(key)} of nft set ${set}`;
  const text = destinationText(key, lastKey);
  return ofPorts.test(set) ? `port ${text}` : `element ${text} of nft set ${set}`;
}
