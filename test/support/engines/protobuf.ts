// Protocol buffers, as far as container engines need: messages described by tables of their fields.
// Encoding: https://protobuf.dev/programming-guides/encoding/

type Kind = 'string' | 'number' | 'bytes' | 'map' | MessageTable;

interface Field {
  readonly number: number;
  readonly kind: Kind;
  readonly repeated: boolean;
}

/** Fields by the names that values use; only their numbers go over the wire. */
export interface MessageTable {
  readonly [name: string]: Field;
}

export type MessageValue = Readonly<Record<string, unknown>>;

const varint = 0;
const fixed64 = 1;
const lengthDelimited = 2;
const mapEntry: MessageTable = { key: field(1, 'string'), value: field(2, 'string') };

export function field(number: number, kind: Kind): Field {
  return { number, kind, repeated: false };
}

export function repeated(number: number, kind: Kind): Field {
  return { number, kind, repeated: true };
}

export function encodeMessage(table: MessageTable, value: MessageValue): Buffer {
  const parts = Object.entries(value).flatMap(([name, given]) => {
    const known = table[name];
    if (known === undefined) throw new Error(`no field ${name}, there is ${Object.keys(table).join(', ')}`);
    if (known.kind === 'map') {
      const entries = Object.entries(given as Record<string, string>);
      return entries.map(([key, value]) => encodeField(known.number, mapEntry, { key, value }));
    }
    const values = known.repeated ? (given as readonly unknown[]) : [given];
    return values.map((one) => encodeField(known.number, known.kind, one));
  });
  return Buffer.concat(parts);
}

/** What the table does not know is left out; repeated fields and maps are always there. */
export function decodeMessage(table: MessageTable, data: Buffer): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  const names = new Map(Object.entries(table).map(([name, { number }]) => [number, name]));
  for (const [name, { kind, repeated }] of Object.entries(table)) {
    if (kind === 'map') message[name] = {};
    else if (repeated) message[name] = [];
  }
  const reader = new Reader(data);
  while (reader.more) {
    const tag = reader.number();
    const raw = reader.value(tag & 7);
    const name = names.get(tag >> 3);
    const known = table[name ?? ''];
    if (name === undefined || known === undefined) continue;
    const value = decodeField(known.kind, raw);
    if (known.kind === 'map') {
      const { key = '', value: text = '' } = value as { key?: string; value?: string };
      (message[name] as Record<string, string>)[key] = text;
    } else if (known.repeated) (message[name] as unknown[]).push(value);
    else message[name] = value;
  }
  return message;
}

function encodeField(number: number, kind: Kind, value: unknown): Buffer {
  if (kind === 'number') return Buffer.concat([encodeNumber(number << 3), encodeNumber(Number(value))]);
  const data = encodeData(kind, value);
  return Buffer.concat([encodeNumber((number << 3) | lengthDelimited), encodeNumber(data.length), data]);
}

function encodeData(kind: Exclude<Kind, 'number'>, value: unknown): Buffer {
  if (kind === 'string' || kind === 'bytes') return Buffer.from(value as string);
  return encodeMessage(kind as MessageTable, value as MessageValue);
}

function encodeNumber(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

function decodeField(kind: Kind, raw: number | Buffer): unknown {
  if (typeof raw === 'number' || kind === 'number') return raw;
  if (kind === 'string' || kind === 'bytes') return raw.toString();
  return decodeMessage(kind === 'map' ? mapEntry : kind, raw);
}

class Reader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get more(): boolean {
    return this.#at < this.#data.length;
  }

  number(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(this.#data[this.#at++] ?? 0);
      value |= (byte & 127n) << shift;
      if (byte < 128n) return Number(value);
    }
  }

  value(wireType: number): number | Buffer {
    if (wireType === varint) return this.number();
    if (wireType === lengthDelimited) return this.#take(this.number());
    return this.#take(wireType === fixed64 ? 8 : 4);
  }

  #take(length: number): Buffer {
    this.#at += length;
    return this.#data.subarray(this.#at - length, this.#at);
  }
}
