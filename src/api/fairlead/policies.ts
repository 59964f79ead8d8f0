// /policies: what is let through between networks that are kept apart.
import { parseAllowance } from '../../model/allowance-syntax.ts';
import type { PolicyBody } from '../../model/wire.ts';
import { allowanceFilter } from '../filters.ts';
import type { Routes } from '../route.ts';
import { type FilterQuery, filterQuery, type RefParams, refParams } from '../schema.ts';
import { policyBody } from './body-schema.ts';
import { many, policyView } from './view-schema.ts';

export const policyRoutes: Routes = (app, { controller }) => {
  app.get<{ Querystring: FilterQuery }>(
    '/policies',
    {
      config: { summary: 'List policies; filters: from, id, network, sandbox, to' },
      schema: { querystring: filterQuery, response: { 200: many(policyView) } },
    },
    async ({ query }) => controller.allowances().filter(allowanceFilter(query.filter)),
  );

  app.post<{ Body: PolicyBody }>(
    '/policies',
    {
      config: { summary: 'Let one network or sandbox reach another, at TO[:PORT[-END]][/PROTOCOL]' },
      schema: { body: policyBody, response: { 201: policyView } },
    },
    async ({ body }, reply) => reply.code(201).send(await controller.allow(parseAllowance(body))),
  );

  app.get<{ Params: RefParams }>(
    '/policies/:ref',
    {
      config: { summary: 'Inspect a policy' },
      schema: { params: refParams, response: { 200: policyView } },
    },
    async ({ params }) => controller.allowance(params.ref),
  );

  app.delete<{ Params: RefParams }>(
    '/policies/:ref',
    { config: { summary: 'Take a policy back' }, schema: { params: refParams } },
    async ({ params }, reply) => {
      await controller.deleteAllowance(params.ref);
      return reply.code(204).send();
    },
  );
};
