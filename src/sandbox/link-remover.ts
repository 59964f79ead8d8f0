// Takes away what attachments have made.
import { allDone } from '../base/undo.ts';
import { readLinks } from '../kernel/rtnetlink/client.ts';
import type { Attachment } from '../model/attachment.ts';
import { isIfb } from './compare-limits.ts';
import { detachForeign } from './foreign-interface.ts';
import { LinkReaper } from './link-reaper.ts';
import { findMoved, findOffered } from './offered-interface.ts';
import { type AwaitedNamespace, enter, type OwnNamespace } from './own-namespace.ts';

export class LinkRemover {
  readonly #alias: string;
  readonly #reaper = new LinkReaper();

  /** @param alias marks our links. */
  constructor(alias: string) {
    this.#alias = alias;
  }

  /** Whatever of it is absent is fine. */
  async remove(namespace: OwnNamespace | AwaitedNamespace, attachment: Attachment): Promise<void> {
    const { link, shaping } = attachment;
    if (link.kind === 'veth') {
      // Each bears our alias: were we to die between the two, the other would be found as a stray.
      const names = [link.hostIfname, ...(shaping?.fromSandbox === undefined ? [] : [shaping.ifbName])];
      return allDone(names.map((name) => this.#reaper.remove(name)));
    }
    if (attachment.offered === true) return this.#removeOffered(namespace, attachment);
    await this.#removeInside(namespace, attachment);
    // Of an interface somebody else made nobody knows any more whether its other end was on the host.
    if (link.kind === 'foreign' && shaping !== undefined) await this.#reaper.remove(shaping.ifbName);
  }

  /** A link on the host. */
  removeHostLink(name: string): Promise<void> {
    return this.#reaper.remove(name);
  }

  /** See `LinkReaper.close`. */
  close(): Promise<void> {
    return this.#reaper.close();
  }

  /** Without an end on the host, it has to be looked for where it may be by now. */
  async #removeOffered(namespace: OwnNamespace | AwaitedNamespace, attachment: Attachment): Promise<void> {
    const offered = await findOffered(attachment, this.#alias);
    if (offered !== undefined) return this.#reaper.remove(offered.name);
    const open = enter(namespace);
    if (open === undefined) return;
    try {
      const moved = await findMoved(attachment, this.#alias, open);
      if (moved !== undefined) await this.#reaper.removeInside(open, moved.index);
    } finally {
      open.close();
    }
  }

  async #removeInside(namespace: OwnNamespace | AwaitedNamespace, attachment: Attachment): Promise<void> {
    const open = enter(namespace);
    if (open === undefined) return;
    try {
      const { link, ifname, shaping } = attachment;
      if (link.kind === 'foreign') return await detachForeign(open, { ...attachment, link });
      // Its alias tells it from another link of that name, which is not ours to remove.
      const ours = (await readLinks(open)).filter(
        (there) =>
          (there.name === ifname && there.alias === this.#alias) ||
          (there.name === shaping?.ifbName && isIfb(there)),
      );
      await allDone(ours.map(({ index }) => this.#reaper.removeInside(open, index)));
    } finally {
      open.close();
    }
  }
}
