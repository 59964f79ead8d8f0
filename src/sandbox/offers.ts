// Interfaces left on the host for somebody to take: made, looked after, and found again where they were taken to.
import type { Attachment } from '../model/attachment.ts';
import { checkIpv6 } from './address-plan.ts';
import { type Attacher, onOffer } from './attacher.ts';
import { mendAll } from './mend.ts';
import { checkOffer, compareOffer, findMoved } from './offered-interface.ts';
import { openIfOther } from './own-namespace.ts';
import type { HostInterface, TakenInterface } from './sandbox.ts';

export class Offers {
  readonly #attacher: Attacher;
  readonly #alias: string;

  /** @param alias marks our links. */
  constructor(attacher: Attacher, alias: string) {
    this.#attacher = attacher;
    this.#alias = alias;
  }

  /** Errors: as `Sandboxes.attach`; then nothing is left. */
  async attach(attachment: Attachment): Promise<readonly HostInterface[]> {
    const own = checkOffer(attachment);
    checkIpv6(own);
    return this.#attacher.attach(onOffer, own, {});
  }

  /** What has its end on the host is not made anew: whoever has taken the interface uses it. */
  async repair(attachment: Attachment): Promise<void> {
    const faults = await compareOffer(attachment);
    if (faults.every(({ mend }) => mend !== undefined)) await mendAll(faults);
    else await this.attach(attachment);
  }

  /** See `Sandboxes.findTaken`. */
  async findTaken(path: string, attachment: Attachment): Promise<TakenInterface | undefined> {
    const open = openIfOther(path);
    if (open === undefined) return undefined;
    try {
      const moved = await findMoved(attachment, this.#alias, open);
      if (moved === undefined || !moved.up || moved.name === attachment.ifname) return undefined;
      const { device, inode } = open;
      return { namespace: { kind: 'adopted', path, device, inode }, ifname: moved.name };
    } finally {
      open.close();
    }
  }
}
