// Network namespaces: opening, telling apart, making and pinning.
import { closeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { NetError } from '../base/errors.ts';
import { type NamespaceIdentity, native } from './native.ts';

export type { NamespaceIdentity } from './native.ts';

/** An open network namespace: it exists at least until `close`. */
export interface Namespace extends NamespaceIdentity {
  /** Throws after `close`, when the number may mean something else. */
  readonly fd: number;
  /** May be repeated. */
  close(): void;
}

/** The namespace bound to a path, or that of a process. */
export type NamespaceTarget = { readonly path: string } | { readonly pid: number };

/**
 * Takes microseconds, unless the path is on a file system that hangs. Errors: those of open(2), with `code`: `ENOENT`,
 * `ESRCH`…; `EINVAL` when the path is not a network namespace.
 */
export function openNamespace(target: NamespaceTarget): Namespace {
  const path = 'path' in target ? resolve(target.path) : `/proc/${target.pid}/ns/net`;
  const { fd, device, inode } = native.openNamespace(path);
  let open = true;
  return {
    get fd() {
      if (!open) throw new NetError('internal', `network namespace ${path} is closed`);
      return fd;
    },
    device,
    inode,
    close() {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** The namespace the daemon itself is in. */
export function openHostNamespace(): Namespace {
  return openNamespace({ path: '/proc/self/ns/net' });
}

/** Opens a namespace for as long as `work` takes. */
export async function withNamespace<T>(
  target: NamespaceTarget,
  work: (namespace: Namespace) => Promise<T>,
): Promise<T> {
  const namespace = openNamespace(target);
  try {
    return await work(namespace);
  } finally {
    namespace.close();
  }
}

export function sameNamespace(a: NamespaceIdentity, b: NamespaceIdentity): boolean {
  return a.device === b.device && a.inode === b.inode;
}

/** That which a socket is in, whoever holds it. Errors: those of ioctl(2), with `code`. */
export function namespaceOfSocket(fd: number): NamespaceIdentity {
  return native.socketNamespace(fd);
}

/**
 * Makes a network namespace with loopback up and pins it to a new file at `path`, as `ip netns add` does.
 * `disableIpv6`: interfaces that come into it have no IPv6 until it is turned on for them.
 * Errors: `EEXIST` when the path is taken; after an error nothing remains.
 */
export async function createPinnedNamespace(
  path: string,
  options: { readonly disableIpv6: boolean },
): Promise<NamespaceIdentity> {
  const absolute = resolve(path);
  await mkdir(dirname(absolute), { recursive: true });
  return native.createPinnedNamespace(absolute, options.disableIpv6);
}

/** Removes the pin and its file; absent is fine. What still uses the namespace keeps it alive. */
export async function unpinNamespace(path: string): Promise<void> {
  await native.unpinNamespace(resolve(path));
}
