// The methods of one interface of the plugin protocol as routes. A refusal is an answer like any other there: status 200
// with its text in a field; other statuses say that the request itself was not understood, or that we failed.
import type { FastifyInstance } from 'fastify';
import type { Log } from '../../base/log.ts';
import type { EngineController } from '../../core/engine-requests.ts';
import { refusalOf } from '../http-errors.ts';
import type { Schema } from '../schema.ts';
import type { CallLimit } from './call-limit.ts';

/** What the methods are given. */
export interface PluginContext {
  readonly engines: EngineController;
  readonly calls: CallLimit;
  readonly log: Log;
}

/** `body` is what the method's schema lets through; of a method without one it is not looked at. */
export type AddMethod = <Body>(
  name: string,
  schema: Schema | undefined,
  answer: (body: Body) => object | Promise<object>,
) => void;

/** How an interface words a refusal. */
export type RefusalBody = (message: string) => Readonly<Record<string, string>>;

/** Adds methods to an interface, in an encapsulated part of the server. */
export function methodsOf(
  scope: FastifyInstance,
  {
    name: interfaceName,
    log,
    refuse,
  }: { readonly name: string; readonly log: Log; readonly refuse: RefusalBody },
): AddMethod {
  scope.setErrorHandler(async (error, request, reply) => {
    const { status, body } = refusalOf(error, request, log);
    return reply.code(status).send(refuse(body.message));
  });
  return (name, schema, answer) => {
    const method = `${interfaceName}.${name}`;
    const options = schema === undefined ? {} : { schema: { body: schema } };
    scope.post(`/${method}`, options, async (request, reply) => {
      try {
        return await answer(request.body as never);
      } catch (thrown) {
        const { status, body } = refusalOf(thrown, request, log);
        // Dockerd tells nobody what it was refused while it cleans up.
        if (status < 500)
          log.warn({ method, ...idsOf(request.body), reason: body.message }, 'refused to dockerd');
        return reply.code(status === 500 ? 500 : 200).send(refuse(body.message));
      }
    });
  };
}

function idsOf(body: unknown): object {
  const { NetworkID, EndpointID, PoolID } = (body ?? {}) as Readonly<Record<string, unknown>>;
  return { network: NetworkID, endpoint: EndpointID, pool: PoolID };
}
