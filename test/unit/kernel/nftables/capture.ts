// Messages nft(8) sent for a command, captured off its socket; the command is the first line of each file.
import { readFileSync } from 'node:fs';
import { Attributes } from '../../../../src/kernel/netlink/attribute.ts';
import { decodeMessage, splitMessages } from '../../../../src/kernel/netlink/message.ts';
import { headerBytes } from '../../../../src/kernel/nftables/nfnetlink.ts';

/** The one message between the beginning and the end of the batch. */
export function captured(name: string): {
  command: string;
  type: number;
  family: number | undefined;
  attributes: Attributes;
  bytes: Uint8Array;
} {
  const text = readFileSync(new URL(`./captures/${name}.hex`, import.meta.url), 'utf8');
  const [command = '', ...lines] = text.split('\n');
  const { type, payload } = middle(Uint8Array.from(Buffer.from(lines.join(''), 'hex')));
  const bytes = payload.subarray(headerBytes);
  return {
    command: command.slice(2),
    type: type & 0xff,
    family: payload[0],
    attributes: new Attributes(bytes),
    bytes,
  };
}

/** The message between the beginning and the end of a batch. */
export function middle(batch: Uint8Array) {
  const [, message, end] = splitMessages(batch);
  if (message === undefined || end === undefined) throw new Error('not a batch of one message');
  return decodeMessage(message);
}
