// A growing buffer that netlink messages are written into.
import { endianness } from 'node:os';

/** Netlink headers and most attributes are in the machine's own byte order. */
export const littleEndian = endianness() === 'LE';

/** For reading the fixed struct of a message. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const initialBytes = 512;

export class ByteWriter {
  #bytes = new Uint8Array(initialBytes);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    const at = this.#extend(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#extend(2);
    this.#view.setUint16(at, value, littleEndian);
  }

  u32(value: number): void {
    const at = this.#extend(4);
    this.#view.setUint32(at, value, littleEndian);
  }

  u64(value: bigint): void {
    const at = this.#extend(8);
    this.#view.setBigUint64(at, value, littleEndian);
  }

  be16(value: number): void {
    const at = this.#extend(2);
    this.#view.setUint16(at, value);
  }

  be32(value: number): void {
    const at = this.#extend(4);
    this.#view.setUint32(at, value);
  }

  be64(value: bigint): void {
    const at = this.#extend(8);
    this.#view.setBigUint64(at, value);
  }

  bytes(value: Uint8Array): void {
    const at = this.#extend(value.length);
    this.#bytes.set(value, at);
  }

  /** UTF-8, without a closing NUL. */
  string(value: string): void {
    this.bytes(Buffer.from(value));
  }

  zeros(count: number): void {
    this.#extend(count);
  }

  /** Pads with zeros to the next multiple of four, as every netlink header and attribute starts on one. */
  align(): void {
    this.#extend(-this.#length & 3);
  }

  /** Overwrites a length field written before its value was known. */
  patchU16(at: number, value: number): void {
    this.#view.setUint16(at, value, littleEndian);
  }

  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, littleEndian);
  }

  /** What was written so far, without a copy: the writer must not be used afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for `count` bytes and returns where they start. The buffer beyond the length is always zero. */
  #extend(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#length = needed;
    return at;
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
