// Whether the rates of an attachment are limited as they should be, and how to limit them so. Pure.
import { request } from '../kernel/rtnetlink/client.ts';
import type { Filter } from '../kernel/rtnetlink/filter.ts';
import { changeLink, type Link, removeLink } from '../kernel/rtnetlink/link.ts';
import {
  type Qdisc,
  removeIngress,
  removeRootQdisc,
  type TokenBucket,
  tokenBucketAsRead,
} from '../kernel/rtnetlink/qdisc.ts';
import type { Fault } from './fault.ts';
import type { ObservedLimits } from './observe.ts';
import { type PlannedStep, planned } from './planned-step.ts';
import {
  type DirectedLimit,
  limitSent,
  makeIfb,
  type NewIfb,
  redirect,
  startIfb,
  tokenBucketHandle,
} from './shaping-plan.ts';

/**
 * @param name of the link that is limited.
 * @param fresh the ifb, should one have to be made.
 */
export function compareLimits(observed: ObservedLimits, name: string, fresh: NewIfb): readonly Fault[] {
  const { sent, received } = observed.point;
  return [
    ...(sent === undefined ? [] : compareSent(sent, observed, name)),
    ...(received === undefined ? [] : compareReceived(received, observed, name, fresh)),
  ];
}

/** Why a link somebody else made cannot be limited: because somebody does already. */
export function othersLimits(
  { point, qdiscs, filters, ifb }: ObservedLimits,
  name: string,
): string | undefined {
  const root = point.sent && qdiscAt(qdiscs, point.link, 'root');
  if (root !== undefined && root.handle !== 0 && root.handle !== tokenBucketHandle) {
    return `has a qdisc ${root.kind} of somebody else's on ${name}`;
  }
  const ingress = point.received && qdiscAt(qdiscs, point.link, 'ingress');
  const foreign = filters.some((filter) => !leadsTo(filter, ifb));
  if (ingress !== undefined && (ingress.kind !== 'ingress' || foreign)) {
    return `has a qdisc ${ingress.kind} of somebody else's on ${name}`;
  }
  return undefined;
}

/** Takes away what is ours of the limits on a link that stays. The ifb is left where it is on the host. */
export function unlimit({ point, qdiscs, filters, ifb }: ObservedLimits): readonly PlannedStep[] {
  const { socket, link } = point;
  const root = qdiscAt(qdiscs, link, 'root');
  const ingress = qdiscAt(qdiscs, link, 'ingress');
  const ours = filters.length > 0 && filters.every((filter) => leadsTo(filter, ifb));
  const messages = [
    ...(root?.handle === tokenBucketHandle ? [removeRootQdisc(link)] : []),
    ...(ingress?.kind === 'ingress' && ours ? [removeIngress(link)] : []),
    ...(socket === 'namespace' && isIfb(ifb) ? [removeLink({ index: ifb.index })] : []),
  ];
  return messages.length === 0 ? [] : planned('limit', [request(socket, ...messages)]);
}

/** Also true of a filter whose ifb is gone: it leads to 0, where packets end. */
function leadsTo({ redirectsTo }: Filter, ifb: Link | undefined): boolean {
  return redirectsTo === 0 || (ifb !== undefined && redirectsTo === ifb.index);
}

export function isIfb(link: Link | undefined): link is Link {
  return link?.info.kind === 'other' && link.info.name === 'ifb';
}

function compareSent(
  limit: DirectedLimit,
  { point, qdiscs }: ObservedLimits,
  name: string,
): readonly Fault[] {
  const { socket, link } = point;
  const there = qdiscAt(qdiscs, link, 'root')?.tokenBucket;
  if (isBucket(limit, there)) return [];
  return [faultOf(limit, there, name, planned('limit', [request(socket, limitSent(limit, link))]))];
}

function compareReceived(
  limit: DirectedLimit,
  { point, qdiscs, filters, ifb }: ObservedLimits,
  name: string,
  fresh: NewIfb,
): readonly Fault[] {
  const { socket, link } = point;
  const clear = qdiscAt(qdiscs, link, 'ingress') === undefined ? [] : [removeIngress(link)];
  if (!isIfb(ifb)) {
    const start = request(socket, ...startIfb(limit, fresh), ...clear, ...redirect(link, fresh.index));
    const mend = [...planned('make ifb', [makeIfb(socket, fresh)]), ...planned('limit', [start])];
    return [faultOf(limit, undefined, name, mend)];
  }
  const { index } = ifb;
  const there = qdiscAt(qdiscs, index, 'root')?.tokenBucket;
  const limited = isBucket(limit, there);
  const redirected = filters[0]?.redirectsTo === index;
  if (limited && redirected && ifb.up) return [];
  const messages = [
    ...(limited ? [] : [limitSent(limit, index)]),
    ...(ifb.up ? [] : [changeLink({ index }, { up: true })]),
    ...(redirected ? [] : [...clear, ...redirect(link, index)]),
  ];
  const inForce = redirected && ifb.up ? there : undefined;
  return [faultOf(limit, inForce, name, planned('limit', [request(socket, ...messages)]))];
}

function faultOf(
  { direction }: DirectedLimit,
  there: TokenBucket | undefined,
  name: string,
  mend: readonly PlannedStep[],
): Fault {
  const how = there === undefined ? 'is missing' : 'is another than it should be';
  return { problem: `rate limit ${direction} ${how} on ${name}`, mend };
}

function isBucket(wanted: TokenBucket, there: TokenBucket | undefined): boolean {
  const { bytesPerSecond, burstBytes, limitBytes } = tokenBucketAsRead(wanted);
  return (
    there?.bytesPerSecond === bytesPerSecond &&
    there.burstBytes === burstBytes &&
    there.limitBytes === limitBytes
  );
}

function qdiscAt(qdiscs: readonly Qdisc[], link: number, place: Qdisc['place']): Qdisc | undefined {
  return qdiscs.find((one) => one.link === link && one.place === place);
}
