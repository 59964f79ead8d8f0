// Reads test/captures/rtnetlink.txt: messages as iproute2 and the kernel exchange them.
import { readFileSync } from 'node:fs';
import { decodeMessage } from '../../../../src/kernel/netlink/message.ts';

const text = readFileSync(new URL('../../../captures/rtnetlink.txt', import.meta.url), 'utf8');
const captures = new Map(
  text
    .split('\n\n')
    .slice(1)
    .map((block) => {
      const [head = '', ...hex] = block.trim().split('\n');
      return [head, hex.join('')] as const;
    }),
);

/** The request of a command, in hexadecimal. */
export function requestOf(command: string): string {
  return find(`> ${command}`);
}

/** The payload of the kernel's answer to a command. */
export function answerTo(command: string): Uint8Array {
  return decodeMessage(Buffer.from(find(`< ${command}`), 'hex')).payload;
}

/**
 * A message of ours in hexadecimal as iproute2 would send it, which leaves out NLA_F_NESTED.
 * @param structBytes length of the fixed struct after the header.
 */
export function asIproute2(message: Uint8Array, structBytes: number): string {
  const bytes = Buffer.from(message);
  clearNested(bytes.subarray(16 + structBytes));
  return bytes.toString('hex');
}

function clearNested(attributes: Buffer): void {
  for (let at = 0; at < attributes.length; ) {
    const length = attributes.readUInt16LE(at);
    const type = attributes.readUInt16LE(at + 2);
    if ((type & 0x8000) !== 0) {
      attributes.writeUInt16LE(type & 0x7fff, at + 2);
      clearNested(attributes.subarray(at + 4, at + length));
    }
    at += (length + 3) & ~3;
  }
}

function find(head: string): string {
  const hex = captures.get(head);
  if (hex === undefined) throw new Error(`no capture of ${head}`);
  return hex;
}
