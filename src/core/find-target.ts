// What a connect's target names: a sandbox, or a namespace somebody else made that is to be adopted.
import { NetError } from '../base/errors.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { AdoptedNamespace } from '../sandbox/sandbox.ts';
import type { State } from '../store/store.ts';
import { lookUp } from './lookup.ts';
import type { Parts } from './parts.ts';

/**
 * The sandbox a target names, if it is one already; one that is to be adopted is called `sandboxName`, or like it.
 * Errors: `not_found` (process or path of an adopted target).
 */
export async function findTarget(
  parts: Parts,
  target: string,
  sandboxName?: string,
): Promise<Sandbox | { readonly adopt: Adoption }> {
  const { sandboxes } = parts.store.state;
  const known = lookUp('sandbox', sandboxes, target);
  if (known !== undefined) return known;
  const where = await adoptable(parts, target);
  if (where === undefined) throw new NetError('not_found', `no sandbox ${target}`);
  const namespace = await parts.sandboxes.adopt(where);
  const { engine } = where;
  return orAdoption(parts, {
    name: sandboxName ?? where.name ?? adoptedName(where),
    namespace,
    ...(engine !== undefined && { engine }),
  });
}

/** The sandbox that is the namespace by now, or an adoption under a name that is free. */
export async function orAdoption(
  parts: Parts,
  adoption: Adoption,
): Promise<Sandbox | { readonly adopt: Adoption }> {
  const { sandboxes } = parts.store.state;
  const { name, namespace } = adoption;
  for (const sandbox of sandboxes.values()) {
    if (await isOf(parts, sandbox, namespace)) return sandbox;
  }
  return { adopt: { ...adoption, name: freeSandboxName(parts.store.state, name) } };
}

/** The kernel numbers namespaces anew from the lowest free number: another path may be another namespace. */
async function isOf(parts: Parts, { namespace }: Sandbox, wanted: AdoptedNamespace): Promise<boolean> {
  if (!('inode' in namespace) || namespace.inode !== wanted.inode || namespace.device !== wanted.device)
    return false;
  return namespace.path === wanted.path || parts.sandboxes.exists(namespace);
}

export interface Adoption {
  readonly name: string;
  readonly namespace: AdoptedNamespace;
  /** Set for a container of an engine. */
  readonly engine?: NonNullable<Sandbox['engine']>;
}

type Place = ({ readonly pid: number } | { readonly path: string }) &
  Partial<Pick<Adoption, 'name' | 'engine'>>;

async function adoptable(parts: Parts, target: string): Promise<Place | undefined> {
  const [, scheme, rest = ''] = /^(pid|netns|docker):(.*)$/s.exec(target) ?? [];
  if (scheme === undefined) return undefined;
  if (scheme === 'docker') {
    const { path, name, containerId } = await parts.containers.namespaceOf(rest);
    return { path, name, engine: { containerId } };
  }
  if (scheme === 'netns') {
    if (!rest.startsWith('/'))
      throw new NetError('invalid_parameter', `target ${target}: the path must be absolute`);
    return { path: rest };
  }
  const pid = Number(rest);
  if (!/^[1-9]\d{0,9}$/.test(rest))
    throw new NetError('invalid_parameter', `target ${target}: ${rest} is not a process id`);
  return { pid };
}

function adoptedName(where: { readonly pid: number } | { readonly path: string }): string {
  if ('pid' in where) return `pid-${where.pid}`;
  const base = where.path.slice(where.path.lastIndexOf('/') + 1);
  return (
    base
      .replaceAll(/[^a-zA-Z0-9_.-]/g, '-')
      .replace(/^[^a-zA-Z0-9]+/, '')
      .slice(0, 63) || 'netns'
  );
}

/** The name, or one like it that no sandbox has but the one it is for. */
export function freeSandboxName({ sandboxes }: State, name: string, owner?: Sandbox): string {
  const others = [...sandboxes.values()].filter((sandbox) => sandbox !== owner);
  return freeName(name, new Set(others.map((sandbox) => sandbox.name)));
}

/** Different namespaces may go by one name, such as `net` for every /proc/PID/ns/net. */
function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let number = 2;
  while (taken.has(numbered(name, number))) number++;
  return numbered(name, number);
}

function numbered(name: string, number: number): string {
  const suffix = `-${number}`;
  return name.slice(0, 63 - suffix.length) + suffix;
}
