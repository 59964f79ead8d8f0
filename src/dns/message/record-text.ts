// Records of a message as a zone file has them (RFC 1035 section 5.1); types nobody here knows as RFC 3597 section 5 writes them.
import { fromBytes } from '../../base/cidr.ts';
import { classIn } from './constants.ts';
import { type RecordSpan, recordSpans, skipName } from './message.ts';
import { typeName } from './type-names.ts';

/** `web. 5 IN A 10.0.0.2`, for each record of the answer section. */
export function answerTexts(message: Buffer): readonly string[] {
  const spans = recordSpans(message) ?? [];
  return spans.filter(({ section }) => section === 'answer').map((span) => recordText(message, span));
}

function recordText(message: Buffer, span: RecordSpan): string {
  const [owner] = nameAt(message, span.start) ?? ['?'];
  const ttl = message.readUInt32BE(span.ttlOffset);
  const type = typeName(span.type);
  const kind = span.class === classIn ? 'IN' : `CLASS${span.class}`;
  const data = span.class === classIn ? readers[type]?.(message, span) : undefined;
  return `${owner} ${ttl} ${kind} ${type} ${data ?? unknownData(message, span)}`;
}

/** The data of a record as text; undefined when it is not of that form. */
type Reader = (message: Buffer, span: RecordSpan) => string | undefined;

const readers: Readonly<Record<string, Reader>> = {
  A: addressOf(4),
  AAAA: addressOf(16),
  NS: numbersThenNames([], 1),
  CNAME: numbersThenNames([], 1),
  PTR: numbersThenNames([], 1),
  DNAME: numbersThenNames([], 1),
  MX: numbersThenNames([2], 1),
  SRV: numbersThenNames([2, 2, 2], 1),
  SOA: numbersThenNames([], 2, [4, 4, 4, 4, 4]),
  TXT: strings,
  SPF: strings,
  HINFO: strings,
};

function addressOf(byteCount: number): Reader {
  return (message, { dataOffset, end }) =>
    end - dataOffset === byteCount ? fromBytes(message.subarray(dataOffset, end)) : undefined;
}

/** Numbers of these sizes in bytes, names, and numbers again. */
function numbersThenNames(
  before: readonly number[],
  nameCount: number,
  after: readonly number[] = [],
): Reader {
  return (message, { dataOffset, end }) => {
    const words: string[] = [];
    let offset = dataOffset;
    const readNumbers = (sizes: readonly number[]) => {
      for (const size of sizes) {
        if (offset + size <= end) words.push(String(message.readUIntBE(offset, size)));
        offset += size;
      }
    };
    readNumbers(before);
    for (let i = 0; i < nameCount; i++) {
      const [name, next] = nameAt(message, offset) ?? [];
      if (name === undefined || next === undefined) return undefined;
      words.push(name);
      offset = next;
    }
    readNumbers(after);
    return offset === end ? words.join(' ') : undefined;
  };
}

function strings(message: Buffer, { dataOffset, end }: RecordSpan): string | undefined {
  const texts: string[] = [];
  let offset = dataOffset;
  while (offset < end) {
    const next = offset + 1 + message.readUInt8(offset);
    if (next > end) return undefined;
    texts.push(`"${escaped(message.subarray(offset + 1, next), '"\\')}"`);
    offset = next;
  }
  return texts.join(' ');
}

function unknownData(message: Buffer, { dataOffset, end }: RecordSpan): string {
  const hex = message.subarray(dataOffset, end).toString('hex');
  return `\\# ${end - dataOffset}${hex === '' ? '' : ` ${hex}`}`;
}

/** A name with its final dot, and where the record goes on after it; undefined when it is broken. */
function nameAt(message: Buffer, start: number): readonly [name: string, next: number] | undefined {
  const next = skipName(message, start);
  if (next === undefined) return undefined;
  let text = '';
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined) return undefined;
    if (length === 0) return [text === '' ? '.' : text, next];
    if (length >= 0xc0) {
      // A pointer leads back (RFC 1035 section 4.1.4), so that following them ends.
      const target = message.readUInt16BE(offset) & 0x3fff;
      if (skipName(message, offset) === undefined || target >= offset) return undefined;
      offset = target;
    } else {
      if (length > 63 || text.length > 4 * 255) return undefined;
      text += `${escaped(message.subarray(offset + 1, offset + 1 + length), '."\\();@$')}.`;
      offset += 1 + length;
    }
  }
}

/** Bytes that do not show as they are become `\DDD`, special characters `\X`. */
function escaped(bytes: Buffer, special: string): string {
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    if (special.includes(character)) return `\\${character}`;
    const isShown = byte > 0x20 || (byte === 0x20 && !special.includes('.'));
    return isShown && byte < 0x7f ? character : `\\${String(byte).padStart(3, '0')}`;
  }).join('');
}
