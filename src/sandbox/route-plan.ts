// What the routes of an attachment and of a sandbox mean to the kernel: pure.
import { type Cidr, familyOf, type IpAddress, type IpFamily, prefixOf } from '../base/cidr.ts';
import { RT_TABLE_MAIN, RTN_UNICAST } from '../kernel/rtnetlink/constants.ts';
import {
  appendRoute,
  type Route as KernelRoute,
  type RouteSpec,
  removeRoute,
  replaceRoute,
} from '../kernel/rtnetlink/route.ts';
import type { Attachment, Route } from '../model/attachment.ts';
import type { DefaultRoutes } from './sandbox.ts';

/** Who made a route (rtm_protocol): tells the default routes we set from others'. None of /etc/iproute2/rt_protos. */
const RTPROT_FAIRLEAD = 76;
/** The same for the routes of attachments, among which default routes of another table or metric may be. */
const RTPROT_FAIRLEAD_ATTACHMENT = 77;

/** Another interface of the sandbox may have such a route already: it keeps it. */
export function routeMessages(attachment: Attachment, index: number): readonly Uint8Array[] {
  return attachment.routes.map((route) => appendRoute(routeSpec(route, index)));
}

export function routeRemoval(route: Route, index: number): Uint8Array {
  const { family, link, protocol, destination, table, metric } = routeSpec(route, index);
  return removeRoute({
    family,
    link,
    protocol,
    ...(destination !== undefined && { destination }),
    ...(table !== undefined && { table }),
    ...(metric !== undefined && { metric }),
  });
}

/** Whether a route of the kernel's is the one meant, whatever its metric and attributes are. */
export function isRoute({ destination, gateway, table }: Route, index: number, there: KernelRoute): boolean {
  return (
    there.link === index &&
    there.family === familyOf(destination) &&
    there.table === (table ?? RT_TABLE_MAIN) &&
    there.destination === specific(destination) &&
    there.gateway === gateway
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
export function removeDefaultRoute(family: IpFamily): Uint8Array {
  return removeRoute({ family, protocol: RTPROT_FAIRLEAD });
}

export function isDefaultRoute(
  { family: of, table, destination, type, protocol }: KernelRoute,
  family: IpFamily,
): boolean {
  return (
    of === family &&
    table === RT_TABLE_MAIN &&
    destination === undefined &&
    type === RTN_UNICAST &&
    protocol !== RTPROT_FAIRLEAD_ATTACHMENT
  );
}

/** Of a default route: whether it is one of those we set. */
export function isOurs({ protocol }: KernelRoute): boolean {
  return protocol === RTPROT_FAIRLEAD;
}

/** A route of the kernel's as an attachment would have it; undefined for others than to hosts and subnets. */
export function toRoute(route: KernelRoute): Route | undefined {
  const { family, type, destination, gateway, table, metric, scope, mtuBytes, advertisedMssBytes } = route;
  if (type !== RTN_UNICAST) return undefined;
  return {
    destination: destination ?? (family === 4 ? everything4 : everything6),
    scope,
    ...(gateway !== undefined && { gateway }),
    ...(table !== RT_TABLE_MAIN && { table }),
    ...(metric !== undefined && { metric }),
    ...(mtuBytes !== undefined && { mtuBytes }),
    ...(advertisedMssBytes !== undefined && { advertisedMssBytes }),
  };
}

type LinkRoute = RouteSpec & { readonly link: number; readonly protocol: number };

function routeSpec({ destination: subnet, scope, ...rest }: Route, index: number): LinkRoute {
  const family = familyOf(subnet);
  const destination = specific(subnet);
  return {
    family,
    link: index,
    protocol: RTPROT_FAIRLEAD_ATTACHMENT,
    ...(destination !== undefined && { destination }),
    ...(scope !== undefined && family === 4 && { scope }),
    ...rest,
  };
}

const everything4 = '0.0.0.0/0' as Cidr;
const everything6 = '::/0' as Cidr;

/** The kernel names no destination of a default route. */
function specific(destination: Cidr): Cidr | undefined {
  return prefixOf(destination) === 0 ? undefined : destination;
}
