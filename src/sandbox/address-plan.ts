// What the addresses of an attachment mean to the kernel: pure.
import { addressOf, familyOf, fromBytes, type InterfaceAddress, toInterfaceAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { type MacAddress, macBytes } from '../base/mac.ts';
import { kernelHasIpv6 } from '../kernel/ipv6-stack.ts';
import type { Step } from '../kernel/program.ts';
import type { Attachment } from '../model/attachment.ts';

/** What a new interface in a sandbox has; `absent` when the kernel knows no IPv6 on such a link at all. */
export type Ipv6State = 'absent' | 'off' | 'on';

/** IPV6_MIN_MTU, RFC 8200, section 5: links of less have no IPv6, nor settings of it. */
const minIpv6MtuBytes = 1280;

export function linksHaveIpv6({ mtuBytes }: Pick<Attachment, 'mtuBytes'>): boolean {
  return kernelHasIpv6 && mtuBytes >= minIpv6MtuBytes;
}

/** Errors: `invalid_parameter`, `not_implemented`. To be called before anything is made. */
export function checkIpv6(attachment: Attachment): void {
  if (!hasIpv6(attachment) || linksHaveIpv6(attachment)) return;
  const { ifname, mtuBytes } = attachment;
  if (!kernelHasIpv6) throw new NetError('not_implemented', `interface ${ifname}: this kernel has no IPv6`);
  throw new NetError(
    'invalid_parameter',
    `interface ${ifname} has an IPv6 address and MTU ${mtuBytes}: IPv6 needs at least ${minIpv6MtuBytes}`,
  );
}

/** Families without an address are switched off; router advertisements of neighbours are not listened to. */
export function ipv6Steps(attachment: Attachment, before: Ipv6State): readonly Step[] {
  const path = `net/ipv6/conf/${attachment.ifname}`;
  const wanted = hasIpv6(attachment);
  const toggle = { sysctl: `${path}/disable_ipv6`, value: wanted ? '0' : '1', in: 'namespace' } as const;
  if (!wanted) return before === 'on' ? [toggle] : [];
  return [{ sysctl: `${path}/accept_ra`, value: '0', in: 'namespace' }, toggle];
}

/** Those of the attachment and, with IPv6, the link-local one the kernel would make, but without its announcements. */
export function wantedAddresses(attachment: Attachment): readonly InterfaceAddress[] {
  if (!hasIpv6(attachment)) return attachment.addresses;
  return [...attachment.addresses, linkLocalAddress(attachment.mac)];
}

export function hasIpv6(attachment: Attachment): boolean {
  return attachment.addresses.some((address) => familyOf(addressOf(address)) === 6);
}

/** RFC 4291, appendix A: the interface identifier of a 48-bit hardware address. */
function linkLocalAddress(mac: MacAddress): InterfaceAddress {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macBytes(mac);
  const bytes = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f);
  return toInterfaceAddress(fromBytes(bytes), 64);
}
