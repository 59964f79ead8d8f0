// Filters of sockets, in the kernel's classic BPF: packets from the wrong place do not come as far as the socket.
import { type Cidr, familyOf, type IpAddress, prefixOf, rangeOf, toInteger } from '../base/cidr.ts';
import { ByteWriter } from './netlink/byte-writer.ts';

/** What a socket lets in of one family; everything, where nothing is said. */
export interface AskerFilter {
  /** Where packets come from. */
  readonly from?: readonly Cidr[];
  /** Where they go to. */
  readonly to?: IpAddress;
}

/** For a socket of either family, or of both; nothing is let in of one that is not named. */
export interface SocketFilter {
  readonly ipv4?: AskerFilter;
  readonly ipv6?: AskerFilter;
}

/**
 * The program as SO_ATTACH_FILTER takes it: `struct sock_filter` of include/uapi/linux/filter.h, `u16 code; u8 jt; u8 jf;
 * u32 k`, one after the other.
 */
export function encodeSocketFilter({ ipv4, ipv6 }: SocketFilter): Uint8Array {
  const ofIpv4 = programOf(ipv4);
  const program = [
    { code: loadByte, value: ipHeader },
    { code: and, value: 0xf0 },
    { code: jumpIfEqual, whenTrue: 1, value: 0x40 },
    { code: jump, value: ofIpv4.length },
    ...ofIpv4,
    ...programOf(ipv6),
  ];
  const writer = new ByteWriter();
  for (const { code, whenTrue = 0, whenFalse = 0, value } of program as readonly Instruction[]) {
    writer.u16(code);
    writer.u8(whenTrue);
    writer.u8(whenFalse);
    writer.u32(value);
  }
  return writer.finish();
}

/** It ends in each case. */
function programOf(filter: AskerFilter | undefined): readonly Instruction[] {
  if (filter === undefined) return [refuse];
  const { from, to } = filter;
  const onlyTo = to === undefined ? [] : [...whenAll(isAddress(to), [passOver]), refuse];
  return [...onlyTo, ...(from === undefined ? [accept] : [...from.flatMap(acceptFrom), refuse])];
}

/** Jumps pass over that many instructions. */
interface Instruction {
  readonly code: number;
  readonly whenTrue?: number;
  readonly whenFalse?: number;
  readonly value: number;
}

// include/uapi/linux/bpf_common.h
const loadWord = 0x20; // BPF_LD | BPF_W | BPF_ABS
const loadByte = 0x30; // BPF_LD | BPF_B | BPF_ABS
const and = 0x54; // BPF_ALU | BPF_AND | BPF_K
const jump = 0x05; // BPF_JMP | BPF_JA
const jumpIfEqual = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const giveBack = 0x06; // BPF_RET | BPF_K

/** How much of the packet is let through: all, or nothing. */
const accept: Instruction = { code: giveBack, value: 0xffff_ffff };
const refuse: Instruction = { code: giveBack, value: 0 };
const passOver: Instruction = { code: jump, value: 1 };

/** SKF_NET_OFF: offsets from here on are from the IP header, although the socket's packets begin with that of TCP or UDP. */
const ipHeader = 0x1_0000_0000 - 0x10_0000;
/** RFC 791, RFC 8200. */
const sourceAt = { 4: 12, 6: 8 } as const;
const destinationAt = { 4: 16, 6: 24 } as const;

/** A word of the packet and what it must be, as far as the mask goes. */
interface Test {
  readonly offset: number;
  readonly mask: number;
  readonly value: number;
}

function acceptFrom(subnet: Cidr): readonly Instruction[] {
  const family = familyOf(subnet);
  return whenAll(words(sourceAt[family], rangeOf(subnet).first, prefixOf(subnet), family), [accept]);
}

function isAddress(address: IpAddress): readonly Test[] {
  const family = familyOf(address);
  return words(destinationAt[family], toInteger(address), family === 4 ? 32 : 128, family);
}

/** An address by its words, as many of them as the prefix reaches. */
function words(offset: number, address: bigint, prefix: number, family: 4 | 6): readonly Test[] {
  const count = family === 4 ? 1 : 4;
  return Array.from({ length: Math.ceil(prefix / 32) }, (_, i) => {
    const bits = Math.min(32, prefix - 32 * i);
    return {
      offset: offset + 4 * i,
      mask: Number(0xffff_ffffn & (0xffff_ffffn << BigInt(32 - bits))),
      value: Number((address >> BigInt(32 * (count - 1 - i))) & 0xffff_ffffn),
    };
  });
}

/** The body, passed over by a packet for which one of the tests is false. */
function whenAll(tests: readonly Test[], body: readonly Instruction[]): readonly Instruction[] {
  const program: Instruction[] = [...body];
  for (const { offset, mask, value } of tests.toReversed()) {
    program.unshift({ code: jumpIfEqual, whenFalse: program.length, value });
    if (mask !== 0xffff_ffff) program.unshift({ code: and, value: mask });
    program.unshift({ code: loadWord, value: ipHeader + offset });
  }
  return program;
}
