// Opening the namespaces of sandboxes: only ever the very one that was recorded, or one that is being adopted.
import { stat } from 'node:fs/promises';
import { NetError } from '../base/errors.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import { type Namespace, openHostNamespace, openNamespace, sameNamespace } from '../kernel/netns.ts';
import type { SandboxNamespace } from '../model/sandbox.ts';
import type { AdoptedNamespace, PinnedNamespace } from './sandbox.ts';

export type OwnNamespace = PinnedNamespace | AdoptedNamespace;

/** Opens a recorded namespace; undefined when it is gone or another one has taken its place. */
export function enter(namespace: SandboxNamespace): Namespace | undefined {
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

/** Namespaces of the host and of other sandboxes are not configured through here: asking for it is a mistake of the caller. */
export function ownNamespace(namespace: SandboxNamespace): OwnNamespace {
  if ('path' in namespace) return namespace;
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

/** Opens a namespace of somebody else's. Errors: `not_found`, `invalid_parameter`, also for the host's own. */
export async function openTarget(path: string, what: string): Promise<Namespace> {
  const namespace = await openOther(path, what);
  const host = openHostNamespace();
  host.close();
  if (!sameNamespace(host, namespace)) return namespace;
  namespace.close();
  throw new NetError('invalid_parameter', `${what} is in the host's own network namespace`);
}

async function openOther(path: string, what: string): Promise<Namespace> {
  try {
    await stat(path); // a path on a file system that hangs holds up a pool thread, not the event loop
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
