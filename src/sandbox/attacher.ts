// Carries out attachments: finds what they name, runs their program, and takes back what a failed one left.
import { NetError } from '../base/errors.ts';
import { kernelHasIpv6 } from '../kernel/ipv6-stack.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import type { Namespace } from '../kernel/netns.ts';
import { runProgram, runReaper } from '../kernel/program.ts';
import { findLink, request } from '../kernel/rtnetlink/client.ts';
import { removeLink } from '../kernel/rtnetlink/link.ts';
import { chooseLinkIndex } from '../kernel/rtnetlink/link-index.ts';
import type { Attachment } from '../model/attachment.ts';
import { attachError } from './attach-error.ts';
import { type AttachTarget, attachSteps, lookStep, makeStep } from './attach-plan.ts';
import type { AdoptedNamespace, DefaultRoutes, PinnedNamespace } from './sandbox.ts';

/** The namespace an interface is made in, open and as recorded. */
export interface AttachPlace {
  readonly open: Namespace;
  readonly recorded: PinnedNamespace | AdoptedNamespace;
}

/** Networks come and go: those of former ones are let go of, all at once, when this many are known. */
const indexesKept = 1000;

export class Attacher {
  readonly #alias: string;
  /**
   * Indexes of bridges and parents by name, so that an attach need not ask first. One that is out of date belongs to
   * nobody: the kernel gives out no index again before it has given out all.
   */
  readonly #indexes = new Map<string, number>();

  /** @param alias marks our links. */
  constructor(alias: string) {
    this.#alias = alias;
  }

  /** Errors: as `Sandboxes.attach`; then nothing is left. */
  async attach(place: AttachPlace, attachment: Attachment, routes: DefaultRoutes): Promise<void> {
    const { link } = attachment;
    const name = link.kind === 'veth' ? link.bridge : link.parent;
    try {
      const hostLink = this.#indexes.get(name) ?? (await this.#lookUp(name, attachment));
      await this.#run(place, attachment, routes, hostLink).catch(async (error) => {
        if (!(error instanceof NetlinkError) || !isAboutIndex(error)) throw error;
        await this.#run(place, attachment, routes, await this.#lookUp(name, attachment));
      });
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      throw (await hostNameTaken(error, attachment)) ?? attachError(error, attachment, place.recorded.path);
    }
  }

  async #run(
    { open, recorded }: AttachPlace,
    attachment: Attachment,
    routes: DefaultRoutes,
    hostLink: number,
  ): Promise<void> {
    const index = chooseLinkIndex() + 1;
    const ipv6 = !kernelHasIpv6 ? 'absent' : recorded.kind === 'adopted' ? 'on' : 'off';
    const target: AttachTarget = { hostLink, index, namespace: open, ipv6, alias: this.#alias };
    try {
      await runProgram(attachSteps(attachment, routes, target), open);
    } catch (error) {
      // Had the link not been made, its index could be somebody else's.
      if (error instanceof NetlinkError && error.step > makeStep) await takeBack(attachment, index, open);
      throw error;
    }
  }

  async #lookUp(name: string, { link }: Attachment): Promise<number> {
    const found = await findLink({ name });
    if (found === undefined) {
      this.#indexes.delete(name);
      throw new NetError('not_found', `${link.kind === 'veth' ? 'bridge' : 'parent'} ${name} does not exist`);
    }
    if (this.#indexes.size >= indexesKept) this.#indexes.clear();
    this.#indexes.set(name, found.index);
    return found.index;
  }
}

/** Whether another try with fresh indexes may go better. */
function isAboutIndex({ step, code }: NetlinkError): boolean {
  return step === lookStep || (step === makeStep && (code === 'EEXIST' || code === 'EBUSY'));
}

/** Removes the link of an attachment that failed half-way. */
async function takeBack({ link }: Attachment, index: number, open: Namespace): Promise<void> {
  const step =
    link.kind === 'veth'
      ? request('host', removeLink({ index: index - 1 }))
      : request('namespace', removeLink({ index }));
  try {
    await runReaper([step], open);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
  }
}

async function hostNameTaken(error: NetlinkError, { link }: Attachment): Promise<NetError | undefined> {
  if (error.code !== 'EEXIST' || link.kind !== 'veth') return undefined;
  if ((await findLink({ name: link.hostIfname })) === undefined) return undefined;
  return new NetError('conflict', `interface ${link.hostIfname} exists already on the host`, {
    cause: error,
  });
}
