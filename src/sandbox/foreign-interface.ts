// Settings, routes and rate limits on interfaces that somebody else made.
import { NetError } from '../base/errors.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import type { Namespace } from '../kernel/netns.ts';
import { runProgram, runReaper } from '../kernel/program.ts';
import { readNamespace, request } from '../kernel/rtnetlink/client.ts';
import { getLink, type Link, removeLink } from '../kernel/rtnetlink/link.ts';
import type { Attachment, LinkPlan } from '../model/attachment.ts';
import type { InterfaceSettings } from '../model/interface-settings.ts';
import { attachError } from './attach-error.ts';
import type { AttachPlace } from './attacher.ts';
import { compareAttachment, foreignSettings } from './compare-attachment.ts';
import { unlimit } from './compare-limits.ts';
import { compareSettings } from './compare-settings.ts';
import { noInterface } from './found-interface.ts';
import { hostInterfaces, repliedLinks } from './host-interfaces.ts';
import { type Observed, observe } from './observe.ts';
import { ignoreAbsence } from './own-namespace.ts';
import { type PlannedStep, planned } from './planned-step.ts';
import { isRoute, routeRemoval } from './route-plan.ts';
import type { HostInterface } from './sandbox.ts';
import { newIfb } from './shaping-plan.ts';
import { tuningSysctls } from './tuning-plan.ts';

export type ForeignAttachment = Attachment & { readonly link: Extract<LinkPlan, { kind: 'foreign' }> };

/**
 * Sets what an attachment wants of an interface that is there, in one program; what is so already is left alone.
 * Errors: as `Sandboxes.attach`; then the interface is as it was, but for sysctls.
 * @param alias marks our links.
 */
export async function attachForeign(
  { open, recorded }: AttachPlace,
  attachment: ForeignAttachment,
  alias: string,
): Promise<readonly HostInterface[]> {
  const observed = await observe(attachment, await readNamespace(open), open);
  if (observed.link === undefined) throw noInterface(attachment.ifname, recorded.path);
  checkSourceMac(attachment, observed);
  const ifb = ifbToAskFor(observed);
  const steps = [
    ...planned('tune', tuningSysctls(attachment)),
    ...changes(attachment, observed, alias),
    ...(ifb === undefined ? [] : planned('configure', [request('host', getLink({ name: ifb }))])),
  ];
  if (steps.length === 0) return [];
  try {
    const replies = await runProgram(
      steps.map(({ step }) => step),
      open,
    );
    return ifb === undefined ? [] : hostInterfaces(repliedLinks(replies.at(-1)));
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    await takeBack(attachment, observed, steps.slice(0, error.step + 1), open);
    throw attachError(error, attachment, steps[error.step], `in ${recorded.path}`);
  }
}

/** Puts back what an attachment has changed, and takes its routes and limits away. The ifb is left where it is on the host. */
export async function detachForeign(open: Namespace, attachment: ForeignAttachment): Promise<void> {
  const observed = await observe(attachment, await readNamespace(open), open);
  await restore(attachment, { observed, former: attachment.link.former, limits: true }, open);
}

/** Errors: `conflict` naming what somebody else has set in the way. */
function changes(attachment: ForeignAttachment, observed: Observed, alias: string): readonly PlannedStep[] {
  // Others may change it later; now it is as this attachment has it.
  const { sharedWithOthers: _, ...now } = attachment;
  const faults = compareAttachment(now, observed, newIfb(attachment, alias));
  return faults.flatMap(({ problem, mend }) => {
    if (mend === undefined) throw new NetError('conflict', `interface ${attachment.ifname} ${problem}`);
    return mend;
  });
}

/** Locking a port is up to whoever put the interface on its bridge. Errors: `invalid_parameter`. */
function checkSourceMac({ ifname, tuning }: ForeignAttachment, { host }: Observed): void {
  if (tuning?.checkSourceMac !== true || host.end?.port?.locked === true) return;
  throw new NetError(
    'invalid_parameter',
    `source MAC addresses of interface ${ifname} can be checked only by the bridge that whoever made it put it on`,
  );
}

function ifbToAskFor({ limits }: Observed): string | undefined {
  const point = limits?.point;
  return point?.socket === 'host' && point.received !== undefined ? point.ifbName : undefined;
}

/** Undoes a program that stopped at the last of these steps. */
async function takeBack(
  attachment: ForeignAttachment,
  before: Observed,
  steps: readonly PlannedStep[],
  open: Namespace,
): Promise<void> {
  const { limits, link: former } = before;
  const reached = (...purposes: readonly PlannedStep['purpose'][]) =>
    steps.some(({ purpose }) => purposes.includes(purpose));
  const observed = await observe(attachment, await readNamespace(open), open);
  const limited = reached('make ifb', 'limit') && limits !== undefined;
  await restore(attachment, { observed, former: former ?? {}, limits: limited }, open);
  if (limited && limits.point.socket === 'host' && limits.ifb === undefined) {
    await ignoreAbsence(runReaper([request('host', removeLink({ name: limits.point.ifbName }))]));
  }
}

async function restore(
  attachment: ForeignAttachment,
  to: {
    readonly observed: Observed;
    readonly former: InterfaceSettings | Pick<Link, keyof InterfaceSettings>;
    readonly limits: boolean;
  },
  open: Namespace,
): Promise<void> {
  const { link, limits, inside } = to.observed;
  if (link === undefined) return;
  const settings = Object.keys(foreignSettings(attachment)) as (keyof InterfaceSettings)[];
  const former = Object.fromEntries(settings.map((setting) => [setting, to.former[setting]]));
  const routes = attachment.routes.filter((wanted) =>
    inside.routes.some((route) => isRoute(wanted, link.index, route)),
  );
  const steps = [
    ...compareSettings(former, link).flatMap(({ mend }) => mend ?? []),
    ...planned(
      'configure',
      routes.map((route) => request('namespace', routeRemoval(route, link.index))),
    ),
    ...(to.limits && limits !== undefined ? unlimit(limits) : []),
  ];
  if (steps.length === 0) return;
  const work = runProgram(
    steps.map(({ step }) => step),
    open,
  );
  await ignoreAbsence(work);
}
