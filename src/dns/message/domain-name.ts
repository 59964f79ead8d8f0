// Domain names as text in which a label may hold any byte, so that no two names look the same: labels are joined by dots, and a
// byte of a label that is not ASCII, or is a dot, is a character above U+E000 whose low byte it is. toLowerCase() then folds
// the letters of ASCII and nothing else (RFC 4343), and there is one character for each byte.

const nameBytesMax = 255;
const labelBytesMax = 63;
/** Begins an area of characters without case, private to us. */
const maskBase = 0xe000;
const plain = /^\p{ASCII}*$/u;

/** What people and records call something, its labels parted by dots; undefined when no message can hold it. */
export function nameFromText(text: string): string | undefined {
  const name = plain.test(text) ? text : mask(Buffer.from(text, 'utf8').toString('latin1'));
  const labels = name.split('.');
  if (labels.some(({ length }) => length === 0 || length > labelBytesMax)) return undefined;
  return name.length + 2 > nameBytesMax ? undefined : name;
}

/** The name at an offset of a message, and where it ends; undefined when it is cut, too long, or uses compression. */
export function readName(
  message: Uint8Array,
  start: number,
): { readonly name: string; readonly end: number } | undefined {
  const labels: string[] = [];
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined || length > labelBytesMax) return undefined;
    const next = offset + 1 + length;
    if (next - start > nameBytesMax || next > message.length) return undefined;
    if (length === 0) return { name: labels.join('.'), end: next };
    labels.push(labelText(message.subarray(offset + 1, next)));
    offset = next;
  }
}

/** The labels of a name as messages hold them, each behind its length, without the root's. */
export function labelBytes(name: string): Buffer {
  const bytes: number[] = [];
  for (const label of name === '' ? [] : name.split('.')) {
    bytes.push(label.length, ...Array.from(label, (character) => character.charCodeAt(0) & 0xff));
  }
  return Buffer.from(bytes);
}

function labelText(label: Uint8Array): string {
  const text = Buffer.from(label).toString('latin1');
  return text.includes('.') || !plain.test(text) ? mask(text.replaceAll('.', masked)) : text;
}

/** Of text whose characters are bytes. */
function mask(text: string): string {
  return text.replace(/[\x80-\xff]/g, masked);
}

function masked(character: string): string {
  return String.fromCharCode(maskBase + character.charCodeAt(0));
}
