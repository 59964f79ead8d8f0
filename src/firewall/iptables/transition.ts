// From one state of a table to another: what `iptables-restore` is told, and what differs in words. Pure.
import type { Difference } from '../../model/difference.ts';
import {
  type FoundTable,
  type FoundTables,
  isOurs,
  type Table,
  type Tables,
  tableNames,
  targetOf,
  userChain,
} from './table.ts';

/** Input of `iptables-restore --noflush`; empty when there is nothing to do. Rules and chains of others are left as they are. */
export function transition(found: FoundTables, wanted: Tables): string {
  return tableNames
    .map((name) => ({ name, lines: tableLines(found[name], wanted[name]) }))
    .filter(({ lines }) => lines.length > 0)
    .map(({ name, lines }) => [`*${name}`, ...lines, 'COMMIT', ''].join('\n'))
    .join('');
}

/** @param command `iptables` or `ip6tables`, as which the tables are known. */
export function differences(command: string, found: FoundTables, wanted: Tables): readonly Difference[] {
  return tableNames.flatMap((name) =>
    tableProblems(found[name], wanted[name]).map(({ chain, problem }) => ({
      object: `${command} chain ${name} ${chain}`,
      problem,
    })),
  );
}

function tableLines(found: FoundTable, wanted: Table): readonly string[] {
  const gone = goneChains(found, wanted);
  const changes = [...wanted.chains].map(([name, { rules, anyOrder, kept }]) => {
    const before = found.get(name);
    if (kept === true && before !== undefined) return { declared: [], deleted: [], added: [] };
    if (before === undefined || (anyOrder !== true && !sameList(before, rules))) {
      // Declares a chain that is not there, and empties one that is.
      return {
        declared: [`:${name} - [0:0]`],
        deleted: [],
        added: rules.map((rule) => `-A ${name} ${rule}`),
      };
    }
    if (sameList(before, rules)) return { declared: [], deleted: [], added: [] };
    return {
      declared: [],
      deleted: without(before, rules).map((rule) => `-D ${name} ${rule}`),
      added: without(rules, before).map((rule) => `-A ${name} ${rule}`),
    };
  });
  const misplaced = [...wanted.jumps].filter(([chain, rule]) => !leadsFirst(found.get(chain), rule));
  const left = foreignRules(found).filter(
    ({ chain, target }) => gone.includes(target) || misplaced.some(([name]) => name === chain),
  );
  return [
    ...changes.flatMap(({ declared }) => declared),
    ...changes.flatMap(({ deleted }) => deleted),
    ...changes.flatMap(({ added }) => added),
    ...left.map(({ chain, rule }) => `-D ${chain} ${rule}`),
    ...misplaced.map(([chain, rule]) => `-I ${chain} ${rule}`),
    ...gone.map((name) => `-F ${name}`),
    ...gone.map((name) => `-X ${name}`),
    ...(isUnused(userChain, found, wanted) ? [`-X ${userChain}`] : []),
  ];
}

interface ChainProblem {
  readonly chain: string;
  readonly problem: string;
}

function tableProblems(found: FoundTable, wanted: Table): readonly ChainProblem[] {
  const chains = [...wanted.chains].flatMap(([chain, { rules, anyOrder, kept }]) => {
    const before = found.get(chain);
    if (before === undefined) return [{ chain, problem: 'is missing' }];
    if (kept === true) return [];
    const same = anyOrder === true ? sameMembers(before, rules) : sameList(before, rules);
    return same ? [] : [{ chain, problem: 'has other rules' }];
  });
  const jumps = [...wanted.jumps]
    .filter(([chain, rule]) => !leadsFirst(found.get(chain), rule))
    .map(([chain, rule]) => ({
      chain,
      problem: `does not begin with one rule that leads to ${targetOf(rule)}`,
    }));
  return [
    ...chains,
    ...jumps,
    ...goneChains(found, wanted).map((chain) => ({ chain, problem: 'is not ours' })),
  ];
}

function goneChains(found: FoundTable, wanted: Table): readonly string[] {
  return [...found.keys()].filter((name) => isOurs(name) && !wanted.chains.has(name));
}

/** A chain of the administrator's that nobody asks for any more goes when nothing is in it and nothing of others leads to it. */
function isUnused(name: string, found: FoundTable, wanted: Table): boolean {
  if (wanted.chains.has(name) || found.get(name)?.length !== 0) return false;
  return ![...found].some(
    ([chain, rules]) => !isOurs(chain) && rules.some((rule) => targetOf(rule) === name),
  );
}

/** Rules of others' chains that lead to ours. */
function foreignRules(found: FoundTable) {
  return [...found].flatMap(([chain, rules]) =>
    isOurs(chain)
      ? []
      : rules.flatMap((rule) => {
          const target = targetOf(rule);
          return target !== undefined && isOurs(target) ? [{ chain, rule, target }] : [];
        }),
  );
}

/** Whether a chain of others begins with this rule and leads to ours by no other. */
function leadsFirst(rules: readonly string[] = [], jump: string): boolean {
  return rules[0] === jump && rules.filter((rule) => isOurs(targetOf(rule) ?? '')).length === 1;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((rule, i) => rule === b[i]));
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && without(a, b).length === 0;
}

/** What is left of a list when each of others has taken one like itself out of it. */
function without(list: readonly string[], others: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const other of others) counts.set(other, (counts.get(other) ?? 0) + 1);
  return list.filter((one) => {
    const count = counts.get(one) ?? 0;
    counts.set(one, count - 1);
    return count <= 0;
  });
}
