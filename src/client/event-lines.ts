// Server-sent events as objects (https://html.spec.whatwg.org/multipage/server-sent-events.html), as far as our API uses them.
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { Event } from '../model/event.ts';

/** The events of an answer, until it ends. Errors: those of reading it. */
export async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<Event> {
  const prefix = 'data: ';
  for await (const line of createInterface({ input: Readable.from(body) })) {
    if (line.startsWith(prefix)) yield JSON.parse(line.slice(prefix.length)) as Event;
  }
}
