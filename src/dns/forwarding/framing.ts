// Messages in a TCP stream: each is preceded by its length in two bytes (RFC 1035 section 4.2.2).

export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Cuts a stream into messages; keeps at most one incomplete message. */
export class FrameReader {
  /** What came of the next message, put together when it is whole: it may come byte by byte. */
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Of the next message with its length, or of its length alone. */
  #neededBytes = 2;

  /** The messages complete with this chunk. */
  push(chunk: Buffer): readonly Buffer[] {
    this.#pieces.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#neededBytes) return [];
    const messages: Buffer[] = [];
    let data = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces);
    while (data.length >= 2 && data.length >= frameBytes(data)) {
      messages.push(data.subarray(2, frameBytes(data)));
      data = data.subarray(frameBytes(data));
    }
    this.#pieces = [data];
    this.#bytes = data.length;
    this.#neededBytes = data.length < 2 ? 2 : frameBytes(data);
    return messages;
  }
}

function frameBytes(data: Buffer): number {
  return 2 + data.readUInt16BE(0);
}
