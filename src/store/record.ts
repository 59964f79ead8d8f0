// A record of the journal: one line, `CRC32 JSON\n`, one commit or one part of a snapshot. Pure.
import type { Change } from './store.ts';

export interface JournalRecord {
  readonly schema: number;
  /** Number of the commit; in a snapshot, of the last commit it contains. */
  readonly sequence: number;
  /** In a part of a snapshot: how many more parts follow. */
  readonly snapshot?: number;
  readonly changes: readonly Change[];
}

const newline = 0x0a;
/** Eight hexadecimal digits and a space. */
const checksumLength = 9;
const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

export function encodeRecord(record: JournalRecord): Buffer {
  const json = JSON.stringify(record);
  const line = Buffer.allocUnsafe(checksumLength + Buffer.byteLength(json) + 1);
  line.write(json, checksumLength);
  line[line.length - 1] = newline;
  line.write(`${checksum(line.subarray(checksumLength, -1))} `, 0, 'latin1');
  return line;
}

/** A line without its newline; undefined when it is not what was written. */
export function decodeRecord(line: Buffer): JournalRecord | undefined {
  const body = line.subarray(checksumLength);
  if (line.toString('latin1', 0, checksumLength) !== `${checksum(body)} `) return undefined;
  return JSON.parse(body.toString()) as JournalRecord;
}

/** One line of a file; without `record` it is damaged. */
export interface JournalLine {
  readonly offset: number;
  readonly record?: JournalRecord;
}

export interface JournalText {
  readonly lines: readonly JournalLine[];
  /** Where the last whole line ends: what follows was being written when the writer died. */
  readonly end: number;
}

export function readRecords(text: Buffer): JournalText {
  const lines: JournalLine[] = [];
  let offset = 0;
  for (let end = text.indexOf(newline); end >= 0; end = text.indexOf(newline, offset)) {
    lines.push(lineAt(offset, text.subarray(offset, end)));
    offset = end + 1;
  }
  const rest = text.subarray(offset);
  // A whole record with one byte more is no torn write: its newline was damaged.
  if (rest.length > 0 && decodeRecord(rest.subarray(0, -1)) !== undefined) lines.push({ offset });
  return { lines, end: offset };
}

function lineAt(offset: number, line: Buffer): JournalLine {
  const record = decodeRecord(line);
  return record === undefined ? { offset } : { offset, record };
}

/** CRC-32 (ISO 3309), which detects any damage within 32 bits in a row; not in node:zlib before Node 20.15. */
function checksum(bytes: Uint8Array): string {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (crcTable[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8);
  return (~crc >>> 0).toString(16).padStart(8, '0');
}
