// Interfaces left on the host for a container engine to take: what can be said of them until and once it has.
import { NetError } from '../base/errors.ts';
import type { Namespace } from '../kernel/netns.ts';
import { findLink, readLinks } from '../kernel/rtnetlink/client.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import type { Attachment, LinkPlan } from '../model/attachment.ts';
import type { OwnAttachment } from './attach-plan.ts';
import { compareHostEnd } from './compare-host-end.ts';
import type { Fault } from './fault.ts';
import { findInnerEnd, isVeth } from './host-end.ts';
import { observeHost } from './observe.ts';

type MacvlanPlan = Extract<LinkPlan, { kind: 'macvlan' }>;

/** Errors: `not_implemented` for what only the interface's taker could set. To be called before anything is made. */
export function checkOffer(attachment: Attachment): OwnAttachment {
  const { link, ifname, tuning, shaping } = attachment;
  if (link.kind === 'foreign') {
    throw new NetError('internal', `interface ${ifname} is somebody else's and cannot be offered`);
  }
  if (tuning === undefined && shaping === undefined) return { ...attachment, link };
  throw new NetError(
    'not_implemented',
    `interface ${ifname} is configured by a container engine: it can have no settings or rate limits of its own`,
  );
}

/** Only the host end is looked at: the interface itself may be anywhere by now, and is its taker's to configure. */
export async function compareOffer(attachment: Attachment): Promise<readonly Fault[]> {
  const { link } = attachment;
  if (link.kind !== 'veth') return [];
  const host = await observeHost(attachment);
  if (host.end === undefined || !isVeth(host.end)) {
    return [{ problem: `has no end ${link.hostIfname} on the host`, mend: undefined }];
  }
  return compareHostEnd(attachment, host);
}

/** Where an offered macvlan lies on the host; undefined when it was taken. A veth's other end is on the host always. */
export async function findOffered(attachment: Attachment, alias: string): Promise<Link | undefined> {
  const { link: plan, ifname: name, mac } = attachment;
  if (plan.kind !== 'macvlan') return undefined;
  const link = await findLink({ name });
  if (link?.info.kind !== 'macvlan') return undefined;
  // Were we to die while we make it, it would have no alias.
  const unmarked = link.alias === undefined && (plan.mode === 'passthru' || link.mac === mac);
  return link.alias === alias || unmarked ? link : undefined;
}

/** The interface of an offered attachment in the namespace it was moved to, under whatever name. */
export async function findMoved(
  attachment: Attachment,
  alias: string,
  namespace: Namespace,
): Promise<Link | undefined> {
  const { link: plan } = attachment;
  if (plan.kind === 'foreign') return undefined;
  const name = plan.kind === 'veth' ? plan.hostIfname : plan.parent;
  const [links, onHost] = await Promise.all([readLinks(namespace), findLink({ name })]);
  if (plan.kind === 'veth') return findInnerEnd(onHost, links, namespace);
  return links.find((link) => isMacvlan({ ...attachment, link: plan }, link, { alias, parent: onHost }));
}

function isMacvlan(
  { link: plan, mac }: Attachment & { readonly link: MacvlanPlan },
  { info, alias, parent, mac: hasMac }: Link,
  wanted: { readonly alias: string; readonly parent: Link | undefined },
): boolean {
  return (
    info.kind === 'macvlan' &&
    alias === wanted.alias &&
    parent === wanted.parent?.index &&
    (plan.mode === 'passthru' || hasMac === mac)
  );
}
