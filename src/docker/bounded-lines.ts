// The lines of a stream that may be longer than we want to remember.

/**
 * Each line without its end; undefined for one of more than `limit` bytes. What comes after the last end of a line is cut off
 * and is none.
 */
export async function* boundedLines(
  chunks: AsyncIterable<Buffer>,
  limit: number,
): AsyncGenerator<string | undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      length += end - start;
      yield length > limit ? undefined : Buffer.concat([...pieces, chunk.subarray(start, end)]).toString();
      pieces = [];
      length = 0;
      start = end + 1;
    }
    length += chunk.length - start;
    if (length > limit) pieces = [];
    else pieces.push(chunk.subarray(start));
  }
}

const newline = 0x0a;
