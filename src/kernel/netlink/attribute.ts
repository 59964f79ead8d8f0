// Netlink attributes: type, length, value; nested ones hold attributes.
import { NetError } from '../../base/errors.ts';
import { type ByteWriter, littleEndian, viewOf } from './byte-writer.ts';

// struct nlattr, include/uapi/linux/netlink.h
//   offset  size  field
//   0       2     nla_len   header and value, without padding
//   2       2     nla_type  bit 15: nested, bit 14: network byte order
//   4       …     value, then zeros up to a multiple of four
const headerBytes = 4;
const NLA_F_NESTED = 0x8000;
const typeMask = 0x3fff;
const maxBytes = 0xffff;

/** Appends attributes to a message under construction. Types are the kernel's numbers, e.g. `IFLA_IFNAME`. */
export class AttributeWriter {
  readonly #out: ByteWriter;

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  /** An attribute without a value. */
  flag(type: number): void {
    this.#header(type, 0);
  }

  u8(type: number, value: number): void {
    this.#header(type, 1);
    this.#out.u8(value);
    this.#out.align();
  }

  u16(type: number, value: number): void {
    this.#header(type, 2);
    this.#out.u16(value);
    this.#out.align();
  }

  u32(type: number, value: number): void {
    this.#header(type, 4);
    this.#out.u32(value);
  }

  u64(type: number, value: bigint): void {
    this.#header(type, 8);
    this.#out.u64(value);
  }

  be16(type: number, value: number): void {
    this.#header(type, 2);
    this.#out.be16(value);
    this.#out.align();
  }

  be32(type: number, value: number): void {
    this.#header(type, 4);
    this.#out.be32(value);
  }

  be64(type: number, value: bigint): void {
    this.#header(type, 8);
    this.#out.be64(value);
  }

  /** A text with its closing NUL. */
  string(type: number, value: string): void {
    this.#measured(type, () => {
      this.#out.string(value);
      this.#out.u8(0);
    });
  }

  bytes(type: number, value: Uint8Array): void {
    this.#header(type, value.length);
    this.#out.bytes(value);
    this.#out.align();
  }

  /** A value of any layout: whatever `write` appends to the buffer. */
  struct(type: number, write: (out: ByteWriter) => void): void {
    this.#measured(type, () => write(this.#out));
  }

  /** An attribute of attributes: those that `write` appends. */
  nested(type: number, write: (attributes: AttributeWriter) => void): void {
    this.#measured(type | NLA_F_NESTED, () => write(this));
  }

  #measured(type: number, write: () => void): void {
    const start = this.#out.length;
    this.#header(type, 0);
    write();
    const length = this.#out.length - start;
    checkLength(type, length);
    this.#out.patchU16(start, length);
    this.#out.align();
  }

  #header(type: number, valueBytes: number): void {
    checkLength(type, headerBytes + valueBytes);
    this.#out.u16(headerBytes + valueBytes);
    this.#out.u16(type);
  }
}

export interface Attribute {
  /** Without the flag bits. */
  readonly type: number;
  readonly value: Uint8Array;
}

/** The attributes in `bytes`, in order. Throws when they do not fill it exactly. */
export function* decodeAttributes(bytes: Uint8Array): Generator<Attribute> {
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    const length = attributeLength(view, at);
    const type = view.getUint16(at + 2, littleEndian) & typeMask;
    yield { type, value: bytes.subarray(at + headerBytes, at + length) };
    at += (length + 3) & ~3;
  }
}

/** Attributes by type. Of several with one type the last counts; use `decodeAttributes` for lists. */
export class Attributes {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where each value begins. Most are never asked for, so nothing is made of them before they are. */
  readonly #starts = new Map<number, number>();

  constructor(bytes: Uint8Array) {
    const view = viewOf(bytes);
    this.#bytes = bytes;
    this.#view = view;
    let at = 0;
    while (at < bytes.length) {
      const length = attributeLength(view, at);
      this.#starts.set(view.getUint16(at + 2, littleEndian) & typeMask, at + headerBytes);
      at += (length + 3) & ~3;
    }
  }

  has(type: number): boolean {
    return this.#starts.has(type);
  }

  bytes(type: number): Uint8Array | undefined {
    const start = this.#starts.get(type);
    return start === undefined ? undefined : this.#bytes.subarray(start, start + this.#length(start));
  }

  u8(type: number): number | undefined {
    const start = this.#sized(type, 1);
    return start === undefined ? undefined : this.#view.getUint8(start);
  }

  u16(type: number): number | undefined {
    const start = this.#sized(type, 2);
    return start === undefined ? undefined : this.#view.getUint16(start, littleEndian);
  }

  u32(type: number): number | undefined {
    const start = this.#sized(type, 4);
    return start === undefined ? undefined : this.#view.getUint32(start, littleEndian);
  }

  i32(type: number): number | undefined {
    const start = this.#sized(type, 4);
    return start === undefined ? undefined : this.#view.getInt32(start, littleEndian);
  }

  u64(type: number): bigint | undefined {
    const start = this.#sized(type, 8);
    return start === undefined ? undefined : this.#view.getBigUint64(start, littleEndian);
  }

  be16(type: number): number | undefined {
    const start = this.#sized(type, 2);
    return start === undefined ? undefined : this.#view.getUint16(start);
  }

  be32(type: number): number | undefined {
    const start = this.#sized(type, 4);
    return start === undefined ? undefined : this.#view.getUint32(start);
  }

  be64(type: number): bigint | undefined {
    const start = this.#sized(type, 8);
    return start === undefined ? undefined : this.#view.getBigUint64(start);
  }

  /** A text, up to its closing NUL if it has one. */
  string(type: number): string | undefined {
    const value = this.bytes(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return Buffer.from(value.buffer, value.byteOffset, end < 0 ? value.length : end).toString();
  }

  nested(type: number): Attributes | undefined {
    const value = this.bytes(type);
    return value === undefined ? undefined : new Attributes(value);
  }

  /** The members of a nested list, each of them nested itself, in order. Absent is an empty list. */
  list(type: number): Attributes[] {
    const value = this.bytes(type);
    return value === undefined
      ? []
      : Array.from(decodeAttributes(value), (member) => new Attributes(member.value));
  }

  /** Where a value of that size begins. */
  #sized(type: number, size: number): number | undefined {
    const start = this.#starts.get(type);
    if (start === undefined) return undefined;
    const length = this.#length(start);
    if (length === size) return start;
    throw new NetError('internal', `netlink attribute ${type} has ${length} bytes instead of ${size}`);
  }

  #length(start: number): number {
    return this.#view.getUint16(start - headerBytes, littleEndian) - headerBytes;
  }
}

/** Of header and value, checked to be within the bytes there are. */
function attributeLength(view: DataView, at: number): number {
  const left = view.byteLength - at;
  const length = left < headerBytes ? 0 : view.getUint16(at, littleEndian);
  if (length >= headerBytes && length <= left) return length;
  throw new NetError('internal', `truncated netlink attribute at byte ${at} of ${view.byteLength}`);
}

function checkLength(type: number, length: number): void {
  if (length > maxBytes) {
    throw new NetError(
      'internal',
      `netlink attribute ${type & typeMask} is ${length} bytes long (at most ${maxBytes})`,
    );
  }
}
