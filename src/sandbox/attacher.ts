// Carries out attachments: finds what they name, runs their program, and takes back what a failed one left.
import { NetError } from '../base/errors.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import type { Namespace } from '../kernel/netns.ts';
import { runProgram, runReaper, type StepReplies } from '../kernel/program.ts';
import { findLink, request } from '../kernel/rtnetlink/client.ts';
import { removeLink } from '../kernel/rtnetlink/link.ts';
import { chooseLinkIndex } from '../kernel/rtnetlink/link-index.ts';
import { type Ipv6State, linksHaveIpv6 } from './address-plan.ts';
import { attachError } from './attach-error.ts';
import { type AttachTarget, attachSteps, type OwnAttachment, offerSteps } from './attach-plan.ts';
import { hostInterfaces, repliedLinks } from './host-interfaces.ts';
import { ignoreAbsence } from './own-namespace.ts';
import type { PlannedStep } from './planned-step.ts';
import type { AdoptedNamespace, DefaultRoutes, HostInterface, PinnedNamespace } from './sandbox.ts';
import { newIfb } from './shaping-plan.ts';

/** The namespace an interface is made in, open and as recorded. */
export interface AttachPlace {
  readonly open: Namespace;
  readonly recorded: PinnedNamespace | AdoptedNamespace;
}

/** The interface is made on the host, for somebody to take it. */
export const onOffer = 'on offer';

/** An attach the kernel refused, and at which step. */
interface Refusal {
  readonly error: NetlinkError;
  readonly planned: PlannedStep | undefined;
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
  async attach(
    place: AttachPlace | typeof onOffer,
    attachment: OwnAttachment,
    routes: DefaultRoutes,
  ): Promise<readonly HostInterface[]> {
    const { link } = attachment;
    const name = link.kind === 'veth' ? link.bridge : link.parent;
    const run = (hostLink: number) => this.#run(place, attachment, routes, hostLink);
    let outcome = await run(this.#indexes.get(name) ?? (await this.#lookUp(name, attachment)));
    if (isRefusal(outcome) && isAboutIndex(outcome))
      outcome = await run(await this.#lookUp(name, attachment));
    if (!isRefusal(outcome)) return outcome;
    const where = place === onOffer ? 'on the host' : `in ${place.recorded.path}`;
    throw (
      (await hostNameTaken(outcome, attachment)) ??
      attachError(outcome.error, attachment, outcome.planned, where)
    );
  }

  async #run(
    place: AttachPlace | typeof onOffer,
    attachment: OwnAttachment,
    routes: DefaultRoutes,
    hostLink: number,
  ): Promise<readonly HostInterface[] | Refusal> {
    const open = place === onOffer ? undefined : place.open;
    const target: AttachTarget = {
      hostLink,
      index: chooseLinkIndex() + 1,
      ...(open !== undefined && { namespace: open }),
      ipv6: ipv6State(place, attachment),
      alias: this.#alias,
      ifb: newIfb(attachment, this.#alias),
    };
    const planned =
      place === onOffer ? offerSteps(attachment, target) : attachSteps(attachment, routes, target);
    let replies: readonly StepReplies[];
    try {
      replies = await runProgram(
        planned.map(({ step }) => step),
        open,
      );
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      await takeBack(planned.slice(0, error.step), attachment, target, open);
      return { error, planned: planned[error.step] };
    }
    if (attachment.link.kind !== 'veth') return [];
    // The order in which both kinds of steps ask.
    const [end, bridge, ifb] = repliedLinks(replies.at(-1));
    if (attachment.tuning?.checkSourceMac === true && end?.port?.locked !== true) {
      await takeBack(planned, attachment, target, open);
      throw cannotLock(attachment);
    }
    return hostInterfaces([bridge, end, ifb]);
  }

  async #lookUp(name: string, { link }: OwnAttachment): Promise<number> {
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

function ipv6State(place: AttachPlace | typeof onOffer, attachment: OwnAttachment): Ipv6State {
  if (!linksHaveIpv6(attachment)) return 'absent';
  return place !== onOffer && place.recorded.kind === 'pinned' ? 'off' : 'on';
}

function isRefusal(outcome: readonly HostInterface[] | Refusal): outcome is Refusal {
  return 'error' in outcome;
}

/** Whether another try with fresh indexes may go better. */
function isAboutIndex({ error: { code }, planned }: Refusal): boolean {
  return (
    planned?.purpose === 'look' || (planned?.purpose === 'make' && (code === 'EEXIST' || code === 'EBUSY'))
  );
}

/** A kernel that has no locked ports takes no notice of the wish (IFLA_BRPORT_LOCKED, Linux 5.18). */
function cannotLock({ ifname }: OwnAttachment): NetError {
  return new NetError(
    'not_implemented',
    `source MAC addresses of interface ${ifname} cannot be checked: this kernel's bridges have no locked ports`,
  );
}

/** Removes what an attach has made that failed half-way; what it did not make could be somebody else's. */
async function takeBack(
  done: readonly PlannedStep[],
  { link }: OwnAttachment,
  { index, ifb }: AttachTarget,
  open: Namespace | undefined,
): Promise<void> {
  const made = (purpose: PlannedStep['purpose']) => done.some((step) => step.purpose === purpose);
  const socket = link.kind === 'veth' || open === undefined ? 'host' : 'namespace';
  const indexes = [
    ...(made('make') ? [link.kind === 'veth' ? index - 1 : index] : []),
    ...(made('make ifb') && ifb !== undefined ? [ifb.index] : []),
  ];
  for (const each of indexes)
    await ignoreAbsence(runReaper([request(socket, removeLink({ index: each }))], open));
}

async function hostNameTaken(
  { error, planned }: Refusal,
  { link }: OwnAttachment,
): Promise<NetError | undefined> {
  if (error.code !== 'EEXIST' || planned?.purpose !== 'make' || link.kind !== 'veth') return undefined;
  if ((await findLink({ name: link.hostIfname })) === undefined) return undefined;
  return new NetError('conflict', `interface ${link.hostIfname} exists already on the host`, {
    cause: error,
  });
}
