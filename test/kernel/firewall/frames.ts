// Ethernet frames made by hand, for what no honest program sends.
import { type IpAddress, toBytes } from '../../../src/base/cidr.ts';
import { type MacAddress, macBytes } from '../../../src/base/mac.ts';

type Bytes = readonly number[];

export const broadcast = 'ff:ff:ff:ff:ff:ff' as MacAddress;
const zeroMac = '00:00:00:00:00:00' as MacAddress;
const etherTypes = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd, other: 0x88b5 } as const;
const udpProtocol = 17;
const icmpv6Protocol = 58;

export interface Ends {
  readonly mac: MacAddress;
  readonly from: string;
  readonly to?: string;
  /** Broadcast when absent. */
  readonly toMac?: MacAddress;
}

/** What carries something else: tags are VLAN tags, the outermost first, each by its EtherType. */
export function ethernet(
  { mac, toMac = broadcast }: Pick<Ends, 'mac' | 'toMac'>,
  type: keyof typeof etherTypes,
  payload: Bytes,
  tags: readonly number[] = [],
): Bytes {
  const vlan = tags.flatMap((tag) => [...word(tag), 0, 0]);
  return [...macBytes(toMac), ...macBytes(mac), ...vlan, ...word(etherTypes[type]), ...payload];
}

export function udp(
  ends: Ends,
  data: Bytes,
  ports: { readonly from: number; readonly to: number } = { from: 9, to: 9 },
): Bytes {
  const body = [...word(ports.from), ...word(ports.to), ...word(8 + data.length), 0, 0, ...data];
  return ethernet(ends, 'ip', ipv4(ends, body));
}

export function taggedUdp(ends: Ends, data: Bytes, tags: readonly number[]): Bytes {
  const body = [0, 9, 0, 9, ...word(8 + data.length), 0, 0, ...data];
  return ethernet(ends, 'ip', ipv4(ends, body), tags);
}

export function udp6(ends: Ends, data: Bytes): Bytes {
  // No receiver is to take it, so its checksum may be wrong.
  return ip6(ends, udpProtocol, [0, 9, 0, 9, ...word(8 + data.length), 1, 1, ...data]);
}

export interface ArpClaim {
  readonly mac: MacAddress;
  readonly senderMac?: MacAddress;
  readonly sender: string;
  readonly target: string;
  readonly reply?: boolean;
}

export function arp({ mac, senderMac = mac, sender, target, reply = false }: ArpClaim, data: Bytes): Bytes {
  const head = [0, 1, 8, 0, 6, 4, 0, reply ? 2 : 1];
  const addresses = [...macBytes(senderMac), ...bytesOf(sender), ...macBytes(zeroMac), ...bytesOf(target)];
  return ethernet({ mac }, 'arp', [...head, ...addresses, ...data]);
}

/** @param body what follows the checksum. */
export function icmp6(ends: Ends, type: number, body: Bytes): Bytes {
  const { from, to = 'ff02::1' } = ends;
  const message = [type, 0, 0, 0, ...body];
  const pseudo = [...bytesOf(from), ...bytesOf(to), 0, 0, ...word(message.length), 0, 0, 0, icmpv6Protocol];
  const sum = checksum([...pseudo, ...message]);
  return ip6(ends, icmpv6Protocol, [type, 0, ...word(sum), ...body]);
}

/** A solicitation or an advertisement that is about an address. */
export function aboutAddress(
  ends: Ends,
  what: 'solicitation' | 'advertisement',
  target: string,
  data: Bytes,
): Bytes {
  const flags = what === 'advertisement' ? [0x20, 0, 0, 0] : [0, 0, 0, 0];
  // An option no receiver knows (RFC 4727).
  const option = [253, 2, ...data, ...Array<number>(14 - data.length).fill(0)];
  return icmp6(ends, what === 'solicitation' ? 135 : 136, [...flags, ...bytesOf(target), ...option]);
}

function ipv4({ from, to = '255.255.255.255' }: Ends, body: Bytes): Bytes {
  const header = (sum: number) => [
    ...[0x45, 0, ...word(20 + body.length), 0, 0, 0, 0, 64, udpProtocol, ...word(sum)],
    ...bytesOf(from),
    ...bytesOf(to),
  ];
  return [...header(checksum(header(0))), ...body];
}

function ip6(ends: Ends, protocol: number, body: Bytes): Bytes {
  const { from, to = 'ff02::1' } = ends;
  const header = [0x60, 0, 0, 0, ...word(body.length), protocol, 255, ...bytesOf(from), ...bytesOf(to)];
  return ethernet(ends, 'ip6', [...header, ...body]);
}

function bytesOf(address: string): Bytes {
  return [...toBytes(address as IpAddress)];
}

function word(value: number): Bytes {
  return [value >> 8, value & 0xff];
}

/** RFC 1071. */
function checksum(bytes: Bytes): number {
  let sum = 0;
  bytes.forEach((byte, i) => {
    sum += i % 2 === 0 ? byte << 8 : byte;
  });
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
