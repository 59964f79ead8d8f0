// A DNS message as bytes: what can be read, cut or patched without decoding its records.
import { recordType } from './constants.ts';

// RFC 1035 section 4.1.1; AD and CD by RFC 4035
//   offset  size  field
//   0       2     id
//   2       1     QR (1 bit), opcode (4), AA, TC, RD
//   3       1     RA, zero, AD, CD, rcode (4)
//   4       2     number of questions
//   6       2     number of answer records
//   8       2     number of authority records
//   10      2     number of additional records
export const headerBytes = 12;

export const flag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

export type Section = 'answer' | 'authority' | 'additional';
/** The sections that hold records, each with the offset of its count in the header. */
const sections = [
  ['answer', 6],
  ['authority', 8],
  ['additional', 10],
] as const satisfies readonly (readonly [Section, number])[];

/** Where a record lies in its message. */
export interface RecordSpan {
  readonly section: Section;
  readonly type: number;
  /** The class; in OPT the sender's UDP payload size. */
  readonly class: number;
  readonly start: number;
  readonly ttlOffset: number;
  readonly dataOffset: number;
  readonly end: number;
}

export function flagsOf(message: Buffer): number {
  return message.readUInt16BE(2);
}

export function opcodeOf(message: Buffer): number {
  return (flagsOf(message) >> 11) & 0xf;
}

export function rcodeOf(message: Buffer): number {
  return flagsOf(message) & 0xf;
}

/** The question section of a message with exactly one question, or undefined. */
export function questionOf(message: Buffer): Buffer | undefined {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1) return undefined;
  const nameEnd = skipName(message, headerBytes);
  if (nameEnd === undefined || nameEnd + 4 > message.length) return undefined;
  return message.subarray(headerBytes, nameEnd + 4);
}

/** The same name in any case, the same type and class. */
export function sameQuestion(a: Buffer, b: Buffer): boolean {
  return questionKey(a) === questionKey(b);
}

/** Text equal for questions that are the same but for the case of their letters, which are those of ASCII (RFC 4343). */
export function questionKey(question: Buffer): string {
  const name = question.subarray(0, -4).toString('latin1');
  return (
    name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) + question.subarray(-4).toString('latin1')
  );
}

/** Every record of a message with one question, in order; undefined when the counts or lengths are wrong. */
export function recordSpans(message: Buffer): readonly RecordSpan[] | undefined {
  const question = questionOf(message);
  if (question === undefined) return undefined;
  const spans: RecordSpan[] = [];
  let offset = headerBytes + question.length;
  for (const [section, countOffset] of sections) {
    for (let left = message.readUInt16BE(countOffset); left > 0; left--) {
      const span = recordSpan(message, offset, section);
      if (span === undefined) return undefined;
      spans.push(span);
      offset = span.end;
    }
  }
  return spans;
}

/** The message up to (not including) a record, its counts made to fit; without what follows the last one where there is none such. */
export function cutBefore(message: Buffer, spans: readonly RecordSpan[], index: number): Buffer {
  const end = spans[index]?.start ?? spans.at(-1)?.end ?? headerBytes + (questionOf(message)?.length ?? 0);
  const cut = Buffer.from(message.subarray(0, end));
  const kept = spans.slice(0, index);
  for (const [section, countOffset] of sections) {
    cut.writeUInt16BE(kept.filter((span) => span.section === section).length, countOffset);
  }
  return cut;
}

/** Sets or clears flags in place. */
export function patchFlags(message: Buffer, set: number, clear = 0): void {
  message.writeUInt16BE((flagsOf(message) & ~clear) | set, 2);
}

function recordSpan(message: Buffer, start: number, section: Section): RecordSpan | undefined {
  const nameEnd = skipName(message, start);
  if (nameEnd === undefined || nameEnd + 10 > message.length) return undefined;
  const dataOffset = nameEnd + 10;
  const end = dataOffset + message.readUInt16BE(nameEnd + 8);
  if (end > message.length) return undefined;
  const type = message.readUInt16BE(nameEnd);
  if (type === recordType.OPT && nameEnd !== start + 1) return undefined;
  return {
    section,
    type,
    class: message.readUInt16BE(nameEnd + 2),
    start,
    ttlOffset: nameEnd + 4,
    dataOffset,
    end,
  };
}

/** The offset after a name, which ends with the root label or a pointer; undefined when it does not end in the message. */
export function skipName(message: Buffer, start: number): number | undefined {
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined) return undefined;
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2 <= message.length ? offset + 2 : undefined;
    if (length > 63) return undefined;
    offset += 1 + length;
  }
}
