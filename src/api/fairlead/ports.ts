// /ports: what is published, by whom, and changing it.
import { parsePublish, parseUnpublish } from '../../model/publish-syntax.ts';
import type { PublishBody } from '../../model/wire.ts';
import type { Routes } from '../route.ts';
import { object, text } from '../schema.ts';
import { publishBody } from './body-schema.ts';
import { endpointView, many, portView } from './view-schema.ts';

const unpublishQuery = object(
  { target: text, port: { type: ['string', 'array'], items: { type: 'string' } } },
  ['target', 'port'],
);

export const portRoutes: Routes = (app, { controller }) => {
  app.get<{ Querystring: { target?: string } }>(
    '/ports',
    {
      config: { summary: 'List published ports, of one sandbox or of all' },
      schema: { querystring: object({ target: text }), response: { 200: many(portView) } },
    },
    async ({ query }) => controller.ports(query.target),
  );

  app.post<{ Body: PublishBody }>(
    '/ports',
    {
      config: { summary: 'Publish further ports of a sandbox; answers the endpoint with all it has' },
      schema: { body: publishBody, response: { 200: endpointView } },
    },
    async ({ body }) => controller.publish(body.target, body.ports.flatMap(parsePublish), body.network),
  );

  app.delete<{ Querystring: { target: string; port: string | string[] } }>(
    '/ports',
    {
      config: { summary: 'Take published ports back, written HOSTPORT[-END][/PROTOCOL]' },
      schema: { querystring: unpublishQuery, response: { 200: many(endpointView) } },
    },
    async ({ query }) => controller.unpublish(query.target, [query.port].flat().flatMap(parseUnpublish)),
  );
};
