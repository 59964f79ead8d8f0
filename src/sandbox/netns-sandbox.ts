// Sandboxes as network namespaces of this host.
import { resolve } from 'node:path';
import type { InterfaceAddress } from '../base/cidr.ts';
import { runAll } from '../base/undo.ts';
import type { Namespace } from '../kernel/netns.ts';
import { startTime } from '../kernel/process.ts';
import { type NamespaceContents, readLinks, readNamespace } from '../kernel/rtnetlink/client.ts';
import type { Attachment } from '../model/attachment.ts';
import type { Difference } from '../model/difference.ts';
import type { SandboxNamespace } from '../model/sandbox.ts';
import { checkIpv6 } from './address-plan.ts';
import { Attacher, type AttachPlace } from './attacher.ts';
import { compareAttachment } from './compare-attachment.ts';
import { compareDefaultRoutes } from './compare-routes.ts';
import type { Fault } from './fault.ts';
import { attachForeign } from './foreign-interface.ts';
import { findInterface } from './found-interface.ts';
import { LinkRemover } from './link-remover.ts';
import { setLoopback } from './loopback.ts';
import { mendAll } from './mend.ts';
import { observe } from './observe.ts';
import { compareOffer } from './offered-interface.ts';
import { Offers } from './offers.ts';
import { enter, openTarget, ownNamespace, within } from './own-namespace.ts';
import { PinnedNamespaces } from './pinned-namespaces.ts';
import type {
  AdoptedNamespace,
  DefaultRoutes,
  FoundInterface,
  HostInterface,
  PinnedNamespace,
  Sandboxes,
  Stray,
  TakenInterface,
} from './sandbox.ts';
import { newIfb } from './shaping-plan.ts';
import { checkTuning } from './tuning-plan.ts';

export interface NetnsSandboxesOptions {
  /** Where namespaces are pinned (`/run/netns`). */
  readonly netnsDir: string;
  /** The daemon's RUN_DIR: tells its links and pins from another daemon's. */
  readonly runDir: string;
}

export class NetnsSandboxes implements Sandboxes {
  readonly #alias: string;
  readonly #pins: PinnedNamespaces;
  readonly #attacher: Attacher;
  readonly #offers: Offers;
  readonly #remover: LinkRemover;

  constructor({ netnsDir, runDir }: NetnsSandboxesOptions) {
    this.#alias = `fairlead ${resolve(runDir)}`;
    this.#pins = new PinnedNamespaces(netnsDir, runDir);
    this.#attacher = new Attacher(this.#alias);
    this.#offers = new Offers(this.#attacher, this.#alias);
    this.#remover = new LinkRemover(this.#alias);
  }

  create(name: string): Promise<PinnedNamespace> {
    return this.#pins.create(name);
  }

  async adopt(
    target: { readonly pid: number } | { readonly path: string; readonly local?: true },
  ): Promise<AdoptedNamespace> {
    const what = 'pid' in target ? `process ${target.pid}` : target.path;
    const path = 'pid' in target ? `/proc/${target.pid}/ns/net` : resolve(target.path);
    const isLocal = 'pid' in target || target.local === true;
    const namespace = await openTarget(path, what, { isLocal });
    const { device, inode } = namespace;
    namespace.close();
    const started = 'pid' in target ? startTime(target.pid) : undefined;
    const process = 'pid' in target && started !== undefined ? { pid: target.pid, startTime: started } : {};
    return { kind: 'adopted', path, device, inode, ...process };
  }

  async loopback(path: string, up: boolean): Promise<readonly InterfaceAddress[]> {
    const open = await openTarget(resolve(path), path);
    try {
      return await setLoopback(open, up);
    } finally {
      open.close();
    }
  }

  async lookAt(namespace: SandboxNamespace, ifname: string): Promise<FoundInterface> {
    const own = ownNamespace(namespace);
    return within(own, (open) => findInterface(ifname, open, own.path));
  }

  async interfaces(namespace: SandboxNamespace): Promise<readonly string[]> {
    return within(ownNamespace(namespace), async (open) => (await readLinks(open)).map(({ name }) => name));
  }

  async exists(namespace: SandboxNamespace): Promise<boolean> {
    if (namespace.kind === 'host' || namespace.kind === 'shared') return true;
    const open = enter(namespace);
    open?.close();
    return open !== undefined;
  }

  async attach(
    namespace: SandboxNamespace,
    attachment: Attachment,
    routes: DefaultRoutes,
  ): Promise<readonly HostInterface[]> {
    if (isOffered(attachment)) return this.#offers.attach(attachment);
    const own = ownNamespace(namespace);
    return within(own, (open) => this.#attach({ open, recorded: own }, attachment, routes));
  }

  async detach(namespace: SandboxNamespace, attachment: Attachment, routes: DefaultRoutes): Promise<void> {
    if (namespace.kind === 'awaited') return this.#remover.remove(namespace, attachment);
    const own = ownNamespace(namespace);
    await this.#remover.remove(own, attachment);
    if (isOffered(attachment)) return;
    const remaining = [routes.ipv4, routes.ipv6].some((route) => route !== undefined);
    if (remaining && (await this.exists(own))) await this.setDefaultRoutes(own, routes);
  }

  async repair(namespace: SandboxNamespace, attachment: Attachment, routes: DefaultRoutes): Promise<void> {
    if (isOffered(attachment)) return this.#offers.repair(attachment);
    const own = ownNamespace(namespace);
    await within(own, async (open) => {
      const faults = await this.#compare(attachment, await readNamespace(open), open);
      if (faults.every(({ mend }) => mend !== undefined)) {
        await mendAll(faults, open);
      } else {
        if (attachment.link.kind !== 'foreign') await this.#remover.remove(own, attachment);
        await this.#attach({ open, recorded: own }, attachment, routes);
      }
      await mendDefaultRoutes(open, routes, (ifname) => ifname === attachment.ifname && !isFree(attachment));
    });
  }

  findTaken(path: string, attachment: Attachment): Promise<TakenInterface | undefined> {
    return this.#offers.findTaken(path, attachment);
  }

  async setDefaultRoutes(namespace: SandboxNamespace, routes: DefaultRoutes): Promise<void> {
    if (namespace.kind === 'awaited') return;
    await within(ownNamespace(namespace), (open) => mendDefaultRoutes(open, routes, () => true));
  }

  async remove(namespace: SandboxNamespace, attachments: readonly Attachment[]): Promise<void> {
    if (namespace.kind === 'host') return;
    const own = namespace.kind === 'awaited' ? namespace : ownNamespace(namespace);
    const removals = attachments.map((attachment) => this.#remover.remove(own, attachment));
    const results = await Promise.allSettled(removals);
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (own.kind === 'pinned') failures.push(...(await runAll([() => this.#pins.unpin(own)])));
    const path = own.kind === 'awaited' ? own.expectedPath : own.path;
    if (failures.length > 0) throw new AggregateError(failures, `${path} could not be removed wholly`);
  }

  async inspect(
    namespace: SandboxNamespace,
    attachments: readonly Attachment[],
    routes: DefaultRoutes,
  ): Promise<readonly Difference[]> {
    if (namespace.kind === 'host') return [];
    if (namespace.kind === 'awaited' && attachments.every(isOffered)) return inspectOffers(attachments);
    return within(ownNamespace(namespace), async (open) => {
      const inside = await readNamespace(open);
      const found = attachments
        .filter((attachment) => !isOffered(attachment))
        .map(async (attachment) =>
          describe(`interface ${attachment.ifname}`, await this.#compare(attachment, inside, open)),
        );
      const free = new Set(attachments.filter(isFree).map(({ ifname }) => ifname));
      const defaults = compareDefaultRoutes(routes, inside, (ifname) => !free.has(ifname));
      return [
        ...(await Promise.all(found)).flat(),
        ...(await inspectOffers(attachments.filter(isOffered))),
        ...describe('default route', defaults),
      ];
    });
  }

  async strays(keep: {
    readonly namespaces: readonly SandboxNamespace[];
    readonly attachments: readonly Attachment[];
  }): Promise<readonly Stray[]> {
    const kept = new Set(keep.attachments.flatMap(hostLinks));
    const links = (await readLinks()).filter(({ alias, name }) => alias === this.#alias && !kept.has(name));
    const paths = keep.namespaces.flatMap((namespace) => ('path' in namespace ? [namespace.path] : []));
    const pins = await this.#pins.strays(new Set(paths));
    return [
      ...links.map(({ name }) => ({ kind: 'link', name }) as const),
      ...pins.map((name) => ({ kind: 'pin', name }) as const),
    ];
  }

  removeStray({ kind, name }: Stray): Promise<void> {
    return kind === 'link' ? this.#remover.removeHostLink(name) : this.#pins.removeStray(name);
  }

  /** Waits until the kernel is done with all that was removed. Errors: AggregateError of what it refused after all. */
  close(): Promise<void> {
    return this.#remover.close();
  }

  async #attach(
    place: AttachPlace,
    attachment: Attachment,
    routes: DefaultRoutes,
  ): Promise<readonly HostInterface[]> {
    checkTuning(attachment);
    const { link } = attachment;
    if (link.kind === 'foreign') return attachForeign(place, { ...attachment, link }, this.#alias);
    checkIpv6(attachment);
    return this.#attacher.attach(place, { ...attachment, link }, routes);
  }

  async #compare(
    attachment: Attachment,
    inside: NamespaceContents,
    open: Namespace,
  ): Promise<readonly Fault[]> {
    const observed = await observe(attachment, inside, open);
    return compareAttachment(attachment, observed, newIfb(attachment, this.#alias));
  }
}

/** Names of the links on the host that an attachment may have. */
function hostLinks({ link, ifname, shaping, offered }: Attachment): readonly string[] {
  return [
    ...(offered === true ? [ifname] : []),
    ...(link.kind === 'veth' ? [link.hostIfname] : []),
    ...(shaping === undefined ? [] : [shaping.ifbName]),
  ];
}

/** Whether there may be default routes through an interface or not. */
function isFree({ sharedWithOthers, tuning }: Attachment): boolean {
  return sharedWithOthers === true || tuning?.down === true;
}

async function mendDefaultRoutes(
  open: Namespace,
  routes: DefaultRoutes,
  concerns: (ifname: string) => boolean,
): Promise<void> {
  await mendAll(compareDefaultRoutes(routes, await readNamespace(open), concerns), open);
}

async function inspectOffers(attachments: readonly Attachment[]): Promise<readonly Difference[]> {
  const found = attachments.map(async (attachment) =>
    describe(`interface ${attachment.ifname}`, await compareOffer(attachment)),
  );
  return (await Promise.all(found)).flat();
}

function isOffered({ offered }: Attachment): boolean {
  return offered === true;
}

function describe(object: string, faults: readonly Fault[]): readonly Difference[] {
  return faults.map(({ problem }) => ({ object, problem }));
}
