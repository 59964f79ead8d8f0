// What the host's own network uses: subnets a new network must keep clear of, and the link traffic leaves by.
import { readFile } from 'node:fs/promises';
import { type Cidr, familyBits, familyOf, type IpFamily, subnetOf, toCidr, toInteger } from '../base/cidr.ts';
import { readAddresses, readLinks, readRoutes } from './rtnetlink/client.ts';
import { RT_TABLE_MAIN, RTN_UNICAST } from './rtnetlink/constants.ts';
import type { Link } from './rtnetlink/link.ts';
import type { Route } from './rtnetlink/route.ts';

/**
 * The destination of every route of every table but the default ones, the subnet of every address, and every nameserver.
 * @param resolvConf a file in the format of resolv.conf(5); one that is not there has no nameservers.
 */
export async function hostSubnetsInUse(resolvConf: string): Promise<readonly Cidr[]> {
  const [ipv4, ipv6, addresses, nameservers] = await Promise.all([
    readRoutes(4),
    readRoutes(6),
    readAddresses(),
    readNameservers(resolvConf),
  ]);
  return [
    ...new Set([
      ...[...ipv4, ...ipv6].flatMap(({ destination }) => (destination === undefined ? [] : [destination])),
      ...addresses.map(({ address }) => subnetOf(address)),
      ...nameservers.map(hostRoute),
    ]),
  ];
}

/** The link the default route of a family leaves by; undefined without one. */
export async function defaultRouteLink(family: IpFamily): Promise<Link | undefined> {
  const best = (await readRoutes(family)).filter(isDefault).sort(byMetric)[0];
  return best === undefined ? undefined : (await readLinks()).find(({ index }) => index === best.link);
}

/** The link most traffic leaves by: that of the IPv4 default route, or else of the IPv6 one. */
export async function egressLink(): Promise<Link | undefined> {
  return (await defaultRouteLink(4)) ?? (await defaultRouteLink(6));
}

function isDefault(route: Route): boolean {
  const { destination, table, type, link } = route;
  return destination === undefined && table === RT_TABLE_MAIN && type === RTN_UNICAST && link !== undefined;
}

function byMetric(a: Route, b: Route): number {
  return (a.metric ?? 0) - (b.metric ?? 0);
}

async function readNameservers(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const found = [...text.matchAll(/^\s*nameserver\s+([0-9a-fA-F.:]+)/gm)];
  return found.flatMap(([, address]) => (address === undefined ? [] : [address]));
}

/** The subnet of one address alone. */
function hostRoute(address: string): Cidr {
  const family = familyOf(address);
  return toCidr(toInteger(address), familyBits(family), family);
}
