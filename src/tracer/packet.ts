// A packet that is only thought of: what rules may ask of it, and which of its bytes are known.
import { familyOf, type IpAddress, type IpFamily, toBytes } from '../base/cidr.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import type { TracedProtocol } from './tracer.ts';

export interface Packet {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: TracedProtocol;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  /** The first packet of a connection, or one that answers it. */
  readonly state: 'new' | 'established';
  /** Where the connection was made to, before anything was translated. */
  readonly asked: IpAddress;
  /** Index of the bridge it came to the host by, through an isolated port. */
  readonly isolatedOn?: number | undefined;
  /** Of the connection. */
  readonly translated: { readonly source: boolean; readonly destination: boolean };
}

/** Where it is while rules look at it. On its way through a bridge the links are the bridge's ports. */
export interface Position {
  readonly iif?: Link | undefined;
  readonly oif?: Link | undefined;
}

/** Bytes of which some are not known. */
export class PartlyKnown {
  readonly bytes: Uint8Array;
  readonly known: Uint8Array;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.known = new Uint8Array(length);
  }

  put(at: number, bytes: ArrayLike<number>): this {
    this.bytes.set(bytes, at);
    this.known.fill(1, at, at + bytes.length);
    return this;
  }

  /** Beyond the end nothing is known. */
  slice(start: number, length: number): PartlyKnown {
    const part = new PartlyKnown(length);
    part.bytes.set(this.bytes.subarray(start, start + length));
    part.known.set(this.known.subarray(start, start + length));
    return part;
  }
}

export function knownBytes(bytes: ArrayLike<number>): PartlyKnown {
  return new PartlyKnown(bytes.length).put(0, bytes);
}

const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;

export function protocolNumber({ protocol, destination }: Pick<Packet, 'protocol' | 'destination'>): number {
  if (protocol !== 'icmp') return protocolNumbers[protocol];
  return familyOf(destination) === 4 ? 1 : 58;
}

/** RFC 791 and RFC 8200. Length, identification and the like may be anything. */
export function networkHeader(packet: Packet): PartlyKnown {
  const { source, destination } = packet;
  const number = protocolNumber(packet);
  if (familyOf(destination) === 4) {
    return new PartlyKnown(20)
      .put(0, [0x45, 0])
      .put(6, [0, 0])
      .put(9, [number])
      .put(12, toBytes(source))
      .put(16, toBytes(destination));
  }
  return new PartlyKnown(40).put(6, [number]).put(8, toBytes(source)).put(24, toBytes(destination));
}

const TCP_SYN = 0x02;
const TCP_SYN_ACK = 0x12;
const echoTypes = { 4: { new: 8, established: 0 }, 6: { new: 128, established: 129 } } as const;

/** Ports, the flags of TCP, type and code of ICMP. */
export function transportHeader(packet: Packet): PartlyKnown {
  const { protocol, sourcePort, destinationPort, state } = packet;
  const header = new PartlyKnown(64);
  if (protocol === 'icmp') return header.put(0, [echoTypes[familyOf(packet.destination)][state], 0]);
  if (sourcePort !== undefined) header.put(0, portBytes(sourcePort));
  if (destinationPort !== undefined) header.put(2, portBytes(destinationPort));
  return protocol === 'tcp' ? header.put(13, [state === 'new' ? TCP_SYN : TCP_SYN_ACK]) : header;
}

export function familyOfPacket({ destination }: Packet): IpFamily {
  return familyOf(destination);
}

function portBytes(port: number): readonly number[] {
  return [port >> 8, port & 0xff];
}
