// The daemon's own API on `api.sock`. Translates; decides nothing.
import type { Log } from '../base/log.ts';
import type { CniDoor } from '../cni/door.ts';
import type { Controller } from '../core/requests.ts';
import { withoutVersion } from './engine/api-version.ts';
import { engineRoutes } from './engine/routes.ts';
import { fairleadRoutes } from './fairlead/routes.ts';
import { answerErrors } from './http-errors.ts';
import { createApp, type HttpServer, serveApp } from './http-server.ts';

export interface ApiOptions {
  readonly controller: Controller;
  readonly cni: Pick<CniDoor, 'answer'>;
  readonly log: Log;
  /** The daemon's version. */
  readonly version: string;
}

export function createServer(options: ApiOptions): HttpServer {
  const { log } = options;
  const closing = new AbortController();
  const app = createApp({ rewriteUrl: withoutVersion });
  // JSON is the only language of the API.
  app.removeContentTypeParser('text/plain');
  answerErrors(app, log);
  const context = { ...options, closing: closing.signal };
  app.register(async (scope) => fairleadRoutes(scope, context), { prefix: '/fairlead/v1' });
  app.register(async (scope) => engineRoutes(scope, context));
  return serveApp(app, { log, access: 'group', closing });
}
