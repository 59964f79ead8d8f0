// What an attachment means to the kernel: pure functions from it to the steps of a netlink program.
import {
  addressOf,
  familyOf,
  type InterfaceAddress,
  type IpAddress,
  toInterfaceAddress,
} from '../base/cidr.ts';
import { type MacAddress, macBytes } from '../base/mac.ts';
import type { Step } from '../kernel/program.ts';
import { addAddress } from '../kernel/rtnetlink/address.ts';
import { request } from '../kernel/rtnetlink/client.ts';
import {
  changeLink,
  createLink,
  getLink,
  type LinkSettings,
  type NewLink,
} from '../kernel/rtnetlink/link.ts';
import { removeRoute, replaceRoute } from '../kernel/rtnetlink/route.ts';
import type { Attachment } from '../model/attachment.ts';
import type { DefaultRoutes } from './sandbox.ts';

/** What an attachment names, as the kernel numbers it now. */
export interface AttachTarget {
  /** Index of the bridge or parent on the host. */
  readonly hostLink: number;
  /** Index of the new link in the sandbox; a veth's other end gets the one before. */
  readonly index: number;
  readonly namespace: { readonly fd: number };
  /** What a new interface in the sandbox has; `absent` when the kernel has no IPv6 at all. */
  readonly ipv6: 'absent' | 'off' | 'on';
  /** Text that tells our links on the host from others'. */
  readonly alias: string;
}

/** The step that fails when the bridge or parent is not there: before anything is made, as unmaking a link takes long. */
export const lookStep = 0;
/** The step that makes the link: after a later one failed, it is there and to be removed. */
export const makeStep = 1;

/** Who made a route (rtm_protocol): tells the default routes we set from others'. None of /etc/iproute2/rt_protos. */
export const RTPROT_FAIRLEAD = 76;

/**
 * The whole of an attach. The host end is up from the start and the inner end comes up last. Then the host end and the
 * bridge are asked for, which makes the kernel (6.9 and later) carry out at once what it put off when their carriers came
 * on; without it about one first connection in ten would lose its first packet and stall for a second. The bridge needs
 * it too: its carrier comes on with its first port.
 */
export function attachSteps(
  attachment: Attachment,
  routes: DefaultRoutes,
  target: AttachTarget,
): readonly Step[] {
  const { index, hostLink } = target;
  const look = getLink({ index: hostLink });
  const last =
    attachment.link.kind === 'veth'
      ? request('host', getLink({ index: index - 1 }), look)
      : request('namespace', getLink({ index }));
  return [
    request('host', look),
    ...makeLink(attachment, target),
    ...ipv6Steps(attachment, target.ipv6),
    request(
      'namespace',
      ...(attachment.link.kind === 'macvlan' ? [changeLink({ index }, { alias: target.alias })] : []),
      ...configureLink(attachment, index),
      ...routeMessages(attachment, index),
      ...defaultRouteMessages(attachment, routes, index),
    ),
    last,
  ];
}

/** Families without an address are switched off; router advertisements of neighbours are not listened to. */
export function ipv6Steps(attachment: Attachment, before: AttachTarget['ipv6']): readonly Step[] {
  const path = `net/ipv6/conf/${attachment.ifname}`;
  const wanted = hasIpv6(attachment);
  const toggle = { sysctl: `${path}/disable_ipv6`, value: wanted ? '0' : '1', in: 'namespace' } as const;
  if (!wanted) return before === 'on' ? [toggle] : [];
  return [{ sysctl: `${path}/accept_ra`, value: '0', in: 'namespace' }, toggle];
}

/** Addresses, then up: an interface that is up has everything it needs. */
export function configureLink(attachment: Attachment, index: number): readonly Uint8Array[] {
  return [
    ...(hasIpv6(attachment) ? [changeLink({ index }, { linkLocal: false })] : []),
    ...wantedAddresses(attachment).map((address) => addAddress({ link: index, address })),
    changeLink({ index }, { up: true }),
  ];
}

export function routeMessages(attachment: Attachment, index: number): readonly Uint8Array[] {
  return attachment.routes.map(({ destination, gateway }) =>
    replaceRoute({
      family: familyOf(destination),
      destination,
      link: index,
      protocol: RTPROT_FAIRLEAD,
      ...(gateway !== undefined && { gateway }),
    }),
  );
}

/** The default routes that lead through this interface. Those through others are in place already. */
export function defaultRouteMessages(
  attachment: Pick<Attachment, 'ifname'>,
  routes: DefaultRoutes,
  index: number,
): readonly Uint8Array[] {
  return [routes.ipv4, routes.ipv6]
    .filter((route) => route?.ifname === attachment.ifname)
    .flatMap((route) => (route === undefined ? [] : [defaultRoute(route.gateway, index)]));
}

export function defaultRoute(gateway: IpAddress, index: number): Uint8Array {
  return replaceRoute({ family: familyOf(gateway), gateway, link: index, protocol: RTPROT_FAIRLEAD });
}

/** Removes a default route of ours. */
export function removeDefaultRoute(family: 4 | 6): Uint8Array {
  return removeRoute({ family, protocol: RTPROT_FAIRLEAD });
}

/** Those of the attachment and, with IPv6, the link-local one the kernel would make, but without its announcements. */
export function wantedAddresses(attachment: Attachment): readonly InterfaceAddress[] {
  if (!hasIpv6(attachment)) return attachment.addresses;
  return [...attachment.addresses, linkLocalAddress(attachment.mac)];
}

export function hasIpv6(attachment: Attachment): boolean {
  return attachment.addresses.some((address) => familyOf(addressOf(address)) === 6);
}

/** How the host end of a veth is set, beyond what can be said while it is made. */
function hostEndSettings(attachment: Attachment, { alias, ipv6 }: AttachTarget): LinkSettings {
  const { link } = attachment;
  const special = link.kind === 'veth' && (link.isolated || link.hairpin);
  return {
    alias,
    ...(ipv6 !== 'absent' && { linkLocal: false }),
    ...(special && { port: { isolated: link.isolated, hairpin: link.hairpin } }),
  };
}

function makeLink(attachment: Attachment, target: AttachTarget): readonly Step[] {
  const { link, ifname: name, mac, mtuBytes } = attachment;
  const { index, namespace, hostLink } = target;
  const inner = { name, index, mac, mtuBytes, namespace };
  if (link.kind === 'macvlan') {
    return [request('host', createLink({ ...inner, kind: 'macvlan', parent: hostLink, mode: link.mode }))];
  }
  const host = { index: index - 1 };
  const pair: NewLink = {
    kind: 'veth',
    ...host,
    name: link.hostIfname,
    mtuBytes,
    up: true,
    master: hostLink,
    peer: inner,
  };
  return [
    request('host', createLink(pair)),
    request('host', changeLink(host, hostEndSettings(attachment, target))),
  ];
}

/** RFC 4291, appendix A: the interface identifier of a 48-bit hardware address. */
function linkLocalAddress(mac: MacAddress): InterfaceAddress {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macBytes(mac);
  const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
  const text = groups.map((group) => group.toString(16)).join(':');
  return toInterfaceAddress(`fe80::${text}` as IpAddress, 64);
}
