// Sandboxes as network namespaces of this host.
import { existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NetError } from '../base/errors.ts';
import { runAll, withUndo } from '../base/undo.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import {
  createPinnedNamespace,
  type Namespace,
  type NamespaceIdentity,
  openHostNamespace,
  sameNamespace,
  unpinNamespace,
} from '../kernel/netns.ts';
import { startTime } from '../kernel/process.ts';
import { runProgram, runReaper } from '../kernel/program.ts';
import {
  findLink,
  type NamespaceContents,
  readLinks,
  readNamespace,
  request,
} from '../kernel/rtnetlink/client.ts';
import { removeLink } from '../kernel/rtnetlink/link.ts';
import type { Attachment } from '../model/attachment.ts';
import type { Difference } from '../model/difference.ts';
import type { SandboxNamespace } from '../model/sandbox.ts';
import { Attacher } from './attacher.ts';
import { compareAttachment, compareDefaultRoutes, type Fault } from './compare-attachment.ts';
import { LinkReaper } from './link-reaper.ts';
import {
  codeOf,
  enter,
  type OwnNamespace,
  openIfThere,
  openTarget,
  ownNamespace,
  within,
} from './own-namespace.ts';
import { PinLedger } from './pin-ledger.ts';
import type { AdoptedNamespace, DefaultRoutes, PinnedNamespace, Sandboxes, Stray } from './sandbox.ts';

export interface NetnsSandboxesOptions {
  /** Where namespaces are pinned (`/run/netns`). */
  readonly netnsDir: string;
  /** The daemon's RUN_DIR: tells its links and pins from another daemon's. */
  readonly runDir: string;
}

export class NetnsSandboxes implements Sandboxes {
  readonly #netnsDir: string;
  readonly #alias: string;
  readonly #pins: PinLedger;
  readonly #reaper = new LinkReaper();
  readonly #attacher: Attacher;

  constructor({ netnsDir, runDir }: NetnsSandboxesOptions) {
    this.#netnsDir = resolve(netnsDir);
    this.#alias = `fairlead ${resolve(runDir)}`;
    this.#pins = new PinLedger(runDir);
    this.#attacher = new Attacher(this.#alias);
  }

  async create(name: string): Promise<PinnedNamespace> {
    const path = join(this.#netnsDir, name);
    if (existsSync(path)) throw pathTaken(path);
    return withUndo(async (undo) => {
      undo(() => this.#pins.forget(name));
      this.#pins.announce(name);
      const { device, inode } = await pin(path);
      undo(() => unpinNamespace(path));
      this.#pins.confirm(name, { device, inode });
      return { kind: 'pinned', path, device, inode };
    });
  }

  async adopt(target: { readonly pid: number } | { readonly path: string }): Promise<AdoptedNamespace> {
    const what = 'pid' in target ? `process ${target.pid}` : target.path;
    const path = 'pid' in target ? `/proc/${target.pid}/ns/net` : resolve(target.path);
    const namespace = await openTarget(path, what);
    try {
      const host = openHostNamespace();
      host.close();
      if (sameNamespace(host, namespace)) {
        throw new NetError('invalid_parameter', `${what} is in the host's own network namespace`);
      }
      const { device, inode } = namespace;
      const started = 'pid' in target ? startTime(target.pid) : undefined;
      const process = 'pid' in target && started !== undefined ? { pid: target.pid, startTime: started } : {};
      return { kind: 'adopted', path, device, inode, ...process };
    } finally {
      namespace.close();
    }
  }

  interfaces(namespace: SandboxNamespace): Promise<readonly string[]> {
    return within(ownNamespace(namespace), async (open) => (await readLinks(open)).map(({ name }) => name));
  }

  async exists(namespace: SandboxNamespace): Promise<boolean> {
    if (!('path' in namespace)) return true;
    const open = enter(namespace);
    open?.close();
    return open !== undefined;
  }

  async attach(namespace: SandboxNamespace, attachment: Attachment, routes: DefaultRoutes): Promise<void> {
    const own = ownNamespace(namespace);
    await within(own, (open) => this.#attacher.attach({ open, recorded: own }, attachment, routes));
  }

  async detach(namespace: SandboxNamespace, attachment: Attachment, routes: DefaultRoutes): Promise<void> {
    const own = ownNamespace(namespace);
    await this.#removeLink(own, attachment);
    const remaining = [routes.ipv4, routes.ipv6].some((route) => route !== undefined);
    if (remaining && (await this.exists(own))) await this.setDefaultRoutes(own, routes);
  }

  async repair(namespace: SandboxNamespace, attachment: Attachment, routes: DefaultRoutes): Promise<void> {
    const own = ownNamespace(namespace);
    await within(own, async (open) => {
      const observed = await readNamespace(open);
      const faults = await compare(attachment, observed);
      if (faults.some(({ mend }) => mend === undefined)) {
        await this.#removeLink(own, attachment);
        await this.#attacher.attach({ open, recorded: own }, attachment, routes);
      } else {
        await mendAll(faults, open);
      }
      await this.#mendDefaultRoutes(open, routes);
    });
  }

  async setDefaultRoutes(namespace: SandboxNamespace, routes: DefaultRoutes): Promise<void> {
    await within(ownNamespace(namespace), (open) => this.#mendDefaultRoutes(open, routes));
  }

  async remove(namespace: SandboxNamespace, attachments: readonly Attachment[]): Promise<void> {
    if (namespace.kind === 'host') return;
    const own = ownNamespace(namespace);
    const removals = attachments.map((attachment) => this.#removeLink(own, attachment));
    const results = await Promise.allSettled(removals);
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (own.kind === 'pinned') failures.push(...(await runAll([() => this.#unpin(own)])));
    if (failures.length > 0) throw new AggregateError(failures, `${own.path} could not be removed wholly`);
  }

  async inspect(
    namespace: SandboxNamespace,
    attachments: readonly Attachment[],
    routes: DefaultRoutes,
  ): Promise<readonly Difference[]> {
    if (namespace.kind === 'host') return [];
    return within(ownNamespace(namespace), async (open) => {
      const observed = await readNamespace(open);
      const found = attachments.map(async (attachment) =>
        describe(`interface ${attachment.ifname}`, await compare(attachment, observed)),
      );
      return [
        ...(await Promise.all(found)).flat(),
        ...describe('default route', compareDefaultRoutes(routes, observed)),
      ];
    });
  }

  async strays(keep: {
    readonly namespaces: readonly SandboxNamespace[];
    readonly attachments: readonly Attachment[];
  }): Promise<readonly Stray[]> {
    const links = new Set(keep.attachments.map(({ link }) => link.kind === 'veth' && link.hostIfname));
    const ours = (await readLinks()).filter(({ alias, name }) => alias === this.#alias && !links.has(name));
    const paths = new Set(keep.namespaces.map((namespace) => 'path' in namespace && namespace.path));
    const pins: Stray[] = [];
    for (const name of this.#pins.names()) {
      const path = join(this.#netnsDir, name);
      if (paths.has(path)) continue;
      if (await this.#isOurs(name, path)) pins.push({ kind: 'pin', name: path });
      else this.#pins.forget(name);
    }
    return [...ours.map(({ name }) => ({ kind: 'link', name }) as const), ...pins];
  }

  async removeStray({ kind, name }: Stray): Promise<void> {
    if (kind === 'link') return this.#reaper.remove(name);
    await unpinNamespace(name);
    this.#pins.forget(name.slice(this.#netnsDir.length + 1));
  }

  async #mendDefaultRoutes(open: Namespace, routes: DefaultRoutes): Promise<void> {
    await mendAll(compareDefaultRoutes(routes, await readNamespace(open)), open);
  }

  async #removeLink(namespace: OwnNamespace, attachment: Attachment): Promise<void> {
    const { link } = attachment;
    if (link.kind === 'veth') return this.#reaper.remove(link.hostIfname);
    const open = enter(namespace);
    if (open === undefined) return;
    try {
      // Its alias tells it from another link of that name, which is not ours to remove.
      const there = await findLink({ name: attachment.ifname }, open);
      if (there?.alias !== this.#alias) return;
      await ignoreAbsence(runReaper([request('namespace', removeLink({ index: there.index }))], open));
    } finally {
      open.close();
    }
  }

  /** Only the very namespace that was recorded: the path may be somebody else's by now. */
  async #unpin(namespace: PinnedNamespace): Promise<void> {
    const { path } = namespace;
    if ((await this.exists(namespace)) || (await isBare(path))) await unpinNamespace(path);
    this.#pins.forget(path.slice(this.#netnsDir.length + 1));
  }

  async #isOurs(name: string, path: string): Promise<boolean> {
    const pinned = openIfThere(path);
    pinned?.close();
    return pinned === undefined ? isBare(path) : this.#pins.owns(name, pinned);
  }
}

/** Errors: `already_exists`. */
async function pin(path: string): Promise<NamespaceIdentity> {
  try {
    return await createPinnedNamespace(path, { disableIpv6: true });
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? pathTaken(path) : error;
  }
}

/** Whether a path is the empty file a pin is mounted on, without the mount: between the two steps of pinning and unpinning. */
async function isBare(path: string): Promise<boolean> {
  const file = await lstat(path).catch(() => undefined);
  if (file?.isFile() !== true || file.size !== 0) return false;
  const pinned = openIfThere(path);
  pinned?.close();
  return pinned === undefined;
}

async function compare(attachment: Attachment, observed: NamespaceContents): Promise<readonly Fault[]> {
  const { link } = attachment;
  const [end, hostLink] = await Promise.all([
    link.kind === 'veth' ? findLink({ name: link.hostIfname }) : undefined,
    findLink({ name: link.kind === 'veth' ? link.bridge : link.parent }),
  ]);
  return compareAttachment(attachment, observed, { end, link: hostLink });
}

async function mendAll(faults: readonly Fault[], open: Namespace): Promise<void> {
  const steps = faults.flatMap(({ mend }) => mend ?? []);
  if (steps.length > 0) await runProgram(steps, open);
}

async function ignoreAbsence(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
  }
}

function describe(object: string, faults: readonly Fault[]): readonly Difference[] {
  return faults.map(({ problem }) => ({ object, problem }));
}

function pathTaken(path: string): NetError {
  return new NetError('already_exists', `${path} exists already`);
}
