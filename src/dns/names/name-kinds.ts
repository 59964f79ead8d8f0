// What each name of an entry is, told by its place: the sandbox's name, hostname, short id, then aliases.
import { shortId } from '../../model/ids.ts';
import type { NameEntry } from '../../model/name-entry.ts';
import type { NameKind } from '../../model/visible-name.ts';

/** A name that is two things at once is listed, and so is, the first of them. */
export function kindOf({ names, sandboxId }: NameEntry, index: number): Exclude<NameKind, 'link'> {
  if (index === 0) return 'name';
  const id = names.indexOf(shortId(sandboxId));
  if (index === id) return 'id';
  return index < id ? 'hostname' : 'alias';
}

/** As names are compared (RFC 4343 section 3): letters of ASCII alone. */
export function foldCase(name: string): string {
  return /[A-Z]/.test(name) ? name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : name;
}
