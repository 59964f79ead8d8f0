// The writer dns2's codecs work on, byte by byte where dns2's own goes bit by bit. All fields of names and records are whole
// bytes, so only the units (dns2 counts in bits) remain of that.

export class ByteWriter {
  readonly buffer: number[] = [];
  /** Offset of each name written so far, in lower case: dns2 compresses names by it. */
  readonly names = new Map<string, number>();

  /** Takes the low bits, which is all there is to the characters of a domain name. */
  write(value: number, bits: number): void {
    for (let shift = bits - 8; shift >= 0; shift -= 8) this.buffer.push((value >>> shift) & 0xff);
  }

  bytes(bytes: Uint8Array): void {
    for (const byte of bytes) this.buffer.push(byte);
  }

  writeBuffer(other: { readonly buffer: readonly number[] }): void {
    for (const byte of other.buffer) this.buffer.push(byte);
  }

  byteLength(): number {
    return this.buffer.length;
  }

  bitLength(): number {
    return this.buffer.length * 8;
  }

  patch(bitOffset: number, value: number, bits: number): void {
    for (let i = 0; i < bits / 8; i++)
      this.buffer[bitOffset / 8 + i] = (value >>> (bits - 8 * (i + 1))) & 0xff;
  }

  /** dns2 asks for this after every record, which would make long answers quadratic; the message is taken by `finish`. */
  toBuffer(): Buffer {
    return nothing;
  }

  finish(): Buffer {
    return Buffer.from(this.buffer);
  }
}

const nothing = Buffer.alloc(0);
