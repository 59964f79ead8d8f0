// Errors as HTTP answers: one table from code to status, and one shape of body.
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, NetError, toNetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { ErrorBody } from '../model/wire.ts';

/** docs/errors.md lists the same. */
export const httpStatus: Readonly<Record<ErrorCode, number>> = {
  invalid_parameter: 400,
  not_found: 404,
  already_exists: 409,
  conflict: 409,
  exhausted: 409,
  unavailable: 503,
  not_implemented: 501,
  internal: 500,
};

/** Larger than any sensible request; the launch of a process has its own limit. */
export const bodyLimitBytes = 1024 * 1024;

/** A refusal as it travels. */
export interface Refusal {
  readonly status: number;
  readonly body: ErrorBody;
}

/** Gives every route of the instance, and requests no route takes, the same kind of refusal. */
export function answerErrors(app: FastifyInstance, log: Log): void {
  app.setErrorHandler(async (error, request, reply) => {
    const refusal = refusalOf(error, request, log);
    return reply.code(refusal.status).send(refusal.body);
  });
  app.setNotFoundHandler(async (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const body: ErrorBody = { message: `no such route: ${request.method} ${path}`, code: 'not_found' };
    return reply.code(httpStatus.not_found).send(body);
  });
}

/** What to answer for anything thrown while a request was handled; logs what is nobody's fault but ours. */
export function refusalOf(thrown: unknown, request: FastifyRequest, log: Log): Refusal {
  if (isTransportError(thrown)) {
    return {
      status: thrown.statusCode,
      body: { message: transportMessage(thrown, request), code: 'invalid_parameter' },
    };
  }
  const error = toNetError(thrown);
  if (error.code === 'internal') {
    log.error({ err: thrown, method: request.method, url: request.url }, 'a request failed');
  }
  return { status: httpStatus[error.code], body: { message: error.message, code: error.code } };
}

/** Answers bytes that are no HTTP request. */
export function answerGarbage(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    {
      HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
      ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
    }[error.code ?? ''] ?? '400 Bad Request';
  const body = JSON.stringify({ message: `not a valid HTTP request (${status})`, code: 'invalid_parameter' });
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.end(`${head}\r\n\r\n${body}`);
}

interface SchemaViolation {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** There because the validator is set to be verbose. */
  readonly data?: unknown;
  readonly parentSchema?: { readonly properties?: Readonly<Record<string, unknown>> };
}

/** Says which field, which value and which limit a request ran against. */
export function describeViolation(violations: readonly SchemaViolation[], part: string): NetError {
  const [violation] = violations;
  if (violation === undefined) return new NetError('invalid_parameter', `${part} is not valid`);
  const { keyword, instancePath, params, data, message } = violation;
  const field = instancePath === '' ? part : instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'additionalProperties') {
    const known = Object.keys(violation.parentSchema?.properties ?? {}).join(', ') || 'none';
    const unknown = String(params['additionalProperty']);
    return new NetError('invalid_parameter', `${field}: unknown field ${unknown}; known are ${known}`);
  }
  if (keyword === 'required') {
    return new NetError(
      'invalid_parameter',
      `${field}: field ${String(params['missingProperty'])} is missing`,
    );
  }
  const allowed = keyword === 'enum' ? `: ${String(params['allowedValues'])}` : '';
  const value = (JSON.stringify(data) ?? 'nothing').slice(0, 100);
  return new NetError('invalid_parameter', `${field}: ${value} ${message ?? 'is not valid'}${allowed}`);
}

/** Errors of reading the request, before any route saw it. */
function isTransportError(thrown: unknown): thrown is FastifyError & { statusCode: number } {
  if (!(thrown instanceof Error) || thrown instanceof NetError) return false;
  const status = 'statusCode' in thrown ? thrown.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 500;
}

function transportMessage(error: FastifyError, request: FastifyRequest): string {
  const type = request.headers['content-type'] ?? 'none';
  const limit = request.routeOptions.bodyLimit;
  const known: Readonly<Record<string, string>> = {
    FST_ERR_CTP_INVALID_MEDIA_TYPE: `content type ${type} is not accepted; bodies are application/json`,
    FST_ERR_CTP_BODY_TOO_LARGE: `the body is larger than ${limit} bytes`,
    FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty; JSON is expected',
  };
  return known[error.code] ?? `the request cannot be read: ${error.message}`;
}
