// The daemon's HTTP server on its unix socket. Translates; decides nothing.
import { rm } from 'node:fs/promises';
import { type FastifyInstance, fastify } from 'fastify';
import type { Log } from '../base/log.ts';
import type { CniDoor } from '../cni/door.ts';
import type { Controller } from '../core/requests.ts';
import { engineRoutes } from './engine/routes.ts';
import { fairleadRoutes } from './fairlead/routes.ts';
import { answerErrors, answerGarbage, bodyLimitBytes, describeViolation } from './http-errors.ts';
import { bindSocket } from './unix-socket.ts';

/** How long requests under way may take when the server closes. */
const closeGraceMs = 1000;

export interface ApiOptions {
  readonly controller: Controller;
  readonly cni: Pick<CniDoor, 'answer'>;
  readonly log: Log;
  /** The daemon's version. */
  readonly version: string;
}

export interface ApiServer {
  /** Answers without a socket, for tests. */
  readonly inject: FastifyInstance['inject'];
  /** Starts to answer at a socket file. Errors: `conflict` when another daemon answers there. */
  listen(path: string): Promise<void>;
  /** Ends streams, lets requests under way finish for a second, and removes the socket file. */
  close(): Promise<void>;
}

export function createServer(options: ApiOptions): ApiServer {
  const closing = new AbortController();
  const app = createApp(options.log);
  const context = { ...options, closing: closing.signal };
  app.register(async (scope) => fairleadRoutes(scope, context), { prefix: '/fairlead/v1' });
  app.register(async (scope) => engineRoutes(scope, context));
  let socket: string | undefined;
  return {
    inject: app.inject.bind(app) as FastifyInstance['inject'],
    async listen(path) {
      await bindSocket(path, options.log, (bound) => app.listen({ path: bound }));
      socket = path;
    },
    async close() {
      if (socket !== undefined) await rm(socket, { force: true });
      closing.abort();
      const cut = setTimeout(() => app.server.closeAllConnections(), closeGraceMs);
      await app.close();
      clearTimeout(cut);
    },
  };
}

function createApp(log: Log): FastifyInstance {
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    // A HEAD of a stream would never end.
    exposeHeadRoutes: false,
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerGarbage,
    schemaErrorFormatter: describeViolation,
    // References may be paths of namespaces.
    routerOptions: { maxParamLength: 4096 },
    ajv: {
      customOptions: { removeAdditional: false, coerceTypes: false, verbose: true, allowUnionTypes: true },
    },
  });
  // JSON is the only language of the API.
  app.removeContentTypeParser('text/plain');
  // Schemas of answers are documentation: what is answered is never cut down to them.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  answerErrors(app, log);
  return app;
}
