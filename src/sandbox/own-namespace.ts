// Opening the namespaces of sandboxes: only ever the very one that was recorded, or one that is being adopted.
import { stat } from 'node:fs/promises';
import { NetError } from '../base/errors.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import { type Namespace, openHostNamespace, openNamespace, sameNamespace } from '../kernel/netns.ts';
import type { SandboxNamespace } from '../model/sandbox.ts';
import type { AdoptedNamespace, PinnedNamespace } from './sandbox.ts';

export type OwnNamespace = PinnedNamespace | AdoptedNamespace;
export type AwaitedNamespace = Extract<SandboxNamespace, { kind: 'awaited' }>;

/**
 * Opens a recorded namespace; undefined when it is gone or another one has taken its place. Of an awaited one nothing is
 * recorded but its path: whatever is there by now is meant.
 */
export function enter(namespace: SandboxNamespace): Namespace | undefined {
  if (namespace.kind === 'awaited') return openIfOther(namespace.expectedPath);
  const own = ownNamespace(namespace);
  const open = openIfThere(own.path);
  if (open === undefined || sameNamespace(open, own)) return open;
  open.close();
  return undefined;
}

/** Errors: `not_found` when the recorded namespace is gone. */
export async function within<T>(namespace: OwnNamespace, work: (open: Namespace) => Promise<T>): Promise<T> {
  const open = enter(namespace);
  if (open === undefined) throw new NetError('not_found', `network namespace ${namespace.path} is gone`);
  try {
    return await work(open);
  } finally {
    open.close();
  }
}

/**
 * Namespaces of the host and of other sandboxes are not configured through here: asking for it is a mistake of the caller.
 * Errors: `not_found` when it is still awaited.
 */
export function ownNamespace(namespace: SandboxNamespace): OwnNamespace {
  if ('path' in namespace) return namespace;
  if (namespace.kind === 'awaited') {
    throw new NetError('not_found', `network namespace ${namespace.expectedPath} has not been seen yet`);
  }
  throw new NetError('internal', `a sandbox of kind ${namespace.kind} has no namespace of its own`);
}

/** Undefined when there is no namespace at that path. */
export function openIfThere(path: string): Namespace | undefined {
  try {
    return openNamespace({ path });
  } catch {
    return undefined; // gone, or no longer a namespace
  }
}

/** As `openIfThere`, but undefined also for the host's own. */
export function openIfOther(path: string): Namespace | undefined {
  const open = openIfThere(path);
  if (open === undefined || !isHosts(open)) return open;
  open.close();
  return undefined;
}

/** Opens a namespace of somebody else's. Errors: `not_found`, `invalid_parameter`, also for the host's own. */
export async function openTarget(
  path: string,
  what: string,
  { isLocal = false }: { readonly isLocal?: boolean } = {},
): Promise<Namespace> {
  const namespace = await openOther(path, what, isLocal);
  if (!isHosts(namespace)) return namespace;
  namespace.close();
  throw new NetError('invalid_parameter', `${what} is in the host's own network namespace`);
}

function isHosts(namespace: Namespace): boolean {
  const host = openHostNamespace();
  host.close();
  return sameNamespace(host, namespace);
}

async function openOther(path: string, what: string, isLocal: boolean): Promise<Namespace> {
  try {
    if (!isLocal) await stat(path); // one on a file system that hangs holds up a pool thread, not the event loop
    return openNamespace({ path });
  } catch (cause) {
    const gone = ['ENOENT', 'ESRCH'].includes(codeOf(cause) ?? '');
    if (gone) throw new NetError('not_found', `${what} does not exist`, { cause });
    throw new NetError('invalid_parameter', `${what} is not a network namespace`, { cause });
  }
}

/** Waits for a change to a link that may be gone meanwhile. */
export async function ignoreAbsence(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
  }
}

export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
