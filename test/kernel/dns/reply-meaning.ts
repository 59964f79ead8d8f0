// What a reply says, however it is put into bytes.

export interface ReplyMeaning {
  readonly id: number;
  /** All of the header's second word: QR, opcode, AA, TC, RD, RA, AD, CD and rcode. */
  readonly flags: string;
  readonly question: string;
  /** Each record's owner, type, class, TTL and data with names written out; sorted. */
  readonly answers: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  /** Payload, TTL field and data of the OPT record, which comes last. */
  readonly option: string;
}

const additionalSection = 2;
const [ptr, soa, srv, opt] = [12, 6, 33, 41];

/** Throws when the message is malformed, or has anything behind its records. */
export function meaningOf(message: Buffer): ReplyMeaning {
  const reader = new Reader(message);
  const [id = 0, flags = 0, questions = 0, ...counts] = Array.from({ length: 6 }, () => reader.word());
  if (questions > 1) throw new Error('several questions');
  const question = questions === 0 ? '' : `${reader.name()} ${reader.word()} ${reader.word()}`;
  const sections = counts.map((count, i) =>
    Array.from({ length: count }, () => readRecord(reader, i === additionalSection)),
  );
  if (!reader.isAtEnd) throw new Error('bytes behind the last record');
  const [answers = [], authority = [], additional = []] = sections;
  const options = sections.flat().filter(({ type }) => type === opt);
  if (options.length > 1 || (options.length === 1 && additional.at(-1)?.type !== opt))
    throw new Error('misplaced OPT');
  const texts = (records: readonly { type: number; text: string }[]) =>
    records
      .filter(({ type }) => type !== opt)
      .map(({ text }) => text)
      .sort();
  return {
    id,
    flags: flags.toString(16).padStart(4, '0'),
    question,
    answers: texts(answers),
    authority: texts(authority),
    additional: texts(additional),
    option: options[0]?.text ?? 'none',
  };
}

/** @param isExtra about a name in the data of another record. */
function readRecord(reader: Reader, isExtra: boolean): { readonly type: number; readonly text: string } {
  const asWritten = reader.name();
  const owner = isExtra ? folded(asWritten) : asWritten;
  const [type, recordClass] = [reader.word(), reader.word()];
  const ttl = reader.bytes(4);
  const length = reader.word();
  const end = reader.offset + length;
  const data = dataText(reader, type, end);
  if (reader.offset !== end) throw new Error('a record longer or shorter than it says');
  return { type, text: `${owner} ${type} ${recordClass} ${ttl} ${data}` };
}

/** A name that points to another of other case has that one's case (RFC 4343 section 4.1), so case means nothing here. */
function dataText(reader: Reader, type: number, end: number): string {
  if (type === ptr) return folded(reader.name());
  if (type === srv) return `${reader.bytes(6)} ${folded(reader.name())}`;
  if (type === soa) return `${folded(reader.name())} ${folded(reader.name())} ${reader.bytes(20)}`;
  return reader.bytes(end - reader.offset);
}

/** Of labels in hexadecimal digits: the letters of ASCII in lower case. */
function folded(name: string): string {
  const labels = name.split('.').map((label) => Buffer.from(label, 'hex'));
  return labels
    .map((label) => label.map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)))
    .map((label) => Buffer.from(label).toString('hex'))
    .join('.');
}

class Reader {
  offset = 0;
  readonly #message: Buffer;

  constructor(message: Buffer) {
    this.#message = message;
  }

  get isAtEnd(): boolean {
    return this.offset === this.#message.length;
  }

  word(): number {
    const value = this.#message.readUInt16BE(this.offset);
    this.offset += 2;
    return value;
  }

  /** In hexadecimal digits. */
  bytes(count: number): string {
    if (count < 0 || this.offset + count > this.#message.length) throw new Error('data that ends outside');
    this.offset += count;
    return this.#message.toString('hex', this.offset - count, this.offset);
  }

  /** Labels in hexadecimal digits, so that no two names look the same. Pointers lead backwards only. */
  name(): string {
    const labels: string[] = [];
    let at = this.offset;
    let end: number | undefined;
    for (;;) {
      const length = this.#message.readUInt8(at);
      if (length >= 0xc0) {
        end ??= at + 2;
        const target = this.#message.readUInt16BE(at) & 0x3fff;
        if (target >= at) throw new Error('a pointer that leads forwards');
        at = target;
        continue;
      }
      if (length > 63) throw new Error('a label of a form to come');
      if (length === 0) break;
      labels.push(this.#message.toString('hex', at + 1, at + 1 + length));
      at += 1 + length;
    }
    this.offset = end ?? at + 1;
    return `${labels.join('.')}.`;
  }
}
