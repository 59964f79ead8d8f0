// /dns: what a sandbox is told of a name, the names there are, and how much is asked.
import { parseParty } from '../../model/allowance-syntax.ts';
import { nameFilter } from '../filters.ts';
import type { Routes } from '../route.ts';
import { anyText, filterQuery, flag, object, type Schema, text, wholeNumber } from '../schema.ts';
import { many } from './view-schema.ts';

const source = object(
  {
    kind: {
      type: 'string',
      enum: ['networks', 'nowhere', 'cache', 'stale', 'upstream', 'unanswered', 'refused'],
    },
    networks: many(anyText),
    address: anyText,
    tookMs: { type: 'number' },
  },
  ['kind'],
);

const nameLookup = object({ status: anyText, records: many(anyText), source }, [
  'status',
  'records',
  'source',
]);

const visibleName = object(
  {
    name: anyText,
    kind: { type: 'string', enum: ['name', 'hostname', 'id', 'alias', 'link'] },
    networkId: anyText,
    networkName: anyText,
    sandboxId: anyText,
    sandboxName: anyText,
    addresses: many(anyText),
    alsoClaimedBy: many(anyText),
    isHidden: flag,
  },
  ['name', 'kind', 'sandboxId', 'sandboxName', 'addresses', 'alsoClaimedBy', 'isHidden'],
);

/** All of them. */
function whole(properties: Readonly<Record<string, Schema>>, ...maybe: readonly string[]): Schema {
  return object(
    properties,
    Object.keys(properties).filter((name) => !maybe.includes(name)),
  );
}

const asker = whole({
  sandboxId: anyText,
  sandboxName: anyText,
  questions: wholeNumber,
  answered: wholeNumber,
  noData: wholeNumber,
  noName: wholeNumber,
  cached: wholeNumber,
  forwarded: wholeNumber,
  failed: wholeNumber,
  refused: wholeNumber,
});

const upstream = whole(
  {
    address: anyText,
    sandboxId: anyText,
    sandboxName: anyText,
    asked: wholeNumber,
    replied: wholeNumber,
    failed: wholeNumber,
    rttMs: { type: 'number' },
    isFailing: flag,
  },
  'sandboxId',
  'sandboxName',
  'rttMs',
);

const nameStatistics = whole({
  askers: many(asker),
  networks: many(whole({ networkId: anyText, networkName: anyText, answered: wholeNumber })),
  upstreams: many(upstream),
  cache: whole({ entries: wholeNumber, bytes: wholeNumber, hits: wholeNumber, stale: wholeNumber }),
  malformed: wholeNumber,
  overflowed: wholeNumber,
  connections: wholeNumber,
});

const someTexts = { type: ['string', 'array'], items: { type: 'string' } };

interface NamesQuery {
  readonly from?: string;
  readonly filter?: string | readonly string[];
}

export const dnsRoutes: Routes = (app, { controller }) => {
  app.get<{ Querystring: { from: string; name: string; type?: string } }>(
    '/dns/query',
    {
      config: { summary: 'Ask for a name as a sandbox would; answers the records and where they came from' },
      schema: {
        querystring: object({ from: text, name: text, type: text }, ['from', 'name']),
        response: { 200: nameLookup },
      },
    },
    async ({ query }) => controller.lookUpName(query),
  );

  app.get<{ Querystring: NamesQuery }>(
    '/dns/names',
    {
      config: { summary: 'List names, those a sandbox sees or all; filters: kind, name, network, sandbox' },
      schema: {
        querystring: object({ ...(filterQuery['properties'] as object), from: text }),
        response: { 200: many(visibleName) },
      },
    },
    async ({ query }) => (await controller.names(query.from)).filter(nameFilter(query.filter)),
  );

  app.get<{ Querystring: { of?: string | readonly string[] } }>(
    '/dns/stats',
    {
      config: { summary: 'Count questions and answers, of the sandboxes and networks given as `of`, or all' },
      schema: { querystring: object({ of: someTexts }), response: { 200: nameStatistics } },
    },
    async ({ query }) => controller.nameStatistics([query.of ?? []].flat().map(parseParty)),
  );
};
