// What the daemon's HTTP servers have in common: how they read requests, listen at a socket file, and close.
import { rm } from 'node:fs/promises';
import { type FastifyInstance, fastify } from 'fastify';
import type { Log } from '../base/log.ts';
import { answerGarbage, bodyLimitBytes, describeViolation } from './http-errors.ts';
import { bindSocket, type SocketAccess } from './unix-socket.ts';
import { buildValidator } from './validator.ts';

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

type RewriteUrl = (request: { readonly url?: string | undefined }) => string;

export interface ServerOptions {
  readonly log: Log;
  readonly access: SocketAccess;
  /** Ends the streams. */
  readonly closing?: AbortController;
}

/** Without routes, and without answers to errors. `rewriteUrl` gives the path by which a request's route is found. */
export function createApp(options: { readonly rewriteUrl?: RewriteUrl } = {}): FastifyInstance {
  return fastify({
    ...options,
    bodyLimit: bodyLimitBytes,
    // A HEAD of a stream would never end.
    exposeHeadRoutes: false,
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerGarbage,
    schemaErrorFormatter: describeViolation,
    // References may be paths of namespaces.
    routerOptions: { maxParamLength: 4096 },
    schemaController: {
      compilersFactory: {
        // Its type there is that of Ajv's own function, which is not how it is called.
        buildValidator: buildValidator as never,
        // Schemas of answers are documentation: what is answered is never cut down to them.
        buildSerializer: () => () => JSON.stringify,
      },
    },
  });
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
