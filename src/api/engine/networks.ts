// /networks: list, inspect, create, delete, connect, disconnect, prune.
import { NetError } from '../../base/errors.ts';
import type { Network } from '../../model/network.ts';
import { parseEndpointBody, parseNetworkBody } from '../fairlead/parse-body.ts';
import { networkFilter } from '../filters.ts';
import type { Routes } from '../route.ts';
import { speaks } from './api-version.ts';
import { optionTuning } from './endpoint-options.ts';
import { type Filters, filterWords, parseFilters } from './filter-words.ts';
import {
  type ConnectBody,
  type CreateBody,
  connectBody,
  createBody,
  type DisconnectBody,
  disconnectBody,
  endpointWords,
  networkWords,
} from './network-body.ts';
import { hostsOn } from './network-hosts.ts';
import { networkAnswer, scopeOf } from './network-view.ts';
import { parseTime } from './time.ts';

interface FilterQuery {
  readonly Querystring: { readonly filters?: string };
}
interface OneNetwork {
  readonly Params: { readonly id: string };
}

export const networkRoutes: Routes = (app, { controller }) => {
  app.get<FilterQuery>('/networks', async (request) => {
    const matches = networkFilter(listWords(parseFilters(request.query.filters)));
    return controller
      .networks()
      .filter(matches)
      .map((network) => networkAnswer({ ...network, endpoints: [] }, { withIpv4: speaks(request, '1.48') }));
  });

  app.get<OneNetwork & { Querystring: { scope?: string } }>('/networks/:id', async (request) => {
    const network = controller.network(request.params.id);
    const { scope = '' } = request.query;
    if (scope !== '' && scope !== scopeOf(network)) {
      throw new NetError('not_found', `no network ${request.params.id} of scope ${scope}`);
    }
    const hosts = await hostsOn(controller, network);
    return networkAnswer(network, { withIpv4: speaks(request, '1.48'), hosts });
  });

  app.post<{ Body: CreateBody }>(
    '/networks/create',
    { schema: { body: createBody } },
    async (request, reply) => {
      const { id } = await controller.createNetwork(parseNetworkBody(networkWords(request.body)));
      return reply.code(201).send({ Id: id, Warning: '' });
    },
  );

  app.delete<OneNetwork>('/networks/:id', async ({ params }, reply) => {
    await controller.deleteNetwork(params.id, { force: false });
    return reply.code(204).send();
  });

  app.post<OneNetwork & { Body: ConnectBody }>(
    '/networks/:id/connect',
    { schema: { body: connectBody } },
    async ({ params, body }, reply) => {
      const settings = body.EndpointConfig ?? {};
      const config = {
        ...parseEndpointBody(endpointWords(settings)),
        ...optionTuning(settings.DriverOpts ?? {}),
      };
      await controller.connect({ network: params.id, target: body.Container, ...config });
      return reply.send();
    },
  );

  app.post<OneNetwork & { Body: DisconnectBody }>(
    '/networks/:id/disconnect',
    { schema: { body: disconnectBody } },
    async ({ params, body }, reply) => {
      await controller.disconnect(params.id, body.Container, { force: body.Force ?? false });
      return reply.send();
    },
  );

  app.post<FilterQuery>('/networks/prune', async ({ query }) => {
    const deleted = await controller.pruneNetworks(keptBy(parseFilters(query.filters)));
    return { NetworksDeleted: deleted.map(({ name }) => name) };
  });
};

/** Docker's values, where Fairlead writes others. */
const synonyms: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  driver: { null: 'none' },
  scope: { swarm: 'global' },
  dangling: { 1: 'true', 0: 'false' },
};

function listWords(filters: Filters): readonly string[] {
  const translated = [...filters].map(
    ([key, values]) => [key, values.map((value) => synonyms[key]?.[value] ?? value)] as const,
  );
  return filterWords(new Map(translated));
}

/** Which networks to leave: made after `until`, without a `label`, or with a `label!`. */
function keptBy(filters: Filters): (network: Network) => boolean {
  const unknown = [...filters.keys()].find((key) => !['label', 'label!', 'until'].includes(key));
  if (unknown !== undefined) {
    throw new NetError('invalid_parameter', `unknown filter ${unknown}; known are label, label!, until`);
  }
  const until = (filters.get('until') ?? []).map((text) => parseTime(text, 'filter until'));
  const wanted = labelled(filters.get('label') ?? []);
  const unwanted = (filters.get('label!') ?? []).map((label) => labelled([label]));
  return (network) =>
    until.some((limit) => Date.parse(network.createdAt) > limit) ||
    !wanted(network) ||
    unwanted.some((matches) => matches(network));
}

function labelled(labels: readonly string[]): (network: Network) => boolean {
  const matches = networkFilter(labels.map((label) => `label=${label}`));
  return (network) => matches({ ...network, endpoints: [] });
}
