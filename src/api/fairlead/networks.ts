// /networks: create, list, inspect, delete, prune, connect, disconnect.
import type { ConnectBody, CreateNetworkBody, DisconnectBody } from '../../model/wire.ts';
import { type FilterWords, networkFilter } from '../filters.ts';
import type { Routes } from '../route.ts';
import {
  type FilterQuery,
  filterQuery,
  object,
  queryFlag,
  type RefParams,
  refParams,
  texts,
} from '../schema.ts';
import { connectBody, createNetworkBody, disconnectBody } from './body-schema.ts';
import { inspectNetwork } from './inspect-network.ts';
import { parseEndpointBody, parseNetworkBody } from './parse-body.ts';
import { endpointView, inspectedNetwork, many, networkRecord, networkView } from './view-schema.ts';

export const networkRoutes: Routes = (app, { controller }) => {
  app.get<{ Querystring: FilterQuery }>(
    '/networks',
    {
      config: { summary: 'List networks; filters: driver, id, label, name, scope, type, dangling' },
      schema: { querystring: filterQuery, response: { 200: many(networkView) } },
    },
    async ({ query }) => controller.networks().filter(networkFilter(query.filter)),
  );

  app.post<{ Body: CreateNetworkBody }>(
    '/networks',
    {
      config: { summary: 'Create a network' },
      schema: { body: createNetworkBody, response: { 201: networkRecord } },
    },
    async ({ body }, reply) => reply.code(201).send(await controller.createNetwork(parseNetworkBody(body))),
  );

  app.post<{ Body: { filters?: FilterWords } }>(
    '/networks/prune',
    {
      config: { summary: 'Delete every network nobody is on; answers which' },
      schema: { body: object({ filters: texts }), response: { 200: many(networkRecord) } },
    },
    async ({ body }) => {
      const matches = networkFilter(body.filters);
      return controller.pruneNetworks((network) => !matches({ ...network, endpoints: [] }));
    },
  );

  app.get<{ Params: RefParams }>(
    '/networks/:ref',
    {
      config: { summary: 'Inspect a network' },
      schema: { params: refParams, response: { 200: inspectedNetwork } },
    },
    async ({ params }) => inspectNetwork(controller, params.ref),
  );

  app.delete<{ Params: RefParams; Querystring: { force?: string } }>(
    '/networks/:ref',
    {
      config: { summary: 'Delete a network; with force, after disconnecting whoever is on it' },
      schema: { params: refParams, querystring: object({ force: queryFlag }) },
    },
    async ({ params, query }, reply) => {
      await controller.deleteNetwork(params.ref, { force: query.force === 'true' });
      return reply.code(204).send();
    },
  );

  app.post<{ Params: RefParams; Body: ConnectBody }>(
    '/networks/:ref/connect',
    {
      config: { summary: 'Connect a sandbox, or a namespace written pid:N or netns:PATH' },
      schema: { params: refParams, body: connectBody, response: { 200: endpointView } },
    },
    async ({ params, body }) =>
      controller.connect({ network: params.ref, target: body.target, ...parseEndpointBody(body) }),
  );

  app.post<{ Params: RefParams; Body: DisconnectBody }>(
    '/networks/:ref/disconnect',
    {
      config: { summary: 'Disconnect a sandbox; with force, an absent attachment is fine' },
      schema: { params: refParams, body: disconnectBody },
    },
    async ({ params, body }, reply) => {
      await controller.disconnect(params.ref, body.target, { force: body.force ?? false });
      return reply.code(204).send();
    },
  );
};
