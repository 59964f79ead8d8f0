// An echo request from inside a namespace: RFC 792, RFC 4443 section 4.
import { randomInt } from 'node:crypto';
import { familyOf } from '../base/cidr.ts';
import type { Namespace } from '../kernel/netns.ts';
import { openEchoInNamespace } from '../kernel/sockets.ts';
import { answered, awaitEnd, silence, word } from './probe-end.ts';
import type { Probe, ProbeOutcome } from './prober.ts';

/** Of IP and ICMP together. */
const headerBytes = { 4: 28, 6: 48 } as const;

const echo = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

export function attemptEcho(
  namespace: Namespace,
  { to, sizeBytes, patienceMs }: Probe,
): Promise<ProbeOutcome> {
  const family = familyOf(to);
  const id = randomInt(0x10000);
  const content = sizeBytes === undefined ? word : word.padEnd(sizeBytes - headerBytes[family]);
  return awaitEnd({ otherwise: silence, patienceMs }, async (settle) => {
    const socket = await openEchoInNamespace(namespace, to, (message) => {
      if (message instanceof Error) return settle(message);
      // The first byte of IPv4: version, and the header's length in words.
      const start = family === 4 ? ((message[0] ?? 0) & 0x0f) * 4 : 0;
      if (isReply(message.subarray(start), echo[family].reply, id)) settle(answered);
    });
    return { send: () => socket.send(echoRequest(echo[family].request, id, content)), close: socket.close };
  });
}

/** Type, code, checksum, identifier, sequence number, and what is to come back. */
function echoRequest(type: number, id: number, content: string): Uint8Array {
  const message = Buffer.alloc(8 + content.length);
  message.writeUInt8(type, 0);
  message.writeUInt16BE(id, 4);
  message.write(content, 8);
  message.writeUInt16BE(checksum(message), 2);
  return message;
}

function isReply(message: Uint8Array, type: number, id: number): boolean {
  const bytes = Buffer.from(message);
  return bytes.length >= 8 && bytes.readUInt8(0) === type && bytes.readUInt16BE(4) === id;
}

/** RFC 1071. */
function checksum(message: Buffer): number {
  let sum = 0;
  for (let at = 0; at < message.length; at++) sum += (message[at] ?? 0) << (at % 2 === 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
