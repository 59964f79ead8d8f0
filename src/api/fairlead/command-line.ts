// Command lines that the static front sends as they were written: they are parsed here, and refused in plain text with the exit
// status in a header, so that the front needs to understand neither.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { UsageError } from '../../base/command-line.ts';
import type { Log } from '../../base/log.ts';
import { refusalOf } from '../http-errors.ts';

const wrongUsage = 2;

/** For every route of a scope. @param refused the exit status when the daemon refuses. */
export function refusePlainly(scope: FastifyInstance, log: Log, refused: number): void {
  scope.setErrorHandler(async (error, request, reply) => {
    const isUsage = error instanceof UsageError;
    const { status, body } = isUsage
      ? { status: 400, body: { message: error.message } }
      : refusalOf(error, request, log);
    return plain(reply.code(status).header('fairlead-exit', isUsage ? wrongUsage : refused), body.message);
  });
}

/** Wrong usage is answered with where to read on. */
export function understand<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}\nsee '${name} --help'`);
  }
}

export function plain(reply: FastifyReply, text: string): FastifyReply {
  return reply.type('text/plain; charset=utf-8').send(text);
}
