// What an attachment means to the kernel: pure functions from it to the steps of a netlink program.
import { addAddress } from '../kernel/rtnetlink/address.ts';
import { request } from '../kernel/rtnetlink/client.ts';
import {
  changeLink,
  createLink,
  getLink,
  type LinkSettings,
  type NewLink,
} from '../kernel/rtnetlink/link.ts';
import type { Attachment, LinkPlan } from '../model/attachment.ts';
import { hasIpv6, type Ipv6State, ipv6Steps, wantedAddresses } from './address-plan.ts';
import { sourceMacMessages, wantedPort } from './bridge-port.ts';
import { type PlannedStep, planned } from './planned-step.ts';
import { defaultRouteMessages, routeMessages } from './route-plan.ts';
import type { DefaultRoutes } from './sandbox.ts';
import {
  limitSent,
  makeIfb,
  type NewIfb,
  redirect,
  type ShapingPoint,
  shapingPoint,
  startIfb,
} from './shaping-plan.ts';
import { tuningSettings, tuningSysctls } from './tuning-plan.ts';

/** An attachment whose interface we make. */
export type OwnAttachment = Attachment & { readonly link: Exclude<LinkPlan, { kind: 'foreign' }> };

/** What an attachment names, as the kernel numbers it now. */
export interface AttachTarget {
  /** Index of the bridge or parent on the host. */
  readonly hostLink: number;
  /** Index of the new link in the sandbox; a veth's other end gets the one before. */
  readonly index: number;
  /** Where the link is made; on the host when absent. */
  readonly namespace?: { readonly fd: number };
  readonly ipv6: Ipv6State;
  /** Text that tells our links on the host from others'. */
  readonly alias: string;
  /** The ifb, should one be needed. */
  readonly ifb: NewIfb | undefined;
}

/**
 * The whole of an attach. The host end is up from the start and the inner end comes up last. Then the host end and the
 * bridge are asked for, which makes the kernel (6.9 and later) carry out at once what it put off when their carriers came
 * on; without it about one first connection in ten would lose its first packet and stall for a second. The bridge needs
 * it too: its carrier comes on with its first port.
 */
export function attachSteps(
  attachment: OwnAttachment,
  routes: DefaultRoutes,
  target: AttachTarget,
): readonly PlannedStep[] {
  const { index, hostLink } = target;
  const host = attachment.link.kind === 'veth' ? index - 1 : undefined;
  const point = shapingPoint(attachment, { inner: index, host });
  const look = getLink({ index: hostLink });
  const ifb = host !== undefined && point?.received !== undefined ? target.ifb : undefined;
  const last =
    host === undefined
      ? request('namespace', getLink({ index }))
      : request(
          'host',
          getLink({ index: host }),
          look,
          ...(ifb === undefined ? [] : [getLink({ index: ifb.index })]),
        );
  const configuration = [
    ...(attachment.link.kind === 'macvlan' ? [changeLink({ index }, { alias: target.alias })] : []),
    ...configureLink(attachment, index),
    ...(attachment.tuning?.down === true
      ? []
      : [...routeMessages(attachment, index), ...defaultRouteMessages(attachment, routes, index)]),
  ];
  return [
    { purpose: 'look', step: request('host', look) },
    ...makeLink(attachment, target),
    ...(point === undefined ? [] : limitSteps(point, target.ifb)),
    ...planned('configure', ipv6Steps(attachment, target.ipv6)),
    ...planned('tune', tuningSysctls(attachment)),
    // An interface that stays down and has no address needs none.
    ...planned('configure', configuration.length === 0 ? [] : [request('namespace', ...configuration)]),
    ...planned('configure', [last]),
  ];
}

/**
 * The whole of an offer: the interface stays on the host, down, so that nothing is done to it there that its taker would
 * find. The kernel keeps name, MAC address, MTU and alias when it is moved, and forgets the rest. The bridge has no carrier
 * to wait for: it gets one when the taker brings the interface up. The host end comes up last: what the kernel then has to do for a
 * link without a carrier (linkwatch_do_dev in net/core/link_watch.c) holds up every change of a link that comes after.
 */
export function offerSteps(attachment: OwnAttachment, target: AttachTarget): readonly PlannedStep[] {
  const { index, hostLink, ipv6, alias } = target;
  const settings = { alias, ...(ipv6 !== 'absent' && { linkLocal: false }) };
  const last = attachment.link.kind === 'veth' ? [changeLink({ index: index - 1 }, { up: true })] : [];
  return [
    { purpose: 'look', step: request('host', getLink({ index: hostLink })) },
    ...makeLink(attachment, target, { up: false }),
    { purpose: 'configure', step: request('host', changeLink({ index }, settings), ...last) },
  ];
}

/** Addresses, then up: an interface that is up has everything it needs. */
export function configureLink(attachment: Attachment, index: number): readonly Uint8Array[] {
  const settings = tuningSettings(attachment);
  return [
    ...(hasIpv6(attachment) ? [changeLink({ index }, { linkLocal: false })] : []),
    ...(settings === undefined ? [] : [changeLink({ index }, settings)]),
    ...wantedAddresses(attachment).map((address) => addAddress({ link: index, address })),
    ...(attachment.tuning?.down === true ? [] : [changeLink({ index }, { up: true })]),
  ];
}

/** How the host end of a veth is set, beyond what can be said while it is made. */
function hostEndSettings(attachment: Attachment, { alias, ipv6 }: AttachTarget): LinkSettings {
  const port = wantedPort(attachment);
  const special =
    port !== undefined &&
    (port.isolated || port.hairpin || port.locked === true || port.forwardsReserved === true);
  return { alias, ...(ipv6 !== 'absent' && { linkLocal: false }), ...(special && { port }) };
}

function makeLink(
  attachment: OwnAttachment,
  target: AttachTarget,
  { up } = { up: true },
): readonly PlannedStep[] {
  const { link, ifname: name, mac, mtuBytes } = attachment;
  const { index, namespace, hostLink } = target;
  const inner = { name, index, mac, mtuBytes, ...(namespace !== undefined && { namespace }) };
  if (link.kind === 'macvlan') {
    const macvlan = createLink({ ...inner, kind: 'macvlan', parent: hostLink, mode: link.mode });
    return [{ purpose: 'make', step: request('host', macvlan) }];
  }
  const host = { index: index - 1 };
  const pair: NewLink = {
    kind: 'veth',
    ...host,
    name: link.hostIfname,
    mtuBytes,
    up,
    master: hostLink,
    peer: inner,
  };
  const settings = changeLink(host, hostEndSettings(attachment, target));
  return [
    { purpose: 'make', step: request('host', createLink(pair)) },
    { purpose: 'configure', step: request('host', settings, ...sourceMacMessages(attachment, host.index)) },
  ];
}

/** Limits the rates of a link that has just been made. */
function limitSteps(
  { socket, link, sent, received }: ShapingPoint,
  ifb: NewIfb | undefined,
): readonly PlannedStep[] {
  const sending = sent === undefined ? [] : [limitSent(sent, link)];
  if (received === undefined || ifb === undefined) {
    return sending.map((message) => ({ purpose: 'limit', step: request(socket, message) }));
  }
  const receiving = [...startIfb(received, ifb), ...redirect(link, ifb.index)];
  return [
    { purpose: 'make ifb', step: makeIfb(socket, ifb) },
    { purpose: 'limit', step: request(socket, ...sending, ...receiving) },
  ];
}
