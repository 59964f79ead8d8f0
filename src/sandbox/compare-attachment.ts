// What differs between an attachment and the kernel, and the smallest change that mends it. Pure.
import { familyOf, type IpFamily } from '../base/cidr.ts';
import type { Step } from '../kernel/program.ts';
import { addAddress } from '../kernel/rtnetlink/address.ts';
import { type NamespaceContents, request } from '../kernel/rtnetlink/client.ts';
import { RT_TABLE_MAIN, RTN_UNICAST } from '../kernel/rtnetlink/constants.ts';
import { changeLink, type Link } from '../kernel/rtnetlink/link.ts';
import type { Attachment } from '../model/attachment.ts';
import {
  defaultRoute,
  hasIpv6,
  ipv6Steps,
  RTPROT_FAIRLEAD,
  removeDefaultRoute,
  routeMessages,
  wantedAddresses,
} from './attach-plan.ts';
import type { DefaultRoutes } from './sandbox.ts';

/** What the host holds for one attachment. */
export interface ObservedHost {
  /** The other end of the veth. */
  readonly end: Link | undefined;
  /** The bridge or the parent. */
  readonly link: Link | undefined;
}

export interface Fault {
  readonly problem: string;
  /** Undefined when only making the interface anew helps. */
  readonly mend: readonly Step[] | undefined;
}

/** Faults in the order in which they are to be mended. */
export function compareAttachment(
  attachment: Attachment,
  observed: NamespaceContents,
  host: ObservedHost,
): readonly Fault[] {
  const link = observed.links.find(({ name }) => name === attachment.ifname);
  if (link === undefined) return [{ problem: 'is missing', mend: undefined }];
  const wrong = wrongLink(attachment, link, host);
  if (wrong !== undefined) return [{ problem: wrong, mend: undefined }];
  return [
    ...compareHostEnd(attachment, host),
    ...compareLink(attachment, link),
    ...compareAddresses(attachment, link, observed),
    ...compareRoutes(attachment, link, observed),
  ];
}

/** Faults of the default routes of a sandbox. */
export function compareDefaultRoutes(routes: DefaultRoutes, observed: NamespaceContents): readonly Fault[] {
  return [
    compareDefaultRoute(4, routes.ipv4, observed),
    compareDefaultRoute(6, routes.ipv6, observed),
  ].flat();
}

function compareDefaultRoute(
  family: IpFamily,
  wanted: DefaultRoutes['ipv4'],
  { links, routes }: NamespaceContents,
): readonly Fault[] {
  const defaults = routes.filter(
    (route) =>
      route.family === family &&
      route.table === RT_TABLE_MAIN &&
      route.destination === undefined &&
      route.type === RTN_UNICAST,
  );
  if (wanted === undefined) {
    const ours = defaults.some(({ protocol }) => protocol === RTPROT_FAIRLEAD);
    if (!ours) return [];
    return [
      { problem: `an IPv${family} one is there`, mend: [request('namespace', removeDefaultRoute(family))] },
    ];
  }
  const { gateway, ifname } = wanted;
  const link = links.find(({ name }) => name === ifname);
  // A missing interface is a fault of its own, and making it sets its default routes.
  if (link === undefined) return [];
  if (defaults.some((route) => route.gateway === gateway && route.link === link.index)) return [];
  const problem = `via ${gateway} on ${ifname} is missing`;
  return [{ problem, mend: [request('namespace', defaultRoute(gateway, link.index))] }];
}

/** Why the interface of that name is not the one meant, if it is not. */
function wrongLink({ link: plan }: Attachment, link: Link, host: ObservedHost): string | undefined {
  if (plan.kind === 'veth') {
    if (host.end === undefined) return `has no end ${plan.hostIfname} on the host`;
    const paired = host.end.parent === link.index && link.parent === host.end.index;
    return paired ? undefined : `is not the other end of ${plan.hostIfname}`;
  }
  if (link.info.kind !== 'macvlan' || link.parent !== host.link?.index)
    return `is no macvlan on ${plan.parent}`;
  return link.info.mode === plan.mode ? undefined : `is in mode ${link.info.mode}, not ${plan.mode}`;
}

function compareHostEnd({ link: plan, mtuBytes }: Attachment, host: ObservedHost): readonly Fault[] {
  const { end } = host;
  if (plan.kind !== 'veth' || end === undefined) return [];
  const { index } = end;
  const faults: Fault[] = [];
  const port = { isolated: plan.isolated, hairpin: plan.hairpin };
  if (host.link === undefined || end.master !== host.link.index) {
    const mend =
      host.link === undefined
        ? undefined
        : [
            request(
              'host',
              changeLink({ index }, { master: host.link.index }),
              changeLink({ index }, { port }),
            ),
          ];
    faults.push({ problem: `its host end ${end.name} is no port of bridge ${plan.bridge}`, mend });
  } else if (end.port?.isolated !== port.isolated || end.port.hairpin !== port.hairpin) {
    const mend = [request('host', changeLink({ index }, { port }))];
    faults.push({ problem: `port ${end.name} is isolated or hairpin otherwise than it should be`, mend });
  }
  if (!end.up) {
    faults.push({
      problem: `its host end ${end.name} is down`,
      mend: [request('host', changeLink({ index }, { up: true }))],
    });
  }
  if (end.mtuBytes !== mtuBytes) {
    const mend = [request('host', changeLink({ index }, { mtuBytes }))];
    faults.push({ problem: `its host end ${end.name} has MTU ${end.mtuBytes}, not ${mtuBytes}`, mend });
  }
  return faults;
}

function compareLink({ link: plan, mac, mtuBytes }: Attachment, link: Link): readonly Fault[] {
  const { index } = link;
  const faults: Fault[] = [];
  if (link.mtuBytes !== mtuBytes) {
    const mend = [request('namespace', changeLink({ index }, { mtuBytes }))];
    faults.push({ problem: `has MTU ${link.mtuBytes}, not ${mtuBytes}`, mend });
  }
  // A passthru macvlan has its parent's.
  const passthru = plan.kind === 'macvlan' && plan.mode === 'passthru';
  if (link.mac !== mac && !passthru) {
    const mend = [request('namespace', changeLink({ index }, { mac }))];
    faults.push({ problem: `has MAC address ${link.mac}, not ${mac}`, mend });
  }
  if (!link.up) {
    faults.push({ problem: 'is down', mend: [request('namespace', changeLink({ index }, { up: true }))] });
  }
  return faults;
}

function compareAddresses(attachment: Attachment, link: Link, observed: NamespaceContents): readonly Fault[] {
  const { index } = link;
  const there = observed.addresses.filter((one) => one.link === index).map(({ address }) => address);
  const missing = wantedAddresses(attachment).filter((address) => !there.includes(address));
  const faults: Fault[] = [];
  const strangers = !hasIpv6(attachment) && there.some((address) => familyOf(address) === 6);
  if (strangers) faults.push({ problem: 'has IPv6 switched on', mend: ipv6Steps(attachment, 'on') });
  for (const address of missing) {
    // Whoever switched IPv6 off on the interface took its addresses with it.
    const ipv6 = familyOf(address) === 6 ? ipv6Steps(attachment, 'on') : [];
    const mend = [...ipv6, request('namespace', addAddress({ link: index, address }))];
    faults.push({ problem: `lacks address ${address}`, mend });
  }
  return faults;
}

function compareRoutes(attachment: Attachment, link: Link, observed: NamespaceContents): readonly Fault[] {
  return attachment.routes
    .filter(
      ({ destination, gateway }) =>
        !observed.routes.some(
          (route) =>
            route.table === RT_TABLE_MAIN &&
            route.link === link.index &&
            route.destination === destination &&
            route.gateway === gateway,
        ),
    )
    .map((route) => ({
      problem: `lacks the route to ${route.destination}`,
      mend: [request('namespace', ...routeMessages({ ...attachment, routes: [route] }, link.index))],
    }));
}
