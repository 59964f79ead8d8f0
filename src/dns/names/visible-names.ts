// The names there are, as one asker sees them or as they are on all networks.

import { shortId } from '../../model/ids.ts';
import type { NameEntry, ResolverView } from '../../model/name-entry.ts';
import type { VisibleName } from '../../model/visible-name.ts';
import type { DuplicateNames } from './duplicate-names.ts';
import { foldCase, kindOf } from './name-kinds.ts';

/** Sorted by name. @param view of the asker; all names of all networks without. */
export function visibleNames(
  duplicates: Pick<DuplicateNames, 'entries' | 'rivals'>,
  view?: Pick<ResolverView, 'networks' | 'links'>,
): readonly VisibleName[] {
  const links = view?.links ?? [];
  const entries = [...duplicates.entries()].filter(
    ({ networkId }) => view === undefined || view.networks.includes(networkId),
  );
  const own = entries.flatMap((entry) =>
    entry.names.map((name, index): VisibleName => {
      const rivals = duplicates.rivals(entry, name, view?.networks);
      return {
        ...placeOf(entry),
        name,
        kind: kindOf(entry, index),
        alsoClaimedBy: [...new Set(rivals.map(nameOf))].sort(),
        isHidden: isHidden(name, entry, links),
      };
    }),
  );
  const linked = links.flatMap((link) => linkNames(link, entries));
  return [...own, ...linked].sort(inOrder);
}

function isHidden(name: string, { sandboxId }: NameEntry, links: ResolverView['links']): boolean {
  const same = links.filter(({ alias }) => foldCase(alias) === foldCase(name));
  return same.length > 0 && same.every(({ target }) => target !== sandboxId);
}

/** One for each network on which the asker reaches the target. */
function linkNames(
  { alias, target }: ResolverView['links'][number],
  entries: readonly NameEntry[],
): readonly VisibleName[] {
  const link = { name: alias, kind: 'link', alsoClaimedBy: [], isHidden: false } as const;
  const targets = entries.filter(({ sandboxId }) => sandboxId === target);
  if (targets.length > 0) return targets.map((entry) => ({ ...placeOf(entry), ...link }));
  return [{ ...link, sandboxId: target, sandboxName: shortId(target), addresses: [] }];
}

function placeOf(entry: NameEntry) {
  const { networkId, networkName, sandboxId, addresses } = entry;
  return { networkId, networkName, sandboxId, sandboxName: nameOf(entry), addresses };
}

function nameOf({ names, sandboxId }: NameEntry): string {
  return names[0] ?? shortId(sandboxId);
}

function inOrder(a: VisibleName, b: VisibleName): number {
  const bySandbox = compare(a.sandboxName, b.sandboxName);
  return compare(a.name, b.name) || compare(a.networkName, b.networkName) || bySandbox;
}

/** By code units, the same everywhere. */
function compare(a = '', b = ''): number {
  return a < b ? -1 : Number(a > b);
}
