// The daemon as a plugin of dockerd: libnetwork's remote protocol on a socket in Docker's plugin directory.
import { NetError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { EngineController } from '../../core/engine-requests.ts';
import { createApp, type HttpServer, serveApp } from '../http-server.ts';
import { CallLimit } from './call-limit.ts';
import { ipamDriverMethods } from './ipam-driver.ts';
import { methodsOf, type RefusalBody } from './method.ts';
import { networkDriverMethods } from './network-driver.ts';

/** Below the five seconds after which a caller may take us for dead. */
const defaultCallLimitMs = 4500;

/** Docker's clients ask for it by this name; they accept any. */
const mediaType = 'application/vnd.docker.plugins.v1.2+json';

export interface PluginOptions {
  readonly engines: EngineController;
  /** Called with each call of dockerd. */
  readonly onCall?: () => void;
  readonly log: Log;
  readonly callLimitMs?: number;
}

export function createPluginServer({ engines, onCall, log, callLimitMs }: PluginOptions): HttpServer {
  const app = createApp();
  // Dockerd names no type and means JSON; without arguments it sends nothing.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, body: string | Buffer) =>
    parseBody(String(body)),
  );
  app.addHook('onSend', async (_request, reply) => {
    onCall?.();
    reply.header('content-type', mediaType);
  });
  app.setNotFoundHandler(async (request, reply) => {
    return reply.code(404).send(refuseAsNetwork(`no such method: ${request.method} ${request.url}`));
  });
  const context = { engines, log, calls: new CallLimit(log, callLimitMs ?? defaultCallLimitMs) };
  app.register(async (scope) => {
    const add = methodsOf(scope, { name: 'Plugin', log, refuse: refuseAsNetwork });
    add('Activate', undefined, () => ({ Implements: ['NetworkDriver', 'IpamDriver'] }));
  });
  app.register(async (scope) =>
    networkDriverMethods(methodsOf(scope, { name: 'NetworkDriver', log, refuse: refuseAsNetwork }), context),
  );
  app.register(async (scope) =>
    ipamDriverMethods(methodsOf(scope, { name: 'IpamDriver', log, refuse: refuseAsIpam }), context),
  );
  return serveApp(app, { log, access: 'root' });
}

const refuseAsNetwork: RefusalBody = (message) => ({ Err: message });

/** Of an answer with status 200 the one is read, of any other the second. */
const refuseAsIpam: RefusalBody = (message) => ({ Error: message, Err: message });

function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new NetError('invalid_parameter', `the body is not JSON: ${String(error)}`, { cause: error });
  }
}
