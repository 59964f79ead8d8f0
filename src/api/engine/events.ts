// /events: a line of JSON for each event, kept ones first when `since` asks for them, until `until` or the client goes.
import { Readable } from 'node:stream';
import type { Event } from '../../model/event.ts';
import type { ApiContext, Routes } from '../route.ts';
import { eventMatcher } from './event-filter.ts';
import { eventAnswer } from './event-view.ts';
import { parseFilters } from './filter-words.ts';
import { parseTime } from './time.ts';

/** A listener that is this far behind is cut off. */
const backlogLimitBytes = 1024 * 1024;
/** The longest a timer can wait. */
const longestWaitMs = 2 ** 31 - 1;

interface EventQuery {
  readonly since?: string;
  readonly until?: string;
  readonly filters?: string;
}

interface Span {
  readonly since: number | undefined;
  readonly until: number | undefined;
}

export const eventRoutes: Routes = (app, context) => {
  app.get<{ Querystring: EventQuery }>('/events', async ({ query }, reply) => {
    const matches = eventMatcher(parseFilters(query.filters));
    const span = { since: timeOf(query.since, 'since'), until: timeOf(query.until, 'until') };
    reply.type('application/json');
    // The head goes out before anything happens, so that a client knows that it listens.
    reply.raw.once('pipe', () => reply.raw.flushHeaders());
    return reply.send(eventStream(context, matches, span));
  });
};

function timeOf(text: string | undefined, what: string): number | undefined {
  return text === undefined || text === '' ? undefined : parseTime(text, what);
}

function eventStream(
  { controller, closing }: ApiContext,
  matches: (event: Event) => boolean,
  { since, until }: Span,
): Readable {
  const stream = new Readable({ read() {} });
  const unsubscribe = controller.events.subscribe((event) => {
    if ((until !== undefined && event.time > until) || !matches(event)) return;
    stream.push(`${JSON.stringify(eventAnswer(event))}\n`);
    if (stream.readableLength > backlogLimitBytes) stream.destroy();
  }, since);
  const end = () => stream.push(null);
  const timer =
    until === undefined
      ? undefined
      : setTimeout(end, Math.min(Math.max(until - Date.now(), 0), longestWaitMs));
  closing.addEventListener('abort', end, { once: true });
  stream.once('close', () => {
    clearTimeout(timer);
    unsubscribe();
    closing.removeEventListener('abort', end);
  });
  return stream;
}
