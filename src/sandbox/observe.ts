// What the kernel holds for one attachment.
import type { Namespace } from '../kernel/netns.ts';
import {
  findLink,
  findLinkPair,
  type NamespaceContents,
  readFilters,
  readPortFdb,
  readQdiscs,
} from '../kernel/rtnetlink/client.ts';
import type { Filter } from '../kernel/rtnetlink/filter.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import type { PortFdbEntry } from '../kernel/rtnetlink/neighbour.ts';
import type { Qdisc } from '../kernel/rtnetlink/qdisc.ts';
import type { Attachment } from '../model/attachment.ts';
import { findHostEnd } from './host-end.ts';
import { type ShapingPoint, shapingPoint } from './shaping-plan.ts';

export interface Observed {
  /** The whole namespace. */
  readonly inside: NamespaceContents;
  /** The interface itself. */
  readonly link: Link | undefined;
  readonly host: ObservedHost;
  /** Where its rates are limited, and what is there; undefined when they are not, or there is no such place. */
  readonly limits: ObservedLimits | undefined;
}

/** What the host holds for one attachment. */
export interface ObservedHost {
  /** The other end of the veth; of one that somebody else made, only when it is needed. */
  readonly end: Link | undefined;
  /** The bridge or the parent; of an interface somebody else made, undefined. */
  readonly link: Link | undefined;
  /** Source addresses a locked port may use; empty when they are not needed. */
  readonly portFdb: readonly PortFdbEntry[];
}

export interface ObservedLimits {
  readonly point: ShapingPoint;
  /** Of the link that is limited and of the ifb. */
  readonly qdiscs: readonly Qdisc[];
  /** Of the link that is limited. */
  readonly filters: readonly Filter[];
  readonly ifb: Link | undefined;
}

export async function observe(
  attachment: Attachment,
  inside: NamespaceContents,
  namespace: Namespace,
): Promise<Observed> {
  const link = inside.links.find(({ name }) => name === attachment.ifname);
  const host = await observeHost(attachment, { link, namespace });
  const limits = link && (await observeLimits(attachment, { inside, link, end: host.end }, namespace));
  return { inside, link, host, limits };
}

/** @param inner the interface and where it is; what somebody else made has no other end without. */
export async function observeHost(
  attachment: Attachment,
  inner?: { readonly link: Link | undefined; readonly namespace: Namespace },
): Promise<ObservedHost> {
  const { link: plan, shaping, tuning } = attachment;
  const checksMac = tuning?.checkSourceMac === true;
  if (plan.kind === 'macvlan') {
    return { end: undefined, link: await findLink({ name: plan.parent }), portFdb: [] };
  }
  const onHost = shaping !== undefined || checksMac;
  const [end, bridge] =
    plan.kind === 'veth'
      ? await findLinkPair({ name: plan.hostIfname }, { name: plan.bridge })
      : [inner?.link && onHost ? await findHostEnd(inner.link, inner.namespace) : undefined, undefined];
  return { end, link: bridge, portFdb: end !== undefined && checksMac ? await readPortFdb(end.index) : [] };
}

async function observeLimits(
  attachment: Attachment,
  {
    inside,
    link,
    end,
  }: { readonly inside: NamespaceContents; readonly link: Link; readonly end: Link | undefined },
  namespace: Namespace,
): Promise<ObservedLimits | undefined> {
  // Without its end on the host, a veth of ours is made anew.
  if (attachment.link.kind === 'veth' && end === undefined) return undefined;
  const point = shapingPoint(attachment, { inner: link.index, host: end?.index });
  if (point === undefined) return undefined;
  const place = point.socket === 'host' ? undefined : namespace;
  const [qdiscs, filters, ifb] = await Promise.all([
    readQdiscs(place),
    readFilters(point.link, place),
    place === undefined
      ? findLink({ name: point.ifbName })
      : inside.links.find(({ name }) => name === point.ifbName),
  ]);
  return {
    point,
    qdiscs: qdiscs.filter((one) => one.link === point.link || one.link === ifb?.index),
    filters,
    ifb,
  };
}
