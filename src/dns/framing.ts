// Messages in a TCP stream: each is preceded by its length in two bytes (RFC 1035 section 4.2.2).

export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Cuts a stream into messages; keeps at most one incomplete message. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages complete with this chunk. */
  push(chunk: Buffer): readonly Buffer[] {
    const messages: Buffer[] = [];
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (data.length >= 2) {
      const end = 2 + data.readUInt16BE(0);
      if (data.length < end) break;
      messages.push(data.subarray(2, end));
      data = data.subarray(end);
    }
    this.#rest = data;
    return messages;
  }
}
