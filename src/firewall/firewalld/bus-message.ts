// Messages of D-Bus: calls out, answers in. Source: the D-Bus specification, "Message Format".
import { BusReader, type BusValue, BusWriter, type Variant } from './bus-values.ts';

export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Of `body`. */
  readonly signature?: string;
  readonly body?: readonly BusValue[];
}

/** What is not an answer is passed over. */
export interface BusAnswer {
  readonly replyTo: number;
  /** `org.freedesktop.DBus.Error.UnknownMethod`; absent where the call went well. */
  readonly error?: string;
  readonly body: readonly BusValue[];
}

// byte order, type, flags, version, length of the body, serial, then fields as pairs of a number and a value
const fixedBytes = 16;
const littleEndian = 'l'.charCodeAt(0);
const types = { call: 1, reply: 2, error: 3 } as const;
const fields = {
  path: 1,
  interface: 2,
  member: 3,
  error: 4,
  replyTo: 5,
  destination: 6,
  signature: 8,
} as const;
/** The specification's own limit. */
const maxMessageBytes = 2 ** 27;

export function encodeCall(serial: number, call: BusCall): Buffer {
  const { signature = '', body = [] } = call;
  const bytes = new BusWriter().write(signature, body).finish();
  const text = (field: number, kind: string, value: string) =>
    value === '' ? [] : [[field, { signature: kind, value }] satisfies BusValue];
  const header = new BusWriter().write('yyyyuua(yv)', [
    ...[littleEndian, types.call, 0, 1, bytes.length, serial],
    [
      ...text(fields.path, 'o', call.path),
      ...text(fields.interface, 's', call.interface),
      ...text(fields.member, 's', call.member),
      ...text(fields.destination, 's', call.destination),
      ...text(fields.signature, 'g', signature),
    ],
  ]);
  return Buffer.concat([header.align(8).finish(), bytes]);
}

/** Length of the first message; undefined when there is too little to tell. Errors: RangeError for what is no message. */
export function messageBytes(bytes: Buffer): number | undefined {
  if (bytes.length < fixedBytes) return undefined;
  // Whoever speaks to a bus in one byte order is answered in the same, as the bus rewrites nothing else.
  if (bytes[0] !== littleEndian) throw new RangeError('a message of another byte order');
  const fieldBytes = bytes.readUInt32LE(12);
  const total = fixedBytes + Math.ceil(fieldBytes / 8) * 8 + bytes.readUInt32LE(4);
  if (total > maxMessageBytes) throw new RangeError(`a message of ${total} bytes`);
  return total;
}

/** Undefined for calls and signals. Errors: RangeError. */
export function decodeAnswer(message: Buffer): BusAnswer | undefined {
  const type = message[1];
  if (type !== types.reply && type !== types.error) return undefined;
  const reader = new BusReader(message, fixedBytes - 4);
  const [pairs = []] = reader.read('a(yv)') as readonly (readonly [number, Variant][])[];
  const found = new Map(pairs.map(([field, { value }]) => [field, value]));
  reader.align(8);
  const body = reader.read(String(found.get(fields.signature) ?? ''));
  const replyTo = Number(found.get(fields.replyTo) ?? 0);
  if (type === types.reply) return { replyTo, body };
  return { replyTo, error: String(found.get(fields.error) ?? 'an unnamed error'), body };
}
