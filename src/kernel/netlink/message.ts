// Netlink messages: a header, a fixed struct, attributes; several in one buffer make a batch.
import { NetError } from '../../base/errors.ts';
import { AttributeWriter } from './attribute.ts';
import { ByteWriter, littleEndian, viewOf } from './byte-writer.ts';

// struct nlmsghdr, include/uapi/linux/netlink.h
//   offset  size  field
//   0       4     nlmsg_len    header and payload, without padding
//   4       2     nlmsg_type
//   6       2     nlmsg_flags
//   8       4     nlmsg_seq    set by the netlink thread when it sends
//   12      4     nlmsg_pid    port id; 0 towards the kernel
const headerBytes = 16;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_ECHO = 0x8;
/** In requests that get. */
export const NLM_F_DUMP = 0x300;
/** In requests that make something. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** In requests that delete: what does not match further is deleted too. */
export const NLM_F_NONREC = 0x100;

/** Writes the fixed struct first, then the attributes. */
export type WriteBody = (struct: ByteWriter, attributes: AttributeWriter) => void;

/** Collects messages in one buffer. Not to be used after `finish`. */
export class MessageBuilder {
  readonly #out = new ByteWriter();
  readonly #attributes = new AttributeWriter(this.#out);

  get length(): number {
    return this.#out.length;
  }

  /** Appends a message. `flags` hold NLM_F_REQUEST and whatever else is meant. */
  message(type: number, flags: number, write: WriteBody): this {
    const start = this.#out.length;
    this.#out.u32(0);
    this.#out.u16(type);
    this.#out.u16(flags);
    this.#out.zeros(8);
    write(this.#out, this.#attributes);
    this.#out.patchU32(start, this.#out.length - start);
    this.#out.align();
    return this;
  }

  finish(): Uint8Array {
    return this.#out.finish();
  }
}

/** One message alone. */
export function encodeMessage(type: number, flags: number, write: WriteBody): Uint8Array {
  return new MessageBuilder().message(type, flags, write).finish();
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The fixed struct and the attributes, sharing memory with the bytes decoded. */
  readonly payload: Uint8Array;
}

/** The messages in `bytes`, in order. Throws when they do not fill it exactly. */
export function* decodeMessages(bytes: Uint8Array): Generator<NetlinkMessage> {
  for (const message of splitMessages(bytes)) yield decodeMessage(message);
}

/** The messages in `bytes` with their headers, without padding. Throws when they do not fill it exactly. */
export function splitMessages(bytes: Uint8Array): Uint8Array[] {
  const view = viewOf(bytes);
  const messages: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = messageLength(view, at);
    messages.push(bytes.subarray(at, at + length));
    at += (length + 3) & ~3;
  }
  return messages;
}

/** The first message in `bytes`. */
export function decodeMessage(bytes: Uint8Array): NetlinkMessage {
  const view = viewOf(bytes);
  const length = messageLength(view, 0);
  return {
    type: view.getUint16(4, littleEndian),
    flags: view.getUint16(6, littleEndian),
    sequence: view.getUint32(8, littleEndian),
    payload: bytes.subarray(headerBytes, length),
  };
}

function messageLength(view: DataView, at: number): number {
  const left = view.byteLength - at;
  const length = left < headerBytes ? 0 : view.getUint32(at, littleEndian);
  if (length < headerBytes || length > left) {
    throw new NetError('internal', `truncated netlink message at byte ${at} of ${view.byteLength}`);
  }
  return length;
}
