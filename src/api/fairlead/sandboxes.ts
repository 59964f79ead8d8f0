// /sandboxes: create, list, inspect, delete, their processes and logs.
import type { SandboxBody } from '../../model/wire.ts';
import { sandboxFilter } from '../filters.ts';
import type { Routes } from '../route.ts';
import {
  type FilterQuery,
  filterQuery,
  object,
  processId,
  queryFlag,
  type RefParams,
  refParams,
  text,
} from '../schema.ts';
import { sandboxBody } from './body-schema.ts';
import { openLog } from './log-stream.ts';
import { parseSandboxBody } from './parse-body.ts';
import { many, sandboxView } from './view-schema.ts';

const defaultGraceMs = 10_000;
const graceMs = { type: 'integer', minimum: 0, maximum: 3_600_000 };

export const sandboxRoutes: Routes = (app, context) => {
  const { controller } = context;

  app.get<{ Querystring: FilterQuery }>(
    '/sandboxes',
    {
      config: { summary: 'List sandboxes; filters: id, label, name, network, status' },
      schema: { querystring: filterQuery, response: { 200: many(sandboxView) } },
    },
    async ({ query }) => controller.sandboxes().filter(sandboxFilter(query.filter)),
  );

  app.post<{ Body: SandboxBody }>(
    '/sandboxes',
    {
      config: { summary: 'Create a sandbox without a process' },
      schema: { body: sandboxBody, response: { 201: sandboxView } },
    },
    async ({ body }, reply) => reply.code(201).send(await controller.createSandbox(parseSandboxBody(body))),
  );

  app.get<{ Params: RefParams }>(
    '/sandboxes/:ref',
    {
      config: { summary: 'Inspect a sandbox' },
      schema: { params: refParams, response: { 200: sandboxView } },
    },
    async ({ params }) => controller.sandbox(params.ref),
  );

  app.delete<{ Params: RefParams; Querystring: { force?: string } }>(
    '/sandboxes/:ref',
    {
      config: { summary: 'Delete a sandbox; with force, also one whose process runs' },
      schema: { params: refParams, querystring: object({ force: queryFlag }) },
    },
    async ({ params, query }, reply) => {
      await controller.deleteSandbox(params.ref, { force: query.force === 'true' });
      return reply.code(204).send();
    },
  );

  app.get<{ Params: RefParams; Querystring: { follow?: string } }>(
    '/sandboxes/:ref/logs',
    {
      config: { summary: 'Output of a detached process', produces: 'text/plain' },
      schema: { params: refParams, querystring: object({ follow: queryFlag }) },
    },
    async ({ params, query }, reply) => {
      const log = await openLog(context, params.ref, query.follow === 'true');
      return reply.type('text/plain; charset=utf-8').send(log);
    },
  );

  processRoutes(app, context);
};

const processRoutes: Routes = (app, { controller }) => {
  app.post<{ Params: RefParams; Body: { pid: number } }>(
    '/sandboxes/:ref/process',
    {
      config: { summary: 'Tell who supervises the detached process of a sandbox' },
      schema: { params: refParams, body: object({ pid: processId }, ['pid']) },
    },
    async ({ params, body }, reply) => {
      await controller.registerSupervisor(params.ref, body.pid);
      return reply.code(204).send();
    },
  );

  app.post<{ Params: RefParams; Body: { signal?: string } }>(
    '/sandboxes/:ref/kill',
    {
      config: { summary: 'Send a signal (default KILL) to the process of a sandbox' },
      schema: { params: refParams, body: object({ signal: text }) },
    },
    async ({ params, body }, reply) => {
      await controller.kill(params.ref, body.signal ?? 'KILL');
      return reply.code(204).send();
    },
  );

  app.post<{ Params: RefParams; Body: { graceMs?: number } }>(
    '/sandboxes/:ref/stop',
    {
      config: { summary: 'End the process of a sandbox: TERM, then KILL after graceMs (default 10000)' },
      schema: { params: refParams, body: object({ graceMs }) },
    },
    async ({ params, body }, reply) => {
      await controller.stop(params.ref, body.graceMs ?? defaultGraceMs);
      return reply.code(204).send();
    },
  );
};
