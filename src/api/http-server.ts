// What the daemon's HTTP servers have in common: how they read requests, listen at a socket file, and close.
import { rm } from 'node:fs/promises';
import { type FastifyInstance, fastify } from 'fastify';
import type { Log } from '../base/log.ts';
import { answerGarbage, bodyLimitBytes, describeViolation } from './http-errors.ts';
import { bindSocket, type SocketAccess } from './unix-socket.ts';

/** How long requests under way may take when the server closes. */
const closeGraceMs = 1000;

export interface HttpServer {
  /** Answers without a socket, for tests. */
  readonly inject: FastifyInstance['inject'];
  /** Starts to answer at a socket file. Errors: `conflict` when another daemon answers there. */
  listen(path: string): Promise<void>;
  /** Ends streams, lets requests under way finish for a second, and removes the socket file. */
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly log: Log;
  readonly access: SocketAccess;
  /** Ends the streams. */
  readonly closing?: AbortController;
}

/** Without routes, and without answers to errors. */
export function createApp(): FastifyInstance {
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
  // Schemas of answers are documentation: what is answered is never cut down to them.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  return app;
}

export function serveApp(app: FastifyInstance, { log, access, closing }: ServerOptions): HttpServer {
  let socket: string | undefined;
  return {
    inject: app.inject.bind(app) as FastifyInstance['inject'],
    async listen(path) {
      await bindSocket(path, { log, access }, (bound) => app.listen({ path: bound }));
      socket = path;
    },
    async close() {
      if (socket !== undefined) await rm(socket, { force: true });
      closing?.abort();
      const cut = setTimeout(() => app.server.closeAllConnections(), closeGraceMs);
      await app.close();
      clearTimeout(cut);
    },
  };
}
