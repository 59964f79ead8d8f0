// What others have in the table `filter` that our rules there depend on, read from what is found. Pure.
import { isDockers, userChain } from '../passage/filter-table.ts';
import { exactly } from '../passage/rules.ts';
import type { Surroundings } from './filter-rules.ts';
import { type FoundTable, targetOf } from './table.ts';

export const noSurroundings: Surroundings = { hasUserChain: false, named: [] };

/** Docker has a rule for what goes to each of its bridges, in a chain of its own or where such a chain is jumped to. */
export function surroundingsOf(filter: FoundTable): Surroundings {
  const named = [...filter].flatMap(([chain, rules]) =>
    rules
      .filter((rule) => isDockers(chain) || isDockers(targetOf(rule) ?? ''))
      .flatMap((rule) => /(?:^|[^!] )-o (\S+)/.exec(rule)?.[1] ?? []),
  );
  return { hasUserChain: filter.has(userChain), named: [...new Set(named)].sort().map(exactly) };
}
