// /events: server-sent events, kept ones first when `since` (milliseconds since 1970) or `Last-Event-ID` asks for them.
import { Readable } from 'node:stream';
import type { Event } from '../../model/event.ts';
import { eventFilter } from '../filters.ts';
import type { ApiContext, Routes } from '../route.ts';
import { type FilterQuery, filterQuery } from '../schema.ts';

/** A listener that is this far behind is cut off; it can resume from its last event. */
const backlogLimitBytes = 1024 * 1024;

const eventQuery = {
  ...filterQuery,
  properties: {
    filter: { type: ['string', 'array'], items: { type: 'string' } },
    since: { type: 'string', pattern: '^[0-9]{1,15}$' },
  },
};

interface EventRequest {
  readonly Querystring: FilterQuery & { readonly since?: string };
}

export const eventRoutes: Routes = (app, context) => {
  app.get<EventRequest>(
    '/events',
    {
      config: {
        summary: 'Hear what changes; filters: event, network, sandbox, type',
        produces: 'text/event-stream',
      },
      schema: { querystring: eventQuery },
    },
    async ({ query, headers }, reply) => {
      const wanted = eventFilter(query.filter);
      const since = query.since === undefined ? resumeFrom(headers['last-event-id']) : Number(query.since);
      return reply
        .type('text/event-stream')
        .header('cache-control', 'no-store')
        .send(eventStream(context, wanted, since));
    },
  );
};

/** The time of an event is its id, and no two have the same. */
function resumeFrom(lastEventId: string | string[] | undefined): number | undefined {
  const last = Number(lastEventId);
  return Number.isSafeInteger(last) ? last + 1 : undefined;
}

function eventStream(
  { controller, closing }: ApiContext,
  wanted: (event: Event) => boolean,
  since: number | undefined,
): Readable {
  const stream = new Readable({ read() {} });
  // A comment, so that the head of the answer is sent before anything happens.
  stream.push(': events follow\n\n');
  const unsubscribe = controller.events.subscribe((event) => {
    if (!wanted(event)) return;
    stream.push(`id: ${event.time}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (stream.readableLength > backlogLimitBytes) stream.destroy();
  }, since);
  const end = () => stream.push(null);
  closing.addEventListener('abort', end, { once: true });
  stream.once('close', () => {
    unsubscribe();
    closing.removeEventListener('abort', end);
  });
  return stream;
}
