// What tunnels run over: the host's own address towards other hosts, and how much room packets have there.
import { addressOf, familyOf, type IpAddress } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { MacAddress } from '../../base/mac.ts';
import { egressLink } from '../../kernel/host-subnets.ts';
import { readAddresses, readLinks } from '../../kernel/rtnetlink/client.ts';
import type { Link } from '../../kernel/rtnetlink/link.ts';

/** Where this host's tunnels end. */
export interface Underlay {
  /** The address other hosts send to (VTEP). */
  readonly address: IpAddress;
  /** Of the host as a tunnel's end; the same for as long as the host is of the cluster. */
  readonly mac: MacAddress;
}

const mtuWithoutEgress = 1500;
/** Headers of Ethernet (14), VXLAN (8), UDP (8) and IP (20 or 40): RFC 7348, section 5. */
const overhead = { 4: 50, 6: 70 } as const;

/** The link that has the address; undefined where none does. */
export async function underlayLink({ address }: Underlay): Promise<Link | undefined> {
  const [links, addresses] = await Promise.all([readLinks(), readAddresses()]);
  const index = addresses.find((one) => addressOf(one.address) === address)?.link;
  return links.find((link) => link.index === index);
}

/** The largest MTU networks may have on tunnels over the link. */
export function roomOver(link: Pick<Link, 'mtuBytes'>, { address }: Underlay): number {
  return link.mtuBytes - overhead[familyOf(address)];
}

/**
 * The MTU of a network: the one asked for, or all there is room for. A host without others has no tunnels an MTU could be too large for;
 * what it chooses itself leaves room for them.
 * Errors: `invalid_parameter` when it does not fit, `unavailable` when no link has the address.
 */
export async function chooseMtu(asked: string | undefined, underlay: Underlay | undefined): Promise<string> {
  if (underlay === undefined) {
    const egress = (await egressLink())?.mtuBytes ?? mtuWithoutEgress;
    return asked ?? String(egress - overhead[4]);
  }
  const link = await underlayLink(underlay);
  if (link === undefined) {
    throw new NetError('unavailable', `no interface of this host has its address ${underlay.address}`);
  }
  const room = roomOver(link, underlay);
  if (asked !== undefined && Number(asked) > room) {
    const over = `tunnels over ${link.name} with its MTU of ${link.mtuBytes}`;
    throw new NetError('invalid_parameter', `option mtu: ${asked} is more than the ${room} that fit ${over}`);
  }
  return asked ?? String(room);
}
