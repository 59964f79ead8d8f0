// What of Docker's API is not networking: refused by name. Anything else is no page at all.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { NetError } from '../../base/errors.ts';

/** First words of the paths of Docker's API that have nothing to do with networks, or more than this daemon does. */
const known: readonly string[] = [
  ...['auth', 'build', 'commit', 'configs', 'containers', 'distribution', 'exec', 'grpc', 'images', 'nodes'],
  ...['plugins', 'secrets', 'services', 'session', 'swarm', 'system', 'tasks', 'volumes'],
];

export function otherRoutes(app: FastifyInstance): void {
  // `docker inspect` looks among images before networks, and goes on only when there is none.
  app.get('/images/*', { onRequest: findImage }, async () => undefined);
  // Before a body is read: it may be of any type, and of any length.
  app.all('/*', { onRequest: refuse }, async () => undefined);
}

async function findImage(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const [, name] = /\/images\/(.+)\/json$/.exec(request.url.split('?', 1)[0] ?? '') ?? [];
  if (name === undefined) return refuse(request, reply);
  throw new NetError('not_found', `no such image: ${name}`);
}

async function refuse(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const path = request.url.split('?', 1)[0] ?? '';
  if (path.startsWith('/fairlead/')) return reply.callNotFound() as unknown as undefined;
  const [, first = ''] = path.split('/');
  if (known.includes(first)) {
    const asked = request.originalUrl.split('?', 1)[0];
    throw new NetError(
      'not_implemented',
      `${request.method} ${asked} is not available: this daemon answers the network part of the Docker Engine API`,
    );
  }
  throw new NetError('not_found', 'page not found');
}
