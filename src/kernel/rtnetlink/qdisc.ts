// Queueing disciplines: how packets wait before a link sends them, and the hook for what it receives.
import { Attributes } from '../netlink/attribute.ts';
import { type ByteWriter, littleEndian, viewOf } from '../netlink/byte-writer.ts';
import {
  encodeMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from '../netlink/message.ts';
import * as k from './constants.ts';

/** A limit to the rate at which a link sends: each byte takes a token, and tokens come at that rate. */
export interface TokenBucket {
  /** At least 1. */
  readonly bytesPerSecond: number;
  /** Tokens that gather at most, below 2^32. A packet of more bytes, Ethernet header included, is never sent. */
  readonly burstBytes: number;
  /** How much may wait for tokens, below 2^32; what comes on top is dropped. */
  readonly limitBytes: number;
}

export interface Qdisc {
  /** Index of the link. */
  readonly link: number;
  /** The kernel's name: `tbf`, `ingress`, `clsact`, `noqueue`, … */
  readonly kind: string;
  /** `root` for what the link sends, `ingress` for what it receives; undefined inside another one. */
  readonly place: 'root' | 'ingress' | undefined;
  /** Of a `tbf`; see `tokenBucketAsRead`. */
  readonly tokenBucket: TokenBucket | undefined;
  /** The major number whoever made it gave it; 0 for those the kernel makes unasked, from 0x8000 up for those it numbers. */
  readonly handle: number;
}

// struct tcmsg, include/uapi/linux/rtnetlink.h
//   offset  size  field
//   0       1     tcm_family
//   1       3     padding
//   4       4     tcm_ifindex
//   8       4     tcm_handle    major number of a qdisc in the upper half; of a filter: its own numbering
//   12      4     tcm_parent    TC_H_…, or where in which qdisc
//   16      4     tcm_info      of a filter: priority in the upper half, protocol in network byte order in the lower
export const tcmsgBytes = 20;

/** What the kernel calls the only qdisc on ingress, whichever kind it is (`ffff:` in tc(8)). */
const ingressHandle = 0xffff_0000;

const acknowledged = NLM_F_REQUEST | NLM_F_ACK;
const setsAnew = acknowledged | NLM_F_CREATE | NLM_F_REPLACE;

/**
 * Sends from now on through a token bucket, in place of whatever qdisc the link has; one that is there is changed.
 * `handle`: a major number below 0x8000 that tells whose it is; chosen by the kernel when absent.
 */
export function setTokenBucket({
  link,
  handle = 0,
  ...bucket
}: TokenBucket & { readonly link: number; readonly handle?: number }): Uint8Array {
  return encodeMessage(k.RTM_NEWQDISC, setsAnew, (struct, attributes) => {
    writeTcmsg(struct, { link, handle: handle * 0x10000, parent: k.TC_H_ROOT });
    attributes.string(k.TCA_KIND, 'tbf');
    attributes.nested(k.TCA_OPTIONS, (options) => {
      options.struct(k.TCA_TBF_PARMS, (out) => writeTokenBucket(out, bucket));
      options.u32(k.TCA_TBF_BURST, bucket.burstBytes);
      if (bucket.bytesPerSecond > maxU32) options.u64(k.TCA_TBF_RATE64, BigInt(bucket.bytesPerSecond));
    });
  });
}

/** Goes back to the kernel's own choice of a qdisc. Errors: ENOENT when the link has that already. */
export function removeRootQdisc(link: number): Uint8Array {
  return encodeMessage(k.RTM_DELQDISC, acknowledged, (struct) =>
    writeTcmsg(struct, { link, parent: k.TC_H_ROOT }),
  );
}

/**
 * Lets a link have filters for what it receives; without effect when it can already.
 * Errors: EINVAL when it has a `clsact`, which holds filters just as well.
 */
export function addIngress(link: number): Uint8Array {
  return encodeMessage(k.RTM_NEWQDISC, setsAnew, (struct, attributes) => {
    writeTcmsg(struct, { link, handle: ingressHandle, parent: k.TC_H_INGRESS });
    attributes.string(k.TCA_KIND, 'ingress');
  });
}

/** With all its filters. Errors: EINVAL or ENOENT when there is none. */
export function removeIngress(link: number): Uint8Array {
  return encodeMessage(k.RTM_DELQDISC, acknowledged, (struct, attributes) => {
    writeTcmsg(struct, { link, handle: ingressHandle, parent: k.TC_H_INGRESS });
    attributes.string(k.TCA_KIND, 'ingress');
  });
}

/** Asks for the qdiscs of all links, as the kernel knows no selection; to be sent as a dump. */
export function listQdiscs(): Uint8Array {
  return encodeMessage(k.RTM_GETQDISC, NLM_F_REQUEST | NLM_F_DUMP, (struct) =>
    writeTcmsg(struct, { link: 0, parent: 0 }),
  );
}

/** The payload of an RTM_NEWQDISC. */
export function decodeQdisc(payload: Uint8Array): Qdisc {
  const struct = viewOf(payload);
  const attributes = new Attributes(payload.subarray(tcmsgBytes));
  const kind = attributes.string(k.TCA_KIND) ?? '';
  return {
    link: struct.getInt32(4, littleEndian),
    kind,
    place: placeOf(struct.getUint32(12, littleEndian)),
    handle: struct.getUint32(8, littleEndian) >>> 16,
    tokenBucket: kind === 'tbf' ? decodeTokenBucket(attributes.nested(k.TCA_OPTIONS)) : undefined,
  };
}

/**
 * The bucket that `decodeQdisc` finds after this one was set. The kernel keeps the burst as the time it takes at the
 * bucket's rate, in steps of 64 ns and 32 bits (275 s): so its bytes come back rounded down or, for longer ones, wrapped.
 */
export function tokenBucketAsRead(bucket: TokenBucket): TokenBucket {
  const rate = BigInt(bucket.bytesPerSecond);
  return { ...bucket, burstBytes: burstOf(ticksOf(BigInt(bucket.burstBytes), rate), rate) };
}

/** Writes a struct tcmsg. */
export function writeTcmsg(
  struct: ByteWriter,
  { link, handle, parent, info }: { link: number; handle?: number; parent: number; info?: number },
): void {
  struct.zeros(4);
  struct.u32(link);
  struct.u32(handle ?? 0);
  struct.u32(parent);
  struct.u32(info ?? 0);
}

// struct tc_tbf_qopt, include/uapi/linux/pkt_sched.h
//   offset  size  field
//   0       1     rate.cell_log
//   1       1     rate.linklayer    TC_LINKLAYER_ETHERNET: the kernel computes, and needs no table of times by size
//   2       2     rate.overhead
//   4       2     rate.cell_align
//   6       2     rate.mpu
//   8       4     rate.rate         bytes per second; all ones when it takes TCA_TBF_RATE64
//   12      12    peakrate          as rate; zero for none
//   24      4     limit             bytes
//   28      4     buffer            the burst in ticks; a request says it in bytes, as TCA_TBF_BURST
//   32      4     mtu               of the peak rate
function writeTokenBucket(out: ByteWriter, { bytesPerSecond, limitBytes }: TokenBucket): void {
  out.u8(0);
  out.u8(k.TC_LINKLAYER_ETHERNET);
  out.zeros(6);
  out.u32(Math.min(bytesPerSecond, maxU32));
  out.zeros(12);
  out.u32(limitBytes);
  out.zeros(8);
}

function decodeTokenBucket(options: Attributes | undefined): TokenBucket | undefined {
  const bytes = options?.bytes(k.TCA_TBF_PARMS);
  if (bytes === undefined) return undefined;
  const struct = viewOf(bytes);
  const rate = options?.u64(k.TCA_TBF_RATE64) ?? BigInt(struct.getUint32(8, littleEndian));
  return {
    bytesPerSecond: Number(rate),
    burstBytes: burstOf(BigInt(struct.getUint32(28, littleEndian)), rate),
    limitBytes: struct.getUint32(24, littleEndian),
  };
}

function placeOf(parent: number): Qdisc['place'] {
  if (parent === k.TC_H_ROOT) return 'root';
  return parent === k.TC_H_INGRESS ? 'ingress' : undefined;
}

const maxU32 = 0xffff_ffff;
const nanoseconds = 1_000_000_000n;
/** PSCHED_SHIFT, include/net/pkt_sched.h. */
const tickShift = 6n;

/** As the kernel reckons, with 32 significant bits: psched_ratecfg_precompute__ (net/sched/sch_generic.c), psched_l2t_ns. */
function ticksOf(bytes: bigint, rate: bigint): bigint {
  let shift = 0n;
  while ((nanoseconds << shift) / rate < 1n << 31n && (nanoseconds << shift) >> 63n === 0n) shift += 1n;
  const perByte = (nanoseconds << shift) / rate;
  return BigInt.asUintN(32, ((bytes * perByte) >> shift) >> tickShift);
}

function burstOf(ticks: bigint, rate: bigint): number {
  return Number(((ticks << tickShift) * rate + nanoseconds - 1n) / nanoseconds);
}
