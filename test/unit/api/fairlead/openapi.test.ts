import { readFile } from 'node:fs/promises';
import { fastify } from 'fastify';
import { describe, expect, test } from 'vitest';
import { joinedCluster, samplePeer } from '../../../support/cluster-sample.ts';
import { sampleStatistics } from '../../../support/name-samples.ts';
import { testApi } from '../../../support/test-api.ts';

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: object } } };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>
  >;
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

async function describeApi(api = testApi()): Promise<Paths> {
  const { body } = await api.call('GET', '/openapi.json');
  expect(body).toMatchObject({ openapi: '3.1.0', info: { title: 'Fairlead', version: '1.2.3' } });
  return (body as { paths: Paths }).paths;
}

describe('the description of the API', () => {
  test('lists the routes that docs/api.md lists, in the same words', async () => {
    const routes = Object.entries(await describeApi()).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { summary }]) => {
        return `${method.toUpperCase()} ${path.replace('/fairlead/v1', '')}: ${summary}`;
      }),
    );
    const document = await readFile(new URL('../../../../docs/api.md', import.meta.url), 'utf8');
    const rows = [...document.matchAll(/^\| `(\w+ \/\S+)` +\| (.*?) +\|$/gm)];
    expect(rows.map(([, route, summary]) => `${route}: ${summary}`).sort()).toEqual(routes.sort());
  });

  test('gives each a summary, a name of its own and its parameters', async () => {
    const paths = await describeApi();
    const operations = Object.values(paths).flatMap((path) => Object.values(path));
    expect(operations.every(({ summary }) => (summary?.length ?? 0) > 5)).toBe(true);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
    for (const [path, methods] of Object.entries(paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      for (const { parameters } of Object.values(methods)) {
        expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(named);
      }
    }
  });
});

test('answers are as described', async () => {
  const api = testApi();
  const { controller, call } = api;
  await controller.createNetwork({ name: 'lab', pools: [{ reserved: {} }] });
  controller.share('lab', [samplePeer('far', '10.209.3.9/24')]);
  controller.clusterView = joinedCluster;
  await controller.run({
    name: 'web',
    networks: [
      { network: 'lab', ports: [{ port: 80, protocol: 'tcp' }], exposed: [{ port: 81, protocol: 'udp' }] },
    ],
    process: { pid: 42, command: ['true'], directory: '/', environment: [] },
    autoRemove: false,
    detached: true,
    restart: 'no',
    terminal: false,
  });
  await controller.kill('web', 'KILL');
  controller.statistics = sampleStatistics;
  controller.differences.push({ object: 'bridge', problem: 'gone' });
  const paths = await describeApi(api);
  const checker = fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: false } } });
  const described = [
    'networks',
    'networks/{ref}',
    'cluster',
    'sandboxes',
    'sandboxes/{ref}',
    'endpoints',
    'ports',
    'check',
    'dns/query',
    'dns/names',
    'dns/stats',
    'version',
  ];
  for (const path of described) {
    const schema =
      paths[`/fairlead/v1/${path}`]?.['get']?.responses['200']?.content?.['application/json']?.schema;
    checker.post(
      `/${path.replace('{ref}', 'one')}`,
      { schema: { body: schema } },
      async () => 'as described',
    );
  }
  for (const path of described) {
    const ref = path.startsWith('networks') ? 'lab' : 'web';
    const query = path === 'dns/query' ? '?from=web&name=web' : '';
    const { body } = await call('GET', `/${path.replace('{ref}', ref)}${query}`);
    const url = `/${path.replace('{ref}', 'one')}`;
    const verdict = await checker.inject({ method: 'POST', url, payload: body as object });
    expect(`${path}: ${verdict.body}`).toBe(`${path}: as described`);
  }
});
