// An interface in a sandbox as it is, whoever made it.
import { type Cidr, overlaps, subnetOf } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Namespace } from '../kernel/netns.ts';
import { findLink, readNamespace } from '../kernel/rtnetlink/client.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import { findHostEnd } from './host-end.ts';
import { toRoute } from './route-plan.ts';
import type { FoundInterface } from './sandbox.ts';

/** RFC 4291, section 2.5.6: the kernel gives every interface one. */
const linkLocal = 'fe80::/10' as Cidr;

/** @param where the namespace, for the message. Errors: `not_found`; `invalid_parameter` when it has no MAC address. */
export async function findInterface(
  ifname: string,
  namespace: Namespace,
  where: string,
): Promise<FoundInterface> {
  const { links, addresses, routes } = await readNamespace(namespace);
  const link = links.find(({ name }) => name === ifname);
  if (link === undefined) throw noInterface(ifname, where);
  const isOn = (one: { readonly link?: number }) => one.link === link.index;
  const host = await findHost(link, namespace);
  return {
    settings: settingsOf(link, where),
    up: link.up,
    addresses: addresses
      .filter(isOn)
      .map(({ address }) => address)
      .filter((address) => !overlaps(linkLocal, subnetOf(address))),
    routes: routes.filter(isOn).flatMap((route) => toRoute(route) ?? []),
    ...(host !== undefined && { host }),
  };
}

export function noInterface(ifname: string, where: string): NetError {
  return new NetError('not_found', `interface ${ifname} does not exist in ${where}`);
}

function settingsOf(link: Link, where: string): FoundInterface['settings'] {
  const { name, mac, mtuBytes, promiscuous, allMulticast, txQueueLength } = link;
  if (mac === undefined) {
    throw new NetError('invalid_parameter', `interface ${name} in ${where} has no MAC address`);
  }
  return { mac, mtuBytes, promiscuous, allMulticast, txQueueLength };
}

async function findHost(link: Link, namespace: Namespace): Promise<FoundInterface['host']> {
  const end = await findHostEnd(link, namespace);
  if (end === undefined) return undefined;
  const master = end.master === undefined ? undefined : await findLink({ index: end.master });
  return { ifname: end.name, ...(master?.info.kind === 'bridge' && { bridge: master.name }) };
}
