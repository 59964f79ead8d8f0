// A question as people write it, made the message an asker would send.
import { NetError } from '../../base/errors.ts';
import { classIn } from './constants.ts';
import { flag, headerBytes } from './message.ts';
import { typeNumber } from './type-names.ts';

const labelBytesMax = 63;
/** With the root's octet (RFC 1035 section 2.3.4). */
const nameBytesMax = 255;
/** A character: `\.` or `\097` (RFC 1035 section 5.1), or one that stands for itself. */
const character = /\\(\d{3})|\\([^\d])|([^\\])/gsy;

/**
 * @param name with or without the final dot; a search domain is never added.
 * @param type `A`, `AAAA`…, or `TYPE65` (RFC 3597).
 * Errors: `invalid_parameter`.
 */
export function questionMessage(name: string, type: string): Buffer {
  const number = typeNumber(type);
  if (number === undefined) {
    throw new NetError(
      'invalid_parameter',
      `type ${type}: A, AAAA, PTR, SRV… or TYPE1 to TYPE65535 are expected`,
    );
  }
  const head = Buffer.alloc(headerBytes);
  head.writeUInt16BE(flag.RD, 2);
  head.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(number, 0);
  tail.writeUInt16BE(classIn, 2);
  return Buffer.concat([head, nameBytes(name), tail]);
}

function nameBytes(name: string): Buffer {
  const labels: number[][] = name === '.' ? [] : [[]];
  for (const part of name === '.' ? [] : charactersOf(name)) {
    if (part === 'dot') labels.push([]);
    else labels.at(-1)?.push(...part);
  }
  if (labels.length > 1 && labels.at(-1)?.length === 0) labels.pop();
  const bytes = labels.flatMap((label) => [label.length, ...label]);
  const longest = labels.find((label) => label.length > labelBytesMax);
  if (labels.some((label) => label.length === 0)) throw refusal(name, 'it has an empty label');
  if (longest !== undefined) throw refusal(name, `a label has at most ${labelBytesMax} bytes`);
  if (bytes.length + 1 > nameBytesMax) throw refusal(name, `it has more than ${nameBytesMax} bytes`);
  return Buffer.from([...bytes, 0]);
}

function* charactersOf(name: string): Iterable<'dot' | readonly number[]> {
  let end = 0;
  for (const [text, number, escaped, plain] of name.matchAll(character)) {
    end += text.length;
    if (Number(number ?? 0) > 255) throw refusal(name, `\\${number} is no byte`);
    if (plain === '.') yield 'dot';
    else yield number === undefined ? [...Buffer.from(escaped ?? plain ?? '')] : [Number(number)];
  }
  if (end < name.length) throw refusal(name, 'a backslash is followed by a character or three digits');
}

function refusal(name: string, problem: string): NetError {
  return new NetError('invalid_parameter', `name ${name}: ${problem}`);
}
