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
    const left = bytes.length - at;
    const length = left < headerBytes ? 0 : view.getUint16(at, littleEndian);
    if (length < headerBytes || length > left) {
      throw new NetError('internal', `truncated netlink attribute at byte ${at} of ${bytes.length}`);
    }
    const type = view.getUint16(at + 2, littleEndian) & typeMask;
    yield { type, value: bytes.subarray(at + headerBytes, at + length) };
    at += (length + 3) & ~3;
  }
}

/** Attributes by type. Of several with one type the last counts; use `decodeAttributes` for lists. */
export class Attributes {
  readonly #values = new Map<number, Uint8Array>();

  constructor(bytes: Uint8Array) {
    for (const { type, value } of decodeAttributes(bytes)) this.#values.set(type, value);
  }

  has(type: number): boolean {
    return this.#values.has(type);
  }

  bytes(type: number): Uint8Array | undefined {
    return this.#values.get(type);
  }

  u8(type: number): number | undefined {
    return this.#sized(type, 1)?.getUint8(0);
  }

  u16(type: number): number | undefined {
    return this.#sized(type, 2)?.getUint16(0, littleEndian);
  }

  u32(type: number): number | undefined {
    return this.#sized(type, 4)?.getUint32(0, littleEndian);
  }

  i32(type: number): number | undefined {
    return this.#sized(type, 4)?.getInt32(0, littleEndian);
  }

  u64(type: number): bigint | undefined {
    return this.#sized(type, 8)?.getBigUint64(0, littleEndian);
  }

  be16(type: number): number | undefined {
    return this.#sized(type, 2)?.getUint16(0);
  }

  be32(type: number): number | undefined {
    return this.#sized(type, 4)?.getUint32(0);
  }

  be64(type: number): bigint | undefined {
    return this.#sized(type, 8)?.getBigUint64(0);
  }

  /** A text, up to its closing NUL if it has one. */
  string(type: number): string | undefined {
    const value = this.#values.get(type);
    if (value === undefined) return undefined;
    const end = value.indexOf(0);
    return Buffer.from(value.buffer, value.byteOffset, end < 0 ? value.length : end).toString();
  }

  nested(type: number): Attributes | undefined {
    const value = this.#values.get(type);
    return value === undefined ? undefined : new Attributes(value);
  }

  /** The members of a nested list, each of them nested itself, in order. Absent is an empty list. */
  list(type: number): Attributes[] {
    const value = this.#values.get(type);
    return value === undefined
      ? []
      : Array.from(decodeAttributes(value), (member) => new Attributes(member.value));
  }

  #sized(type: number, size: number): DataView | undefined {
    const value = this.#values.get(type);
    if (value === undefined) return undefined;
    if (value.length !== size) {
      throw new NetError(
        'internal',
        `netlink attribute ${type} has ${value.length} bytes instead of ${size}`,
      );
    }
    return viewOf(value);
  }
}

function checkLength(type: number, length: number): void {
  if (length > maxBytes) {
    throw new NetError(
      'internal',
      `netlink attribute ${type & typeMask} is ${length} bytes long (at most ${maxBytes})`,
    );
  }
}
