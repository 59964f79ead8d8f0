// Whether the routes of a sandbox and of its attachments are what they should be. Pure.
import type { IpFamily } from '../base/cidr.ts';
import { type NamespaceContents, request } from '../kernel/rtnetlink/client.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import type { Attachment } from '../model/attachment.ts';
import { type Fault, fault } from './fault.ts';
import {
  defaultRoute,
  isDefaultRoute,
  isOurs,
  isRoute,
  removeDefaultRoute,
  routeMessages,
} from './route-plan.ts';
import type { DefaultRoutes } from './sandbox.ts';

/**
 * Faults of the default routes of a sandbox.
 * @param concerns whether those that should lead through an interface are looked at.
 */
export function compareDefaultRoutes(
  routes: DefaultRoutes,
  observed: NamespaceContents,
  concerns: (ifname: string) => boolean,
): readonly Fault[] {
  return ([4, 6] as const).flatMap((family) => {
    const wanted = family === 4 ? routes.ipv4 : routes.ipv6;
    return wanted === undefined || concerns(wanted.ifname) ? compareFamily(family, wanted, observed) : [];
  });
}

export function compareRoutes(
  attachment: Attachment,
  link: Link,
  { routes }: NamespaceContents,
): readonly Fault[] {
  return attachment.routes
    .filter((wanted) => !routes.some((route) => isRoute(wanted, link.index, route)))
    .map((route) => {
      const messages = routeMessages({ ...attachment, routes: [route] }, link.index);
      return fault(`lacks the route to ${route.destination}`, request('namespace', ...messages));
    });
}

function compareFamily(
  family: IpFamily,
  wanted: DefaultRoutes['ipv4'],
  { links, routes }: NamespaceContents,
): readonly Fault[] {
  const defaults = routes.filter((route) => isDefaultRoute(route, family));
  if (wanted === undefined) {
    if (!defaults.some(isOurs)) return [];
    return [fault(`an IPv${family} one is there`, request('namespace', removeDefaultRoute(family)))];
  }
  const { gateway, ifname } = wanted;
  const link = links.find(({ name }) => name === ifname);
  // An interface that is missing or down is a fault of its own or meant to be so, and can have no default route.
  if (link === undefined || !link.up) return [];
  if (defaults.some((route) => route.gateway === gateway && route.link === link.index)) return [];
  const step = request('namespace', defaultRoute(gateway, link.index));
  return [fault(`via ${gateway} on ${ifname} is missing`, step)];
}
