// Questions and replies on their way between the event loop and the thread of a name server: many in one buffer.

/** A question the thread leaves to the slow path. Each is answered once, in whatever order. */
export interface LeftQuestion {
  readonly ticket: number;
  readonly listener: number;
  readonly transport: 'udp' | 'tcp';
  /** The asker's address; a link-local one without its zone. */
  readonly from: string;
  readonly message: Buffer;
}

export interface Reply {
  readonly ticket: number;
  /** Nothing is said when it is absent. */
  readonly message: Uint8Array | undefined;
  readonly rememberMs: number;
}

const tcp = 6;

//   offset  size  field
//   0       4     ticket
//   4       4     listener
//   8       1     protocol, 6 or 17
//   9       1     length of the asker's address
//   10      …     address, as text
//   …       2     length of the message
//   …       …     message
export function readLeftQuestions(batch: Buffer): readonly LeftQuestion[] {
  const questions: LeftQuestion[] = [];
  for (let at = 0; at < batch.length; ) {
    const address = at + 10;
    const length = address + batch.readUInt8(at + 9);
    const message = length + 2;
    const end = message + batch.readUInt16BE(length);
    questions.push({
      ticket: batch.readUInt32BE(at),
      listener: batch.readUInt32BE(at + 4),
      transport: batch.readUInt8(at + 8) === tcp ? 'tcp' : 'udp',
      from: batch.toString('latin1', address, length),
      message: batch.subarray(message, end),
    });
    at = end;
  }
  return questions;
}

const headBytes = 10;
/** The most a message over TCP may have. */
const messageBytesMax = 0xffff;
const rememberMsMax = 0xffff_ffff;

//   offset  size  field
//   0       4     ticket
//   4       4     milliseconds for which it is remembered
//   8       2     length of the message, 0 when nothing is said
//   10      …     message
export function encodeReplies(replies: readonly Reply[]): Buffer {
  const sizes = replies.map(({ message }) => sizeOf(message));
  const batch = Buffer.allocUnsafe(sizes.reduce((sum, size) => sum + headBytes + size, 0));
  let at = 0;
  replies.forEach(({ ticket, message, rememberMs }, index) => {
    const size = sizes[index] ?? 0;
    batch.writeUInt32BE(ticket, at);
    batch.writeUInt32BE(Math.min(Math.max(Math.trunc(rememberMs), 0), rememberMsMax), at + 4);
    batch.writeUInt16BE(size, at + 8);
    if (message !== undefined && size > 0) batch.set(message, at + headBytes);
    at += headBytes + size;
  });
  return batch;
}

/** What no message can be is not sent. */
function sizeOf(message: Uint8Array | undefined): number {
  return message === undefined || message.length > messageBytesMax ? 0 : message.length;
}
