// Keys and values of map elements: byte layouts, and the text a person reads for them.
import { fromBytes, type IpAddress, toBytes } from '../../base/cidr.ts';
import { ByteWriter } from '../../kernel/netlink/byte-writer.ts';
import type { Protocol } from '../../model/port.ts';

// Every field of a concatenation starts at a multiple of four bytes; ports are big-endian. Either part may be missing.
//   bytes    field
//   4 or 16  address
//   4        protocol number, three zeros
//   4        port, two zeros
const IFNAMSIZ = 16;
const protocols = { tcp: 6, udp: 17, sctp: 132 } as const;

interface Destination {
  readonly address?: IpAddress;
  readonly protocol?: Protocol;
  readonly port: number;
}

/** An address, a protocol and a port, as far as given, in this order. */
export function destinationBytes({ address, protocol, port }: Destination): Uint8Array {
  const head = address === undefined ? [] : toBytes(address);
  const bytes = new Uint8Array(head.length + (protocol === undefined ? 4 : 8));
  bytes.set(head);
  if (protocol !== undefined) bytes[head.length] = protocols[protocol];
  bytes[bytes.length - 4] = port >> 8;
  bytes[bytes.length - 3] = port & 0xff;
  return bytes;
}

/** What `destinationBytes` made a key of: `8080/tcp`, `8080/tcp on 192.0.2.1`. */
export function destinationText(key: Uint8Array): string {
  const head = key.length - 8;
  const protocol = Object.entries(protocols).find(([, number]) => number === key[head])?.[0] ?? key[head];
  const port = ((key[head + 4] ?? 0) << 8) | (key[head + 5] ?? 0);
  const address = head === 4 || head === 16 ? ` on ${fromBytes(key.subarray(0, head))}` : '';
  return `${port}/${protocol}${address}`;
}

/** An interface's name, padded with zeros. */
export function ifnameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(IFNAMSIZ);
  bytes.set(Buffer.from(name).subarray(0, IFNAMSIZ));
  return bytes;
}

export function ifnameText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString();
}

/** A number in the machine's byte order, as the kernel keeps those that are no packet bytes. */
export function nativeWord(value: number): Uint8Array {
  const out = new ByteWriter();
  out.u32(value);
  return out.finish();
}
