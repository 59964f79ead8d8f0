// Keys and values of map elements: byte layouts, and the text a person reads for them.
import { fromBytes, type IpAddress, toBytes } from '../../base/cidr.ts';
import { ByteWriter } from '../../kernel/netlink/byte-writer.ts';
import type { Protocol } from '../../model/port.ts';
import { protocolNumbers } from '../protocol-numbers.ts';
import type { ByteRange } from './address-ranges.ts';

// Every field of a concatenation starts at a multiple of four bytes; ports are big-endian. Either part may be missing.
//   bytes    field
//   4 or 16  address
//   4        protocol number, three zeros
//   4        port, two zeros
const IFNAMSIZ = 16;

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
  if (protocol !== undefined) bytes[head.length] = protocolNumbers[protocol];
  bytes[bytes.length - 4] = port >> 8;
  bytes[bytes.length - 3] = port & 0xff;
  return bytes;
}

/** Both ends included. */
export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** What an element of an interval set stands for; field by field. */
export interface KeyRange {
  readonly key: Uint8Array;
  readonly lastKey: Uint8Array;
}

export function protocolRange(protocol: Protocol): NumberRange {
  return { first: protocolNumbers[protocol], last: protocolNumbers[protocol] };
}

/** The asker's addresses if they matter, those asked, the protocol's number and the port. */
export function rangeBytes(
  addresses: readonly ByteRange[],
  protocol: NumberRange,
  port: NumberRange,
): KeyRange {
  const bytes = (end: 'first' | 'last') => {
    const heads = addresses.map((range) => range[end]);
    const length = heads.reduce((sum, head) => sum + head.length, 0);
    const key = new Uint8Array(length + 8);
    let at = 0;
    for (const head of heads) {
      key.set(head, at);
      at += head.length;
    }
    key.set([protocol[end], 0, 0, 0, port[end] >> 8, port[end] & 0xff], at);
    return key;
  };
  return { key: bytes('first'), lastKey: bytes('last') };
}

/** What a key of destinations stands for: `8080/tcp`, `8000-8009/tcp on 192.0.2.1`, `8080/tcp on 192.0.2.1 for 10.0.0.0-10.0.0.255`. */
export function destinationText(key: Uint8Array, lastKey: Uint8Array = key): string {
  const head = key.length - 8;
  const numbers = [...new Set([key[head], lastKey[head]])];
  const known = Object.entries(protocolNumbers).find(
    ([, number]) => number === numbers[0] && numbers.length === 1,
  );
  const ports = [
    ...new Set([key, lastKey].map((bytes) => ((bytes[head + 4] ?? 0) << 8) | (bytes[head + 5] ?? 0))),
  ];
  const [place, asker] = addressTexts(key.subarray(0, head), lastKey.subarray(0, head)).toReversed();
  return [
    `${ports.join('-')}/${known?.[0] ?? numbers.join('-')}`,
    ...(place === undefined ? [] : [`on ${place}`]),
    ...(asker === undefined ? [] : [`for ${asker}`]),
  ].join(' ');
}

function addressTexts(first: Uint8Array, last: Uint8Array): readonly string[] {
  const lengths: Readonly<Record<number, readonly [number, number]>> = {
    4: [4, 1],
    8: [4, 2],
    16: [16, 1],
    32: [16, 2],
  };
  const [bytes, count] = lengths[first.length] ?? [0, 0];
  return Array.from({ length: count }, (_, i) => {
    const ends = [first, last].map((head) => fromBytes(head.subarray(i * bytes, (i + 1) * bytes)));
    return [...new Set(ends)].join('-');
  });
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
