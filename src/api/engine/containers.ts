// /containers: list and inspect, so that clients can resolve names.
import type { FastifyRequest } from 'fastify';
import { NetError } from '../../base/errors.ts';
import type { Controller, NetworkView, SandboxView } from '../../core/requests.ts';
import { sandboxFilter } from '../filters.ts';
import type { Routes } from '../route.ts';
import { speaks } from './api-version.ts';
import { containerAnswer, containerSummary, statusOf, type Viewer } from './container-view.ts';
import { type Filters, filterWords, parseFilters } from './filter-words.ts';

interface ListQuery {
  readonly all?: string;
  readonly limit?: string;
  readonly filters?: string;
}

export const containerRoutes: Routes = (app, { controller }) => {
  app.get<{ Querystring: ListQuery }>('/containers/json', async (request) => {
    const viewer = viewerOf(controller, request);
    return chosen(controller.sandboxes(), request.query).map((sandbox) => containerSummary(sandbox, viewer));
  });

  app.get<{ Params: { id: string } }>('/containers/:id/json', async (request) =>
    containerAnswer(controller.sandbox(request.params.id), viewerOf(controller, request)),
  );
};

function viewerOf(controller: Controller, request: FastifyRequest): Viewer {
  const networks = new Map<string, NetworkView>(
    controller.networks().map((network) => [network.id, network]),
  );
  return { find: (id) => networks.get(id), speaks: (version) => speaks(request, version) };
}

/** Newest first. Those that do not run are there when all, the last few, or a status is asked for. */
function chosen(sandboxes: readonly SandboxView[], query: ListQuery): readonly SandboxView[] {
  const filters = parseFilters(query.filters);
  const matches = sandboxFilter(filterWords(withoutSlash(filters)));
  const limit = parseLimit(query.limit);
  const all = isTrue(query.all) || limit > 0 || filters.has('status');
  const found = sandboxes
    .map((sandbox) => ({ ...sandbox, status: statusOf(sandbox) }))
    .filter((sandbox) => (all || sandbox.status === 'running') && matches(sandbox))
    .sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  return limit > 0 ? found.slice(0, limit) : found;
}

/** Docker's names begin with a slash. */
function withoutSlash(filters: Filters): Filters {
  const names = filters.get('name')?.map((name) => name.replace(/^\//, ''));
  return names === undefined ? filters : new Map([...filters, ['name', names]]);
}

function isTrue(value = ''): boolean {
  return !['', '0', 'no', 'false', 'none'].includes(value.toLowerCase());
}

function parseLimit(text = ''): number {
  if (!/^(-1|\d{0,9})$/.test(text))
    throw new NetError('invalid_parameter', `limit: ${text} is no whole number`);
  return Number(text);
}
