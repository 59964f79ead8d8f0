// The network part of the Docker Engine API: sandboxes stand where Docker has containers.
import type { FastifyInstance } from 'fastify';
import { refusalOf } from '../http-errors.ts';
import type { ApiContext, Routes } from '../route.ts';
import { checkVersion } from './api-version.ts';
import { containerRoutes } from './containers.ts';
import { daemonRoutes } from './daemon.ts';
import { eventRoutes } from './events.ts';
import { networkRoutes } from './networks.ts';
import { otherRoutes } from './other-routes.ts';

const routes: readonly Routes[] = [daemonRoutes, networkRoutes, containerRoutes, eventRoutes, otherRoutes];

/** For a server that finds routes by the path without its version. */
export function engineRoutes(app: FastifyInstance, context: ApiContext): void {
  app.addHook('onRequest', checkVersion);
  // Docker's client prints a refusal's message only if the type is this one to the letter, and says that no body is text.
  app.addHook('onSend', async (_request, reply) => {
    const type = String(reply.getHeader('content-type') ?? '');
    if (type.startsWith('application/json')) reply.header('content-type', 'application/json');
  });
  app.addContentTypeParser('text/plain', (_request, payload, done) => {
    payload.resume();
    done(null);
  });
  app.setErrorHandler(async (error, request, reply) => {
    const { status, body } = refusalOf(error, request, context.log);
    // What is in the way of a network is forbidden in Docker's words; a conflict is a name that is taken.
    return reply.code(body.code === 'conflict' ? 403 : status).send({ message: body.message });
  });
  for (const add of routes) add(app, context);
}
