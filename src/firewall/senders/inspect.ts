// Compares the table in the kernel with the senders it should be of.
import { getTable, listChains, listElements, listRules, listSets } from '../../kernel/nftables/client.ts';
import { setForm } from '../../kernel/nftables/set.ts';
import type { Difference } from '../../model/difference.ts';
import { chainProblem } from '../nftables/inspect.ts';
import type { SetElement } from '../nftables/render.ts';
import { nameOf } from '../nftables/ruleset.ts';
import { elementText } from './elements.ts';
import { sets, tableName } from './layout.ts';
import { chainsFor, elementsFor, type Senders } from './write.ts';

interface FoundTable {
  readonly chains: Awaited<ReturnType<typeof listChains>>;
  readonly rules: Awaited<ReturnType<typeof listRules>>;
  readonly forms: ReadonlyMap<string, string>;
  readonly elements: readonly SetElement[];
}

export async function inspectTable(senders: Senders): Promise<readonly Difference[]> {
  const found = await readTable();
  if (found === undefined) return [{ object: `nft table bridge ${tableName}`, problem: 'is missing' }];
  return [...inspectChains(senders, found), ...inspectSets(found), ...inspectElements(senders, found)];
}

/**
 * All is asked for at once, and so answered by the netlink thread with no change of ours in between. Undefined when there is no
 * table; what of it is missing is empty.
 */
async function readTable(): Promise<FoundTable | undefined> {
  const [table, chains, rules, found, ...elements] = await Promise.allSettled([
    getTable(tableName, 'bridge'),
    listChains(tableName, 'bridge'),
    listRules(tableName, 'bridge'),
    listSets(tableName, 'bridge'),
    ...sets.map(({ name }) => listElements(tableName, name, 'bridge')),
  ]);
  if (fulfilled(table) === undefined) return undefined;
  return {
    chains: fulfilled(chains),
    rules: fulfilled(rules),
    forms: new Map(fulfilled(found).map(({ name, form }) => [name, form])),
    elements: sets.flatMap(({ name }, index) => {
      const outcome = elements[index];
      return outcome?.status === 'fulfilled'
        ? outcome.value.map((element) => ({ ...element, set: name }))
        : [];
    }),
  };
}

function inspectChains(senders: Senders, { chains, rules }: FoundTable): readonly Difference[] {
  const wanted = chainsFor(senders);
  const known = new Set(wanted.map(({ name }) => name));
  const rulesOf = (name: string) => rules.filter(({ chain }) => chain === name).map(({ rule }) => rule);
  return [
    ...wanted.flatMap((chain) => {
      const there = chains.find(({ name }) => name === chain.name);
      const problem = chainProblem(chain, there, rulesOf(chain.name));
      return problem === undefined ? [] : [chainDifference(chain.name, problem)];
    }),
    ...chains.filter(({ name }) => !known.has(name)).map(({ name }) => chainDifference(name, 'is not ours')),
  ];
}

function inspectSets({ forms }: FoundTable): readonly Difference[] {
  return sets.flatMap((set) => {
    const form = forms.get(set.name);
    if (form === setForm(set)) return [];
    const problem = form === undefined ? 'is missing' : 'is of another form';
    return [{ object: `nft set ${set.name} of table bridge ${tableName}`, problem }];
  });
}

function inspectElements(senders: Senders, { forms, elements }: FoundTable): readonly Difference[] {
  const wanted = elementsFor(senders.values());
  const found = new Set(elements.map(nameOf));
  const missing = [...wanted].flatMap(([name, element]) =>
    found.has(name) || !forms.has(element.set) ? [] : [element],
  );
  const foreign = elements.filter((element) => !wanted.has(nameOf(element)));
  return [
    ...missing.map((element) => elementDifference(element, 'is missing')),
    ...foreign.map((element) => elementDifference(element, 'is not ours')),
  ];
}

function chainDifference(name: string, problem: string): Difference {
  return { object: `nft chain ${name} of table bridge ${tableName}`, problem };
}

function elementDifference({ set, key }: SetElement, problem: string): Difference {
  return { object: `element ${elementText(key)} of nft set ${set}`, problem };
}

function fulfilled<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}
