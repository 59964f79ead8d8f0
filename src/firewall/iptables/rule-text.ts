// Parts of rules, written as `iptables-save` prints them. Pure.
import { type Cidr, familyOf, type IpAddress, prefixOf, toInteger } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { Protocol } from '../../model/port.ts';
import type { Pattern } from '../passage/rules.ts';

export const established = '-m conntrack ! --ctstate RELATED,ESTABLISHED';
export const published = '-m conntrack --ctstate DNAT';

interface Ports {
  readonly protocol: Protocol;
  readonly first: number;
  readonly count: number;
}

/** `-p tcp -m tcp --dport 8000:8009`. */
export function toPorts({ protocol, first, count }: Ports): string {
  const ports = count === 1 ? `${first}` : `${first}:${first + count - 1}`;
  return `-p ${protocol} -m ${protocol} --dport ${ports}`;
}

/** `-d 10.209.0.2/32 -p tcp -m tcp --dport 80`. */
export function destination(address: IpAddress, ports: Ports): string {
  return `-d ${cidrText(`${address}/${familyOf(address) === 4 ? 32 : 128}` as Cidr)} ${toPorts(ports)}`;
}

/** The rule once for each subnet the packet may come from; once for any when there is no list, and never when it is empty. */
export function fromEach(from: readonly Cidr[] | undefined, rule: string): readonly string[] {
  if (from === undefined || from.some((cidr) => prefixOf(cidr) === 0)) return [rule];
  return from.map((cidr) => `-s ${cidrText(cidr)} ${rule}`);
}

/** The same in the other direction. */
export function toEach(to: readonly Cidr[], rule: string): readonly string[] {
  if (to.some((cidr) => prefixOf(cidr) === 0)) return [rule];
  return to.map((cidr) => `-d ${cidrText(cidr)} ${rule}`);
}

/** glibc's `inet_ntop` writes the last 32 bits of an IPv6 address as IPv4 where the others are 0 (resolv/inet_ntop.c). */
export function cidrText(cidr: Cidr): string {
  const [address = '', prefix] = cidr.split('/');
  const value = familyOf(cidr) === 6 ? toInteger(address) : 0n;
  if (value <= 0xffffn || value > 0xffffffffn) return cidr;
  const parts = [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn);
  return `::${parts.join('.')}/${prefix}`;
}

/** iptables ends the beginning of names with a plus. */
export function patternText(pattern: Pattern): string {
  return pattern.endsWith('\0') ? pattern.slice(0, -1) : `${pattern}+`;
}

/** iptables takes a name that ends in + for the beginning of names, and would not take some at all. */
export function checkName(ifname: string): void {
  if (/^[\w.:@=~-]{1,15}$/.test(ifname)) return;
  throw new NetError(
    'invalid_parameter',
    `firewall iptables: no rule can name interface ${JSON.stringify(ifname)}`,
  );
}
