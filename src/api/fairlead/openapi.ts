// /openapi.json: the description of the API, made from the schemas the routes are checked by.
import type { RouteOptions } from 'fastify';
import type { Routes } from '../route.ts';
import { errorBody, object, type Schema } from '../schema.ts';

/** Adds the description of every route added to the same instance after it. */
export const openApiRoute: Routes = (app, { version }) => {
  const routes: RouteOptions[] = [];
  app.addHook('onRoute', (route) => {
    routes.push(route);
  });
  app.get(
    '/openapi.json',
    { config: { summary: 'This description' }, schema: { response: { 200: object({}) } } },
    async () => describe(routes, version),
  );
};

function describe(routes: readonly RouteOptions[], version: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [String(route.method).toLowerCase()]: operation(route) };
  }
  return { openapi: '3.1.0', info: { title: 'Fairlead', version }, paths };
}

function operation({ schema, config, url, method }: RouteOptions) {
  const words = url.split('/').filter((word) => word !== '' && !word.startsWith(':'));
  return {
    operationId: [
      String(method).toLowerCase(),
      ...words.slice(2),
      ...(url.includes(':') ? ['one'] : []),
    ].join('-'),
    ...(config?.summary !== undefined && { summary: config.summary }),
    parameters: [...parameters('path', schema?.params), ...parameters('query', schema?.querystring)],
    ...(schema?.body !== undefined && {
      requestBody: { required: true, content: json(schema.body as Schema) },
    }),
    responses: { ...successes(schema?.response, config?.produces), default: refusal },
  };
}

const refusal = { description: 'Refused; docs/errors.md lists codes and statuses', content: json(errorBody) };

function parameters(place: 'path' | 'query', schema: unknown) {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Readonly<Record<string, Schema>>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, value]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: value,
  }));
}

function successes(response: unknown, produces: string | undefined) {
  if (produces !== undefined) return { 200: { description: 'Done', content: { [produces]: {} } } };
  if (response === undefined) return { 204: { description: 'Done' } };
  return Object.fromEntries(
    Object.entries(response as Record<string, Schema>).map(([status, schema]) => [
      status,
      { description: 'Done', content: json(schema) },
    ]),
  );
}

function json(schema: Schema) {
  return { 'application/json': { schema } };
}
