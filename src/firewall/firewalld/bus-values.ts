// Values of D-Bus as bytes, by their signature: as much as asking and understanding a service takes.
// Source: the D-Bus specification, "Marshaling (Wire Format)".

/** `y` to `d` are numbers (`x` and `t` bigint), `b` boolean, `s` `o` `g` text; arrays, structs and dictionaries are arrays. */
export type BusValue = number | bigint | boolean | string | Variant | readonly BusValue[];

/** A value that says what it is. */
export interface Variant {
  readonly signature: string;
  readonly value: BusValue;
}

/** Every value begins at a multiple of its size or, for text and lists, of that of its length; structs at one of eight. */
const alignments: Readonly<Record<string, number>> = {
  ...{ y: 1, g: 1, v: 1, n: 2, q: 2, b: 4, i: 4, u: 4, h: 4, s: 4, o: 4, a: 4 },
  ...{ x: 8, t: 8, d: 8, '(': 8, '{': 8 },
};
const maxDepth = 32;

export class BusWriter {
  #bytes = Buffer.alloc(256);
  #length = 0;

  write(signature: string, values: readonly BusValue[]): this {
    const types = splitSignature(signature);
    for (const [index, type] of types.entries()) {
      const value = values[index];
      if (value === undefined) throw new TypeError(`no value for ${type} of ${signature}`);
      this.#one(type, value);
    }
    return this;
  }

  align(bytes: number): this {
    return this.#take((bytes - (this.#length % bytes)) % bytes, () => {});
  }

  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #one(type: string, value: BusValue): void {
    const [kind = ''] = type;
    this.align(alignments[kind] ?? 1);
    if (kind === 'y') this.#take(1, (at) => this.#bytes.writeUInt8(Number(value), at));
    else if (kind === 'b' || kind === 'u') this.#uint32(Number(value));
    else if (kind === 'i') this.#take(4, (at) => this.#bytes.writeInt32LE(Number(value), at));
    else if (kind === 's' || kind === 'o' || kind === 'g') this.#text(kind, String(value));
    else if (kind === 'v') this.#variant(value as Variant);
    else if (kind === 'a') this.#array(type.slice(1), value as readonly BusValue[]);
    else if (kind === '(' || kind === '{') this.write(type.slice(1, -1), value as readonly BusValue[]);
    else throw new TypeError(`no way to write ${type}`);
  }

  #uint32(value: number): void {
    this.#take(4, (at) => this.#bytes.writeUInt32LE(value, at));
  }

  /** Text ends in a zero that its length does not count. */
  #text(kind: string, text: string): void {
    const bytes = Buffer.from(`${text}\0`);
    if (kind === 'g') this.#take(1, (at) => this.#bytes.writeUInt8(bytes.length - 1, at));
    else this.#uint32(bytes.length - 1);
    this.#take(bytes.length, (at) => bytes.copy(this.#bytes, at));
  }

  #variant({ signature, value }: Variant): void {
    this.#text('g', signature);
    this.#one(signature, value);
  }

  /** The length does not count what is between it and the first element. */
  #array(type: string, values: readonly BusValue[]): void {
    const lengthAt = this.#length;
    this.#uint32(0);
    this.align(alignments[type[0] ?? ''] ?? 1);
    const start = this.#length;
    for (const value of values) this.#one(type, value);
    this.#bytes.writeUInt32LE(this.#length - start, lengthAt);
  }

  #take(bytes: number, write: (at: number) => void): this {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#length * 2)]);
    }
    write(at);
    return this;
  }
}

export class BusReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  /** Errors: RangeError, where there is less than the signature promises. */
  read(signature: string): readonly BusValue[] {
    return splitSignature(signature).map((type) => this.#one(type, 0));
  }

  align(bytes: number): this {
    this.#at += (bytes - (this.#at % bytes)) % bytes;
    return this;
  }

  #one(type: string, depth: number): BusValue {
    if (depth > maxDepth) throw new RangeError('values are nested too deeply');
    const [kind = ''] = type;
    const bytes = this.#bytes;
    this.align(alignments[kind] ?? 1);
    if (kind === 'y') return bytes.readUInt8(this.#pass(1));
    if (kind === 'b') return bytes.readUInt32LE(this.#pass(4)) !== 0;
    if (kind === 'n') return bytes.readInt16LE(this.#pass(2));
    if (kind === 'q') return bytes.readUInt16LE(this.#pass(2));
    if (kind === 'i') return bytes.readInt32LE(this.#pass(4));
    if (kind === 'u' || kind === 'h') return bytes.readUInt32LE(this.#pass(4));
    if (kind === 'x') return bytes.readBigInt64LE(this.#pass(8));
    if (kind === 't') return bytes.readBigUInt64LE(this.#pass(8));
    if (kind === 'd') return bytes.readDoubleLE(this.#pass(8));
    if (kind === 's' || kind === 'o' || kind === 'g') return this.#text(kind);
    if (kind === 'v') return this.#variant(depth);
    if (kind === 'a') return this.#array(type.slice(1), depth);
    if (kind === '(' || kind === '{') {
      return splitSignature(type.slice(1, -1)).map((part) => this.#one(part, depth + 1));
    }
    throw new RangeError(`no way to read ${type}`);
  }

  #text(kind: string): string {
    const length =
      kind === 'g' ? this.#bytes.readUInt8(this.#pass(1)) : this.#bytes.readUInt32LE(this.#pass(4));
    const start = this.#pass(length + 1);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #variant(depth: number): Variant {
    const signature = this.#text('g');
    return { signature, value: this.#one(signature, depth + 1) };
  }

  #array(type: string, depth: number): readonly BusValue[] {
    const length = this.#bytes.readUInt32LE(this.#pass(4));
    this.align(alignments[type[0] ?? ''] ?? 1);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('a list is longer than its message');
    const values: BusValue[] = [];
    while (this.#at < end) values.push(this.#one(type, depth + 1));
    return values;
  }

  #pass(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) throw new RangeError('a value is longer than its message');
    this.#at += bytes;
    return at;
  }
}

/** `sa{sv}u` into `s`, `a{sv}` and `u`. */
function splitSignature(signature: string): readonly string[] {
  const types: string[] = [];
  let start = 0;
  let depth = 0;
  for (let at = 0; at < signature.length; at++) {
    const kind = signature[at] ?? '';
    if ('({'.includes(kind)) depth++;
    else if (')}'.includes(kind)) depth--;
    if (depth > 0 || kind === 'a') continue;
    types.push(signature.slice(start, at + 1));
    start = at + 1;
  }
  return types;
}
